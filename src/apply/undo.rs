//! Undoing: by the device's own means first, otherwise by proved commands; always seen
//! afterwards over a new session.

use super::read::{Seen, read_running};
use super::{Ending, Ports, hold_of, is_loss, open_lines};
use crate::config::Sealer;
use crate::device::{DeviceError, Session};
use crate::model::{
    Attempt, HoldReason, Outcome, RollbackCause, StepKind, StoreError, Txn, UndoArmed, chain,
};

/// What an undo works on.
pub(super) struct Undoing<'a, 'p> {
    pub(super) ports: &'a Ports<'p>,
    pub(super) sealer: &'a mut Sealer,
    pub(super) attempt: &'a mut Attempt,
    pub(super) txn: &'a Txn,
    pub(super) base: &'a Seen,
}

/// Undoes the change and proves it by reading the device again, over one of the sessions
/// that still answer; without one, a new session is tried once.
pub(super) async fn undo(
    undoing: &mut Undoing<'_, '_>,
    alive: &mut [&mut dyn Session],
    cause: RollbackCause,
    why: &str,
) -> Ending {
    let noted = undoing
        .ports
        .step(undoing.attempt, StepKind::Undo, why, None)
        .await;
    if let Err(error @ StoreError::LeaseLost { .. }) = &noted {
        // the device is somebody else's now, perhaps with a trial of theirs: they settle this
        let text = format!("{why}; not touched any more: {}", chain(error));
        return Ending::in_doubt(text).caused_by(cause);
    }
    let ending = match restore(undoing, alive).await {
        Ok(()) => prove(undoing, why).await,
        Err(error) => not_restored(undoing.txn, why, &error),
    };
    let ending = ending.caused_by(cause);
    match noted {
        Ok(()) => ending,
        // the undo went on without the journal: the device comes first
        Err(error) => Ending {
            detail: format!("{} (journal: {})", ending.detail, chain(&error)),
            ..ending
        },
    }
}

/// The commit failed before an undo was armed, so nothing was typed; that too is looked at.
pub(super) async fn nothing_typed(undoing: &mut Undoing<'_, '_>, failed: Ending) -> Ending {
    let seen = prove(undoing, &failed.detail).await;
    match seen.outcome {
        Some(Outcome::RolledBack) => Ending {
            running: seen.running,
            ..failed
        },
        Some(_) | None => seen.caused_by(RollbackCause::DeviceError),
    }
}

async fn restore(
    undoing: &mut Undoing<'_, '_>,
    alive: &mut [&mut dyn Session],
) -> Result<(), DeviceError> {
    let mut answer = None;
    for session in alive {
        match restore_over(undoing, &mut **session).await {
            Ok(()) => return Ok(()),
            Err(error @ DeviceError::HalfRestored { .. }) => return Err(error),
            Err(error) if is_loss(&error) => {}
            Err(error) => answer = Some(error),
        }
    }
    if let Some(error) = answer {
        return Err(error);
    }
    let mut session = undoing.ports.new_session().await?;
    let restored = restore_over(undoing, &mut *session).await;
    session.close().await;
    restored
}

async fn restore_over(
    undoing: &mut Undoing<'_, '_>,
    session: &mut dyn Session,
) -> Result<(), DeviceError> {
    match undoing.txn.undo {
        UndoArmed::DeviceTimer => session.rollback(undoing.txn).await,
        UndoArmed::Host { .. } => match restore_by_commands(undoing, session).await {
            // back where it was: the guard is no longer needed
            Ok(()) => session.confirm(undoing.txn).await,
            Err(_) => session.rollback(undoing.txn).await,
        },
        UndoArmed::Nothing | UndoArmed::Attended => restore_by_commands(undoing, session).await,
    }
}

/// Reads what is there now (a change may have stopped half way), types the planner's way
/// back from exactly that, and reads again: a refused line decides nothing.
async fn restore_by_commands(
    undoing: &mut Undoing<'_, '_>,
    session: &mut dyn Session,
) -> Result<(), DeviceError> {
    let ports = undoing.ports;
    let device = undoing.txn.device.as_str();
    let now = read_running(session, device, undoing.sealer, ports.dialect).await?;
    if now.fingerprint == undoing.base.fingerprint {
        return Ok(());
    }
    let half = |answer: &str| DeviceError::HalfRestored {
        device: device.to_owned(),
        answer: answer.to_owned(),
    };
    let back = (ports.undo_planner)(&now.document, &undoing.base.document)
        .ok_or_else(|| half("no proved way back from what the device runs now"))?;
    let lines = open_lines(undoing.sealer, &back).map_err(|why| half(&why))?;
    let refused = match session.lines(&lines).await {
        Ok(()) => None,
        Err(error @ DeviceError::Refused { .. }) => Some(chain(&error)),
        Err(error) => return Err(error),
    };
    let now = read_running(session, device, undoing.sealer, ports.dialect).await?;
    if now.fingerprint == undoing.base.fingerprint {
        return Ok(());
    }
    Err(half(&refused.unwrap_or_else(|| {
        "the commands back did not lead back".to_owned()
    })))
}

fn not_restored(txn: &Txn, why: &str, error: &DeviceError) -> Ending {
    match error {
        DeviceError::HalfRestored { .. } => {
            let text = format!("{why}; {}", chain(error));
            Ending::new(Outcome::Unknown, text.clone()).with_hold(HoldReason::Quarantined, text)
        }
        DeviceError::Connect { .. }
        | DeviceError::HostKey { .. }
        | DeviceError::Auth { .. }
        | DeviceError::Credential { .. }
        | DeviceError::Lost { .. }
        | DeviceError::Timeout { .. }
        | DeviceError::Protocol { .. }
        | DeviceError::Refused { .. }
        | DeviceError::Incomplete { .. }
        | DeviceError::Busy { .. }
        | DeviceError::Prerequisite { .. }
        | DeviceError::Unsupported { .. }
        | DeviceError::Poisoned { .. } => left_to_the_device(txn, why, error),
    }
}

/// Only what is read again over a new session counts.
async fn prove(undoing: &mut Undoing<'_, '_>, why: &str) -> Ending {
    let seen = match read_again(undoing).await {
        Ok(seen) => seen,
        Err(error) => return left_to_the_device(undoing.txn, why, &error),
    };
    if seen.fingerprint == undoing.base.fingerprint {
        let note = "read again: running is what it was before";
        drop(
            undoing
                .ports
                .step(undoing.attempt, StepKind::Undone, note, None)
                .await,
        );
        return Ending::new(Outcome::RolledBack, why).with_running(&seen);
    }
    let dialect = undoing.ports.dialect;
    let found = if seen
        .unlike_planned(undoing.base, undoing.txn, dialect)
        .is_none()
    {
        "the change is still there"
    } else {
        "running is neither what it was nor what was intended"
    };
    let text = format!("{why}; after the undo {found}");
    Ending::new(Outcome::Unknown, text.clone())
        .with_running(&seen)
        .with_hold(HoldReason::Quarantined, text)
}

async fn read_again(undoing: &mut Undoing<'_, '_>) -> Result<Seen, DeviceError> {
    let mut session = undoing.ports.new_session().await?;
    let device = &undoing.txn.device;
    let dialect = undoing.ports.dialect;
    let read = read_running(&mut *session, device, undoing.sealer, dialect).await;
    session.close().await;
    read
}

/// We cannot reach it: whoever holds the undo will act, and the device is in doubt till then.
fn left_to_the_device(txn: &Txn, why: &str, error: &DeviceError) -> Ending {
    let left = match txn.undo {
        UndoArmed::DeviceTimer | UndoArmed::Host { .. } => "undo is left to the device",
        UndoArmed::Nothing | UndoArmed::Attended => "could not be undone yet",
    };
    let ending = Ending::in_doubt(format!("{why}; {left} ({})", chain(error)));
    match hold_of(error) {
        Some(reason) => ending.with_hold(reason, chain(error)),
        None => ending,
    }
}

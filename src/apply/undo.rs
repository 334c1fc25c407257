//! Undoing: by the device's own means first, otherwise by proved commands; always seen
//! afterwards over a new session.

use super::read::{Seen, read_running};
use super::{Ending, Ports, chain, open_lines};
use crate::config::{Document, Sealer};
use crate::device::{DeviceError, Session};
use crate::model::{Attempt, HoldReason, Outcome, Plan, RollbackCause, StepKind, Txn, UndoArmed};

/// What an undo works on.
pub(super) struct Undoing<'a, 'p> {
    pub(super) ports: &'a Ports<'p>,
    pub(super) sealer: &'a mut Sealer,
    pub(super) attempt: &'a mut Attempt,
    pub(super) txn: &'a Txn,
    pub(super) base: &'a Seen,
}

/// Undoes the change and proves it by reading the device again. `alive` is a session that
/// still answers, if there is one; otherwise a new one is tried once.
pub(super) async fn undo(
    undoing: &mut Undoing<'_, '_>,
    alive: Option<&mut dyn Session>,
    cause: RollbackCause,
    why: &str,
) -> Ending {
    // the undo goes on even if the journal is gone: the device comes first
    let noted = undoing
        .ports
        .step(undoing.attempt, StepKind::Undo, why, None)
        .await;
    let restored = match alive {
        Some(session) => restore(undoing, session).await,
        None => restore_over_new_session(undoing).await,
    };
    let ending = match restored {
        Ok(()) => prove(undoing, why).await,
        Err(error @ DeviceError::HalfRestored { .. }) => {
            let text = format!("{why}; {}", chain(&error));
            Ending::new(Outcome::Unknown, text.clone()).with_hold(HoldReason::Quarantined, text)
        }
        Err(error) => left_to_the_device(undoing.txn, why, &chain(&error)),
    };
    let ending = ending.caused_by(cause);
    match noted {
        Ok(()) => ending,
        Err(error) => Ending {
            detail: format!("{} (journal: {})", ending.detail, chain(&error)),
            ..ending
        },
    }
}

async fn restore_over_new_session(undoing: &mut Undoing<'_, '_>) -> Result<(), DeviceError> {
    let mut session = undoing.ports.new_session().await?;
    let restored = restore(undoing, &mut *session).await;
    session.close().await;
    restored
}

async fn restore(
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

/// Reads what is there now (a change may have stopped half way) and types the planner's
/// way back from exactly that.
async fn restore_by_commands(
    undoing: &mut Undoing<'_, '_>,
    session: &mut dyn Session,
) -> Result<(), DeviceError> {
    let ports = undoing.ports;
    let device = &undoing.txn.device;
    let now = read_running(session, device, undoing.sealer, ports.dialect).await?;
    if now.fingerprint == undoing.base.fingerprint {
        return Ok(());
    }
    let half = |answer: &str| DeviceError::HalfRestored {
        device: device.clone(),
        answer: answer.to_owned(),
    };
    let back = (ports.undo_planner)(&now.document, &undoing.base.document)
        .ok_or_else(|| half("no proved way back from what the device runs now"))?;
    let lines = open_lines(undoing.sealer, &back).map_err(|why| half(&why))?;
    session.lines(&lines).await
}

/// Only what is read again over a new session counts.
async fn prove(undoing: &mut Undoing<'_, '_>, why: &str) -> Ending {
    let ports = undoing.ports;
    let mut session = match ports.new_session().await {
        Ok(session) => session,
        Err(error) => return left_to_the_device(undoing.txn, why, &chain(&error)),
    };
    let read = read_running(
        &mut *session,
        &undoing.txn.device,
        undoing.sealer,
        ports.dialect,
    )
    .await;
    session.close().await;
    match read {
        Err(error) => left_to_the_device(undoing.txn, why, &chain(&error)),
        Ok(seen) if seen.fingerprint == undoing.base.fingerprint => {
            let note = "read again: running is what it was before";
            drop(
                ports
                    .step(undoing.attempt, StepKind::Undone, note, None)
                    .await,
            );
            Ending::new(Outcome::RolledBack, why).with_running(&seen)
        }
        Ok(seen) => {
            let text = format!(
                "{why}; after the undo running is neither what it was nor what was intended"
            );
            Ending::new(Outcome::Unknown, text.clone())
                .with_running(&seen)
                .with_hold(HoldReason::Quarantined, text)
        }
    }
}

/// We cannot reach it: whoever holds the undo will act, and the device is in doubt till then.
fn left_to_the_device(txn: &Txn, why: &str, error: &str) -> Ending {
    match txn.undo {
        UndoArmed::DeviceTimer | UndoArmed::Host { .. } => {
            Ending::in_doubt(format!("{why}; undo is left to the device ({error})"))
        }
        UndoArmed::Nothing | UndoArmed::Attended => {
            Ending::in_doubt(format!("{why}; could not be undone yet ({error})"))
        }
    }
}

/// The first lines in which the device is not what the replay said, for a person.
pub(super) fn differing_lines(seen: &Document, plan: &Plan, undoing: &Undoing<'_, '_>) -> String {
    const SHOWN: usize = 3;
    let commands: Vec<&str> = plan.remediation.iter().map(|c| c.line.as_str()).collect();
    let dialect = undoing.ports.dialect;
    let Ok(replay) = crate::config::simulate::replay(&undoing.base.document, &commands, dialect)
    else {
        return "the replay cannot be repeated".to_owned();
    };
    let full = crate::config::Scope {
        full: true,
        sections: Vec::new(),
    };
    let diff = crate::config::compare(seen, &replay.document, None, dialect, &full);
    let text = diff.render(seen, &replay.document);
    let changed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with(['-', '+']))
        .take(SHOWN)
        .map(str::trim_end)
        .collect();
    changed.join(" | ")
}

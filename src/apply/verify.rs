//! The trial: the change is in force and its undo is armed. Only what a second, new session
//! sees is confirmed.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::confirm::{confirm, save};
use super::precheck::Before;
use super::read::{Seen, read_running};
use super::undo::{Undoing, undo};
use super::{Allowed, Ending, Ports, checks, is_loss};
use crate::device::{DeviceError, NextStep, Session};
use crate::model::{Outcome, Plan, RollbackCause, StepKind, UndoArmed, chain};

/// How often a new session is tried before the change counts as having cut us off, as long
/// as the failures come quickly: all tries together take no longer than one connection may.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest time post-checks may take to come good (routing converges), capped further by a
/// third of the undo's time.
const CHECK_PATIENCE: Duration = Duration::from_secs(30);

/// From here on every way out either confirms or undoes.
pub(super) async fn trial(
    first: &mut dyn Session,
    mut undoing: Undoing<'_, '_>,
    plan: &Plan,
    before: &Before,
    allowed: Allowed,
) -> Ending {
    let ports = undoing.ports;
    let note = "over a new session";
    if let Err(error) = ports
        .step(undoing.attempt, StepKind::Verify, note, None)
        .await
    {
        let why = chain(&error);
        return undo(&mut undoing, &mut [first], RollbackCause::Fence, &why)
            .await
            .try_again();
    }
    let mut second = match connect_again(ports).await {
        Ok(session) => session,
        Err(error) => return cut_off(&mut undoing, first, &error).await,
    };
    let ending = match verify(&mut *second, &mut undoing, plan, before).await {
        // what is lost once is not asked again: the undo makes a session of its own
        Err((cause @ RollbackCause::Disconnect, why)) => {
            undo(&mut undoing, &mut [], cause, &why).await
        }
        Err((cause, why)) => undo(&mut undoing, &mut [&mut *second, first], cause, &why).await,
        Ok(seen) => {
            let mut ending = confirm(first, &mut *second, &mut undoing).await;
            if ending.outcome == Some(Outcome::Applied) {
                let seen = (before, &seen);
                save(&mut *second, &mut undoing, seen, allowed, &mut ending).await;
            }
            match ending.running {
                None => ending.with_running(&seen),
                Some(_) => ending,
            }
        }
    };
    second.close().await;
    ending
}

/// The new session did not come about. A device that answers and does not let us in can be
/// undone over the old session, now; one that is silent is left to whoever holds the undo.
async fn cut_off(
    undoing: &mut Undoing<'_, '_>,
    first: &mut dyn Session,
    error: &DeviceError,
) -> Ending {
    let why = format!("no new session after the change: {}", chain(error));
    let cause = RollbackCause::Disconnect;
    let silent = error.next_step() != NextStep::Hold;
    match undoing.txn.undo {
        UndoArmed::DeviceTimer | UndoArmed::Host { .. } if silent => {
            let why = format!("{why}; the device undoes the change by itself");
            let noted = undoing
                .ports
                .step(undoing.attempt, StepKind::Undo, &why, None)
                .await;
            let failed = noted.err().map(|error| format!(" (journal: {error})"));
            Ending::in_doubt(why + &failed.unwrap_or_default()).caused_by(cause)
        }
        UndoArmed::DeviceTimer
        | UndoArmed::Host { .. }
        | UndoArmed::Attended
        | UndoArmed::Nothing => undo(undoing, &mut [first], cause, &why).await,
    }
}

async fn connect_again(ports: &Ports<'_>) -> Result<Box<dyn Session>, DeviceError> {
    let patience = ports.target.connect_timeout;
    let deadline = Instant::now() + patience;
    let mut tries = 1;
    loop {
        let Ok(tried) = timeout_at(deadline, ports.new_session()).await else {
            return Err(DeviceError::Timeout {
                device: ports.target.device.clone(),
                doing: "connecting again".to_owned(),
                seconds: patience.as_secs(),
            });
        };
        let over = tries >= TRIES || Instant::now() + PAUSE >= deadline;
        match tried {
            // a refused login is never repeated by ourselves
            Err(error) if over || error.next_step() == NextStep::Hold => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
            Ok(session) => return Ok(session),
        }
        tries += 1;
    }
}

/// Re-reads the device: it must be exactly what the replay said, and no check worse.
async fn verify(
    session: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    plan: &Plan,
    before: &Before,
) -> Result<Seen, (RollbackCause, String)> {
    let fault = |doing: &str, error: &DeviceError| {
        let cause = if is_loss(error) {
            RollbackCause::Disconnect
        } else {
            RollbackCause::PostCheck
        };
        (cause, format!("{doing}: {}", chain(error)))
    };
    let seen = read_running(session, &plan.device, undoing.sealer, undoing.ports.dialect)
        .await
        .map_err(|error| fault("verifying", &error))?;
    if let Some(differs) = seen.unlike_planned(undoing.base, undoing.txn, undoing.ports.dialect) {
        let text = format!("the device did not become what the replay said: {differs}");
        return Err((RollbackCause::PostCheck, text));
    }
    let patience = CHECK_PATIENCE.min(Duration::from_secs(plan.undo.within / 3));
    let worse = checks::settle(session, &plan.checks, &before.checks, patience)
        .await
        .map_err(|error| fault("post-checks", &error))?;
    if worse.is_empty() {
        Ok(seen)
    } else {
        let text = format!("worse than before: {}", worse.join(", "));
        Err((RollbackCause::PostCheck, text))
    }
}

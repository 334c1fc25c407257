//! Settling an attempt that another process (or an earlier pass) left open: never sends it
//! again, only looks, undoes, and writes down what is.

use super::read::{Seen, read_running};
use super::undo::{Undoing, undo};
use super::{Ending, Ports, chain};
use crate::config::{Document, Sealer};
use crate::device::{NextStep, Session};
use crate::model::{
    Attempt, HoldReason, Outcome, PendingCommit, RollbackCause, StepKind, Txn, UndoArmed,
};

/// Seconds beyond the armed time in which a guard may still be at work.
const GUARD_MARGIN: i64 = 30;

/// Looks at the device and decides how the attempt ended. `base` is the stored running
/// configuration before it, sealed.
pub async fn settle(
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    attempt: &mut Attempt,
    base: &str,
) -> Ending {
    let Some(txn) = last_txn(attempt) else {
        return Ending::new(Outcome::Failed, "interrupted before anything was sent");
    };
    if !reached(attempt, StepKind::Commit) {
        return Ending::new(
            Outcome::Failed,
            "interrupted before the commit; nothing changed",
        );
    }
    if reached(attempt, StepKind::Confirmed) {
        return Ending::new(Outcome::Applied, "confirmed before the interruption");
    }
    if let Err(error) = ports.step(attempt, StepKind::Settle, "", None).await {
        return Ending::in_doubt(chain(&error));
    }
    let mut session = match ports.new_session().await {
        Ok(session) => session,
        Err(error) => {
            let ending = Ending::in_doubt(format!("in doubt, cannot look: {}", chain(&error)));
            return match error.next_step() {
                NextStep::Hold => ending.with_hold(HoldReason::Auth, chain(&error)),
                NextStep::Retry | NextStep::Replan => ending,
            };
        }
    };
    let document = Document::parse(base, ports.dialect);
    let fingerprint = document.fingerprint();
    let base = Seen {
        text: base.to_owned(),
        document,
        fingerprint,
    };
    let ending = look(&mut *session, ports, sealer, attempt, &txn, &base).await;
    session.close().await;
    ending
}

async fn look(
    session: &mut dyn Session,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    attempt: &mut Attempt,
    txn: &Txn,
    base: &Seen,
) -> Ending {
    let looked = async {
        let pending = session.pending().await?;
        let seen = read_running(session, &txn.device, sealer, ports.dialect).await?;
        Ok::<_, crate::device::DeviceError>((pending, seen))
    }
    .await;
    let (pending, seen) = match looked {
        Ok(looked) => looked,
        Err(error) => return Ending::in_doubt(format!("in doubt: {}", chain(&error))),
    };
    if let Some(wait) = guard_may_still_fire(ports, attempt, txn, pending.as_ref()) {
        return Ending::in_doubt(wait).with_running(&seen);
    }
    match decide(attempt, txn, pending.as_ref(), &seen, base) {
        Verdict::Undo => {
            let txn = &holder_of(txn, pending.as_ref());
            let mut undoing = Undoing {
                ports,
                sealer,
                attempt,
                txn,
                base,
            };
            undo(
                &mut undoing,
                Some(session),
                RollbackCause::Interrupted,
                "interrupted in the middle of a trial",
            )
            .await
        }
        Verdict::Ended(outcome, detail) => {
            if outcome == Outcome::RolledBack {
                disarm(session, txn).await;
            }
            Ending::new(outcome, detail).with_running(&seen)
        }
        Verdict::Lost => {
            let text = "neither what it was before nor what was planned, and nothing is pending";
            Ending::new(Outcome::Unknown, text)
                .with_running(&seen)
                .with_hold(HoldReason::Quarantined, text)
        }
    }
}

/// A process that died between arming the undo and writing that down leaves a guard on the
/// host that nobody can name: nothing is done until its time is over.
fn guard_may_still_fire(
    ports: &Ports<'_>,
    attempt: &Attempt,
    txn: &Txn,
    pending: Option<&PendingCommit>,
) -> Option<String> {
    if pending.is_some()
        || reached(attempt, StepKind::Committed)
        || *attempt_undo(attempt, txn) != UndoArmed::Nothing
    {
        return None;
    }
    let armed = attempt
        .steps
        .iter()
        .rev()
        .find(|step| step.kind == StepKind::Commit)?
        .at;
    let seconds = i64::try_from(attempt.body.undo.within).unwrap_or(i64::MAX / 2);
    let left = armed.as_second() + seconds + GUARD_MARGIN - (ports.now)().as_second();
    (left > 0).then(|| format!("an undo may still be armed on the host, for {left} s"))
}

/// A trial the device itself shows as pending is held by its timer, whatever the journal
/// had time to say.
fn holder_of(txn: &Txn, pending: Option<&PendingCommit>) -> Txn {
    let mut txn = txn.clone();
    if pending.is_some() && txn.undo == UndoArmed::Nothing {
        txn.undo = UndoArmed::DeviceTimer;
    }
    txn
}

enum Verdict {
    Undo,
    Ended(Outcome, &'static str),
    Lost,
}

/// Pure: what the journal and one look at the device say together.
fn decide(
    attempt: &Attempt,
    txn: &Txn,
    pending: Option<&PendingCommit>,
    seen: &Seen,
    base: &Seen,
) -> Verdict {
    let held_by_device = matches!(attempt_undo(attempt, txn), UndoArmed::DeviceTimer);
    if pending.is_some() {
        return Verdict::Undo;
    }
    if seen.fingerprint == base.fingerprint {
        return Verdict::Ended(
            Outcome::RolledBack,
            "read again: running is what it was before",
        );
    }
    if seen.fingerprint == txn.expected {
        return if reached(attempt, StepKind::Confirm) && held_by_device {
            Verdict::Ended(Outcome::Applied, "the confirm had reached the device")
        } else if held_by_device {
            Verdict::Ended(Outcome::Applied, "confirmed on the device by somebody else")
        } else {
            Verdict::Undo
        };
    }
    if held_by_device {
        Verdict::Lost
    } else {
        Verdict::Undo
    }
}

/// A guard on the host that has nothing left to guard is put away.
async fn disarm(session: &mut dyn Session, txn: &Txn) {
    if matches!(txn.undo, UndoArmed::Host { .. }) {
        drop(session.confirm(txn).await);
    }
}

fn attempt_undo<'a>(attempt: &'a Attempt, txn: &'a Txn) -> &'a UndoArmed {
    attempt
        .steps
        .iter()
        .rev()
        .filter_map(|step| step.txn.as_ref())
        .map(|txn| &txn.undo)
        .find(|undo| **undo != UndoArmed::Nothing)
        .unwrap_or(&txn.undo)
}

fn last_txn(attempt: &Attempt) -> Option<Txn> {
    attempt.steps.iter().rev().find_map(|step| step.txn.clone())
}

fn reached(attempt: &Attempt, kind: StepKind) -> bool {
    attempt.steps.iter().any(|step| step.kind == kind)
}

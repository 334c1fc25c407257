//! Settling an attempt that another process (or an earlier pass) left open: never sends it
//! again, only looks, undoes, and writes down what is.

use std::time::Duration;

use jiff::Timestamp;

use super::precheck::trial_in_the_way;
use super::read::{Seen, read_running, read_startup};
use super::undo::{Undoing, undo};
use super::{Ending, Ports, hold_of};
use crate::config::{Dialect, Document, Sealer};
use crate::device::Session;
use crate::model::{
    Attempt, HoldReason, Outcome, PendingCommit, RollbackCause, StepKind, Txn, UndoArmed, chain,
};

/// Time beyond the armed one in which an undo may still be at work: a device rounds up to
/// minutes, a guard on a host types.
const UNDO_MARGIN: Duration = Duration::from_secs(90);

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
        let text = "confirmed before the interruption; perhaps not saved to startup";
        return Ending {
            unsaved: (!reached(attempt, StepKind::Save)).then_some(true),
            ..Ending::new(Outcome::Applied, text)
        };
    }
    // once for each time somebody takes over, not for each look at a device in doubt
    let taken_over = attempt.steps.last().map(|step| step.kind) == Some(StepKind::Settle);
    if !taken_over && let Err(error) = ports.step(attempt, StepKind::Settle, "", None).await {
        return Ending::in_doubt(chain(&error));
    }
    let mut session = match ports.new_session().await {
        Ok(session) => session,
        Err(error) => {
            let ending = Ending::in_doubt(format!("in doubt, cannot look: {}", chain(&error)));
            return match hold_of(&error) {
                Some(reason) => ending.with_hold(reason, chain(&error)),
                None => ending,
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
    let wait = foreign_trial(ports, attempt, pending.as_ref())
        .or_else(|| guard_may_still_fire(ports, attempt, txn, pending.as_ref()));
    if let Some(wait) = wait {
        return Ending::in_doubt(wait).with_running(&seen);
    }
    match decide(attempt, txn, pending.as_ref(), &seen, base, ports.dialect) {
        Verdict::Undo => {
            let txn = &holder_of(txn, pending.as_ref());
            let mut undoing = Undoing {
                ports,
                sealer,
                attempt,
                txn,
                base,
            };
            let why = "interrupted in the middle of a trial";
            undo(
                &mut undoing,
                &mut [session],
                RollbackCause::Interrupted,
                why,
            )
            .await
        }
        Verdict::Ended(outcome, detail) => {
            if outcome == Outcome::RolledBack {
                disarm(session, txn).await;
            }
            let startup = read_startup(session, sealer, ports.dialect).await;
            let startup = startup.ok().flatten();
            Ending {
                unsaved: startup.map(|startup| startup != seen.fingerprint),
                ..Ending::new(outcome, detail).with_running(&seen)
            }
        }
        Verdict::Lost => {
            let text = "neither what it was before nor what was planned, and nothing is pending";
            Ending::new(Outcome::Unknown, text)
                .with_running(&seen)
                .with_hold(HoldReason::Quarantined, text)
        }
    }
}

/// A trial that cannot be the attempt's own is waited for, never ended: another user's, or
/// one that is still there long after ours has run out.
fn foreign_trial(
    ports: &Ports<'_>,
    attempt: &Attempt,
    pending: Option<&PendingCommit>,
) -> Option<String> {
    let pending = pending?;
    let other = pending
        .user
        .as_ref()
        .is_some_and(|user| *user != ports.target.login.username);
    let over = undo_ends(attempt).is_some_and(|end| (ports.now)() > end);
    (other || over).then(|| trial_in_the_way(pending))
}

/// When the attempt's own undo has fired at the latest; `None` if none was armed.
#[must_use]
pub fn undo_ends(attempt: &Attempt) -> Option<Timestamp> {
    let armed = attempt.steps.iter().rev();
    let armed = armed
        .clone()
        .find_map(|step| step.txn.as_ref()?.deadline)
        .or_else(|| {
            let commit = armed.clone().find(|step| step.kind == StepKind::Commit)?;
            let within = Duration::from_secs(attempt.body.undo.within);
            commit.at.checked_add(within).ok()
        })?;
    armed.checked_add(UNDO_MARGIN).ok()
}

/// A process that died between arming the undo and writing that down leaves a guard on the
/// host that nobody can name: nothing is done until its time is over.
fn guard_may_still_fire(
    ports: &Ports<'_>,
    attempt: &Attempt,
    txn: &Txn,
    pending: Option<&PendingCommit>,
) -> Option<String> {
    let on_host = ports.target.pack.transaction.host_undo.is_some();
    if !on_host
        || pending.is_some()
        || reached(attempt, StepKind::Committed)
        || *attempt_undo(attempt, txn) != UndoArmed::Nothing
    {
        return None;
    }
    let left = undo_ends(attempt)?.as_second() - (ports.now)().as_second();
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
    dialect: &Dialect,
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
    if seen.unlike_planned(base, txn, dialect).is_none() {
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

//! The state machine of one change: precheck, load, commit; `verify` and `confirm` have the
//! second half.

use std::time::Duration;

use super::precheck::{Before, failed_before_change, precheck};
use super::undo::{Undoing, nothing_typed, undo};
use super::verify::trial;
use super::{Allowed, Ending, Ports, is_loss, open_lines};
use crate::config::Sealer;
use crate::device::{DeviceError, Session};
use crate::model::{
    Attempt, Command, Outcome, Plan, RollbackCause, StepKind, StoreError, Txn, UndoArmed, chain,
};

/// Carries out `attempt.body` over `session`. `sealer` holds the secrets of both the
/// intended and the running text the plan was made from.
pub async fn apply(
    mut session: Box<dyn Session>,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    attempt: &mut Attempt,
    allowed: Allowed,
) -> Ending {
    let plan = attempt.body.clone();
    let ending = match precheck(&mut *session, ports, sealer, &plan, allowed).await {
        Err(ending) => *ending,
        Ok(before) => {
            let mut change = Change {
                ports,
                sealer,
                attempt,
                plan: &plan,
                before: &before,
                allowed,
            };
            let ending = change.carry_out(&mut *session).await;
            Ending {
                unsaved: ending.unsaved.or(before.unsaved()),
                ..ending
            }
        }
    };
    session.close().await;
    ending
}

/// A change that has passed its precheck.
struct Change<'a, 'p> {
    ports: &'a Ports<'p>,
    sealer: &'a mut Sealer,
    attempt: &'a mut Attempt,
    plan: &'a Plan,
    before: &'a Before,
    allowed: Allowed,
}

impl Change<'_, '_> {
    /// Load and commit; then the second half. From the commit on, every way out either
    /// confirms or undoes.
    async fn carry_out(&mut self, session: &mut dyn Session) -> Ending {
        let mut txn = transaction_of(self.plan, self.attempt);
        if let Err(ending) = self.load(session, &txn).await {
            return *ending;
        }
        let note = "arming the undo";
        if let Err(error) = self
            .ports
            .step(self.attempt, StepKind::Commit, note, Some(&txn))
            .await
        {
            drop(session.discard(&txn).await);
            return not_journaled("not committed", &error);
        }
        let committed = self.commit(session, &mut txn).await;
        let mut undoing = Undoing {
            ports: self.ports,
            sealer: &mut *self.sealer,
            attempt: &mut *self.attempt,
            txn: &txn,
            base: &self.before.seen,
        };
        match committed {
            Ok(()) => trial(session, undoing, self.plan, self.before, self.allowed).await,
            Err(Fault::Journal(error)) => {
                let why = chain(&error);
                undo(&mut undoing, &mut [session], RollbackCause::Fence, &why)
                    .await
                    .try_again()
            }
            Err(Fault::Device(error)) if is_loss(&error) => {
                let why = chain(&error);
                undo(&mut undoing, &mut [], RollbackCause::Disconnect, &why).await
            }
            Err(Fault::Device(error)) if txn.undo == UndoArmed::Nothing => {
                nothing_typed(&mut undoing, failed_before_change(&error)).await
            }
            Err(Fault::Device(error)) => {
                let (cause, why) = (RollbackCause::DeviceError, chain(&error));
                undo(&mut undoing, &mut [session], cause, &why).await
            }
        }
    }

    /// Makes the candidate ready; nothing on the device has changed when this fails.
    async fn load(&mut self, session: &mut dyn Session, txn: &Txn) -> Result<(), Box<Ending>> {
        let failed = |why: String| Box::new(Ending::new(Outcome::Failed, why));
        let commands = open_lines(self.sealer, &txn.commands).map_err(failed)?;
        let rollback = open_lines(self.sealer, &txn.rollback).map_err(failed)?;
        let note = format!("{} commands", txn.commands.len());
        self.ports
            .step(self.attempt, StepKind::Load, note, Some(txn))
            .await
            .map_err(|error| Box::new(not_journaled("nothing sent", &error)))?;
        let loaded = session.load(txn, txn.mode, &commands, &rollback).await;
        let compared = match loaded {
            Ok(()) => session.compare(txn).await,
            Err(error) => Err(error),
        };
        if let Err(error) = compared {
            drop(session.discard(txn).await);
            return Err(Box::new(failed_before_change(&error)));
        }
        Ok(())
    }

    /// Arms and commits; what holds the undo is in the journal before anything follows,
    /// also when the commit failed.
    async fn commit(&mut self, session: &mut dyn Session, txn: &mut Txn) -> Result<(), Fault> {
        let within = Duration::from_secs(self.plan.undo.within);
        let comment = format!(
            "netkeel {} revision {}",
            self.attempt.actor,
            short(&self.plan.revision)
        );
        let committed = session.commit(txn, within, &comment).await;
        let note = committed
            .as_ref()
            .map_or_else(|error| chain(error), |()| armed(txn));
        let journaled = self
            .ports
            .step(self.attempt, StepKind::Committed, note, Some(txn))
            .await;
        committed.map_err(Fault::Device)?;
        journaled.map_err(Fault::Journal)
    }
}

/// Why a change stopped at its commit.
enum Fault {
    Device(DeviceError),
    Journal(StoreError),
}

fn not_journaled(what: &str, error: &StoreError) -> Ending {
    Ending::new(Outcome::Failed, format!("{what}: {}", chain(error))).try_again()
}

fn transaction_of(plan: &Plan, attempt: &Attempt) -> Txn {
    let lines = |commands: &[Command]| {
        commands
            .iter()
            .map(|command| command.line.clone())
            .collect()
    };
    Txn {
        id: attempt.id.0.clone(),
        device: plan.device.clone(),
        mode: plan.mode,
        base: plan.base.clone(),
        expected: plan.expected.clone(),
        commands: lines(&plan.remediation),
        rollback: lines(&plan.rollback),
        deadline: None,
        undo: UndoArmed::Nothing,
    }
}

fn armed(txn: &Txn) -> String {
    match (&txn.undo, txn.deadline) {
        (UndoArmed::DeviceTimer, Some(at)) => format!("undo held by the device until {at}"),
        (UndoArmed::Host { folder }, Some(at)) => {
            format!("undo held by the host in {folder} until {at}")
        }
        (UndoArmed::Attended, _) => "attended: undo by commands".to_owned(),
        (UndoArmed::DeviceTimer | UndoArmed::Host { .. } | UndoArmed::Nothing, _) => {
            "no undo armed".to_owned()
        }
    }
}

fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}

//! Carries out one plan on one device, or settles what another process began.
//!
//! One function for all platforms: precheck, journal, load, compare, commit under the
//! device's own undo, verify over a **second, new** session, confirm, save. There is
//! nothing left to choose here; anything wrong before the confirm is undone, and a lost
//! connection is never a success.

mod checks;
mod confirm;
mod precheck;
mod read;
mod settle;
mod transaction;
mod undo;
mod verify;

use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Dialect, Document, Sealer};
use crate::device::{Connector, DeviceError, NextStep, Target};
use crate::model::{
    Attempt, HoldReason, Journal, Lease, Outcome, RollbackCause, Step, StepKind, StoreError, Txn,
};

pub use read::{Seen, read_running, read_startup};
pub use settle::{settle, undo_ends};
pub use transaction::apply;

/// Plans the commands that lead from one document to another; the planner's, lent to the
/// undo, which must not choose by itself. `None` if it cannot prove them.
pub type UndoPlanner<'a> = dyn Fn(&Document, &Document) -> Option<Vec<String>> + Send + Sync + 'a;

/// What an attempt works with.
pub struct Ports<'a> {
    /// Makes sessions.
    pub connector: &'a dyn Connector,
    /// The device.
    pub target: &'a Target,
    /// Where steps are written before they are taken.
    pub journal: Arc<dyn Journal>,
    /// The right to touch the device.
    pub lease: Lease,
    /// The platform's configuration language.
    pub dialect: &'a Dialect,
    /// Commands for an undo without the device's help.
    pub undo_planner: &'a UndoPlanner<'a>,
    /// The shell's clock.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// What happens when running differed from startup before the change: saving would make
/// somebody's unsaved work permanent too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsaved {
    /// The device is not changed.
    Refuse,
    /// It is changed, not saved, and that is reported.
    #[default]
    Leave,
    /// It is changed and everything is saved.
    Save,
}

/// What the caller allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// A person is watching: a platform without a timer may be changed.
    pub attended: bool,
    /// What happens to somebody's unsaved work.
    pub unsaved: Unsaved,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The outcome; `None` when the device is in doubt and the attempt stays open until it
    /// has been read again.
    pub outcome: Option<Outcome>,
    /// For a person.
    pub detail: String,
    /// Running as last seen, sealed.
    pub running: Option<String>,
    /// Leave the device alone from now on.
    pub hold: Option<(HoldReason, String)>,
    /// Running differs from startup now, when known.
    pub unsaved: Option<bool>,
    /// Why it was (or is being) undone.
    pub cause: Option<RollbackCause>,
    /// The change itself is not at fault (the journal, the network, somebody's trial): the
    /// same plan may be tried again.
    pub again: bool,
}

impl Ending {
    fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            outcome: Some(outcome),
            detail: detail.into(),
            running: None,
            hold: None,
            unsaved: None,
            cause: None,
            again: false,
        }
    }

    /// Nobody can say yet: the attempt stays open until the device has been read again.
    #[must_use]
    pub fn in_doubt(detail: impl Into<String>) -> Self {
        Self {
            outcome: None,
            ..Self::new(Outcome::Unknown, detail)
        }
    }

    fn with_running(mut self, seen: &Seen) -> Self {
        self.running = Some(seen.text.clone());
        self
    }

    fn caused_by(mut self, cause: RollbackCause) -> Self {
        self.cause = Some(cause);
        self
    }

    fn try_again(mut self) -> Self {
        self.again = true;
        self
    }

    fn with_hold(mut self, reason: HoldReason, note: impl Into<String>) -> Self {
        self.hold = Some((reason, note.into()));
        self
    }
}

impl Ports<'_> {
    /// Writes a step to the journal, on a blocking thread, before the step is taken.
    async fn step(
        &self,
        attempt: &mut Attempt,
        kind: StepKind,
        note: impl Into<String>,
        txn: Option<&Txn>,
    ) -> Result<(), StoreError> {
        let step = Step {
            at: (self.now)(),
            kind,
            note: note.into(),
            txn: txn.cloned(),
        };
        attempt.steps.push(step.clone());
        let (journal, lease, id) = (
            Arc::clone(&self.journal),
            self.lease.clone(),
            attempt.id.clone(),
        );
        tokio::task::spawn_blocking(move || journal.step(&lease, &id, &step))
            .await
            .unwrap_or_else(|panic| {
                Err(StoreError::Write {
                    path: "journal".to_owned(),
                    source: Box::new(panic),
                })
            })
    }

    /// A session of its own: new TCP connection, new login.
    async fn new_session(&self) -> Result<Box<dyn crate::device::Session>, DeviceError> {
        self.connector.connect(self.target).await
    }
}

/// The hold that an error of the device side asks for.
fn hold_of(error: &DeviceError) -> Option<HoldReason> {
    match (error, error.next_step()) {
        (DeviceError::HostKey { .. }, _) => Some(HoldReason::HostKey),
        (DeviceError::HalfRestored { .. }, _) => Some(HoldReason::Quarantined),
        (_, NextStep::Hold) => Some(HoldReason::Auth),
        (_, NextStep::Retry | NextStep::Replan) => None,
    }
}

/// The transport is gone or cannot be trusted any more: nobody knows what arrived.
fn is_loss(error: &DeviceError) -> bool {
    matches!(
        error,
        DeviceError::Lost { .. }
            | DeviceError::Timeout { .. }
            | DeviceError::Poisoned { .. }
            | DeviceError::Connect { .. }
    )
}

/// Opens sealed lines for typing.
fn open_lines(sealer: &Sealer, lines: &[String]) -> Result<Vec<crate::model::SecretText>, String> {
    lines.iter().map(|line| sealer.vault().open(line)).collect()
}

//! The daemon: one loop that owns the state, a pure schedule, workers, shutdown.

mod act;
pub mod context;
mod credentials;
pub mod daemon;
pub mod observe;
pub mod prepare;
mod record;
pub mod worker;

mod ended;
pub mod handle;
mod jobs;
mod permits;
pub mod rollout;
pub mod run;
pub mod schedule;
pub mod shutdown;
mod state;
pub mod status;
mod stopping;
#[cfg(test)]
mod stories;
pub mod trigger;
mod unsaved;
mod unwritten;

pub use credentials::{Logins, forget as forget_refused_logins};
pub use handle::{StatusBoard, StatusHandle, board};
pub use run::{Ended, Parts, RunError, RunOptions, run};
pub use shutdown::{Stop, on_signals};
pub use trigger::{Look, Trigger};

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{ApplyMode, Attempt, DeviceStatus, Outcome, Revision, Skip};

/// What the loop needs to know of a device to schedule it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceView {
    /// Pack name, if the platform is known.
    pub platform: Option<String>,
    /// Site, for limits.
    pub site: Option<String>,
    /// Jump host, for limits.
    pub jump: Option<String>,
    /// Who may act.
    pub apply: ApplyMode,
    /// Why it cannot even be looked at (inventory, template, secret), for its status.
    pub broken: Option<String>,
}

/// The fleet of one revision, as far as the loop cares.
#[derive(Clone, Debug)]
pub struct FleetView {
    /// Where the branch is.
    pub revision: Revision,
    /// It was rewritten, and nobody has accepted that: no applies.
    pub rewritten: Option<String>,
    /// All devices of the filter.
    pub devices: BTreeMap<String, DeviceView>,
}

/// What a worker may do this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Look, decide, and if the decision is `Ready`, act.
    Apply,
    /// Look and decide only, for this reason.
    Observe(Skip),
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By the interval.
    Interval,
    /// Sooner, with backoff: it failed.
    Retry,
    /// In this time, whatever the interval: a device in doubt is watched closely.
    After(std::time::Duration),
    /// Not before a person has released it.
    Held,
}

/// What one pass over one device led to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The device.
    pub device: String,
    /// Its status now.
    pub status: DeviceStatus,
    /// How an attempt ended, if one was made or considered.
    pub outcome: Option<Outcome>,
    /// The plan is `Ready` but was not carried out (the wave, observe, …).
    pub wants_apply: bool,
    /// When to look again.
    pub next: Next,
}

/// The stages strung together; the loop only says when. (A trait so that fleet stories
/// run the real loop on an in-memory fleet.)
#[async_trait]
pub trait Reconciler: Send + Sync {
    /// Looks at the repository. `None` when it is where it was and nothing about the fleet
    /// changed. Errors are texts for the status: the fleet known before goes on being served.
    async fn refresh(&self) -> Result<Option<Arc<FleetView>>, String>;
    /// One pass over one device of the latest fleet. Never fails: everything is a report.
    async fn reconcile(&self, device: &str, permission: Permission) -> Report;
    /// Attempts a crashed process left behind.
    async fn unfinished(&self) -> Result<Vec<Attempt>, String>;
    /// Settles one of them: looks at the device, waits for its timer where there is one,
    /// writes the outcome.
    async fn settle(&self, attempt: Attempt) -> Report;
    /// Why nothing may be applied at all now (journal not writable, state not accepted).
    async fn stopped(&self) -> Option<String>;
}

//! One pass over one device, as the journal keeps it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::plan::{Plan, PlanId};
use super::session::Txn;

/// Identifies an attempt; sorts by time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub String);

impl AttemptId {
    /// Time in milliseconds, then randomness: `01970f3c2a10-5f3a9c`.
    #[must_use]
    pub fn new(now: Timestamp, random: u32) -> Self {
        Self(format!(
            "{:012x}-{:06x}",
            now.as_millisecond(),
            random & 0x00ff_ffff
        ))
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who made an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The daemon.
    Daemon,
    /// A person at a command, by login name.
    User(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => f.write_str("daemon"),
            Self::User(name) => f.write_str(name),
        }
    }
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Observing only.
    Observe,
    /// On hold.
    Hold,
    /// The wave has not come to it.
    Wave,
    /// Applies are stopped for everybody.
    Stopped,
    /// Another process has the device's lease.
    Leased,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Running is as intended.
    Unchanged,
    /// Changed, seen afterwards, confirmed.
    Applied,
    /// Undone, and seen to be what it was.
    RolledBack,
    /// A rail held it.
    Refused,
    /// The device was not as the plan expected.
    Stale,
    /// Nothing was changed because something failed first.
    Failed,
    /// Nobody can say what state the device is in.
    Unknown,
    /// Not tried.
    Skipped(Skip),
}

impl Outcome {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Applied => "applied",
            Self::RolledBack => "rolled_back",
            Self::Refused => "refused",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped(_) => "skipped",
        }
    }
}

/// What holds the undo of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoArmed {
    /// Nothing does (yet).
    #[default]
    Nothing,
    /// The device's own timer.
    DeviceTimer,
    /// A process on the device's host; the folder holds its files and process id.
    Host {
        /// Folder on the host.
        folder: String,
    },
    /// The person at the command.
    Attended,
}

/// Where an attempt has got to. Written before the action it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The device was read and is as the plan expects.
    Prechecked,
    /// About to load the candidate.
    Load,
    /// About to arm the undo and commit; from here on the device may be changed.
    Commit,
    /// Committed; the undo is armed.
    Committed,
    /// About to look at it over a new session.
    Verify,
    /// About to confirm.
    Confirm,
    /// The device said it is confirmed.
    Confirmed,
    /// About to save to startup.
    Save,
    /// About to undo.
    Undo,
    /// Seen to be what it was before.
    Undone,
    /// A later process took over an unfinished attempt.
    Settle,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it was written.
    pub at: Timestamp,
    /// What is about to happen, or has been seen.
    pub kind: StepKind,
    /// For a person.
    pub note: String,
    /// The transaction as it stood, when it matters.
    pub txn: Option<Txn>,
}

/// One pass over one device that meant to change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its name in the journal.
    pub id: AttemptId,
    /// The device.
    pub device: String,
    /// The lease's epoch it ran under.
    pub epoch: u64,
    /// Revision it was to reach; empty (null in JSON) for a state from before the first.
    #[serde(with = "super::revision::or_null")]
    pub revision: String,
    /// The plan it carried out.
    pub plan: PlanId,
    /// That plan, whole.
    pub body: Plan,
    /// Who.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// When it began.
    pub started: Timestamp,
    /// Stored running configuration before it.
    pub before: Option<Fingerprint>,
    /// Stored intended configuration it was to reach, so that whoever settles it knows what
    /// came into force.
    #[serde(default)]
    pub intended: Option<Fingerprint>,
    /// Stored running configuration after it.
    pub after: Option<Fingerprint>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How it ended; `None` while it has not.
    pub outcome: Option<Outcome>,
    /// What to tell a person about that.
    pub detail: String,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

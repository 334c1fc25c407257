//! The traits behind which state and history live.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, AttemptId, Step};
use super::facts::Facts;
use super::fingerprint::Fingerprint;
use super::status::{DeviceStatus, LastApplied};

/// The right to touch one device, for a while. The epoch grows with every claim, so that
/// a process that overslept its lease is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The device.
    pub device: String,
    /// Who holds it (`host:pid:random`).
    pub owner: String,
    /// Grows with every claim of this device.
    pub epoch: u64,
    /// Valid until then.
    pub until: Timestamp,
}

/// Why a device is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A person said so.
    Manual,
    /// The login was refused; trying again could lock an account.
    Auth,
    /// The host key changed.
    HostKey,
    /// Somebody keeps reverting us.
    Contested,
    /// Neither what it was nor what it should be.
    Quarantined,
    /// Rolled back by a person; ends when the branch moves.
    RolledBack,
    /// Our own code failed on it.
    Panic,
}

impl HoldReason {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "hold",
            Self::Auth => "auth",
            Self::HostKey => "hostkey",
            Self::Contested => "contested",
            Self::Quarantined => "quarantined",
            Self::RolledBack => "rolled_back",
            Self::Panic => "panic",
        }
    }

    /// True when the device is not even read while it is held.
    #[must_use]
    pub fn stops_reading(self) -> bool {
        matches!(self, Self::Auth | Self::HostKey | Self::Panic)
    }
}

/// A hold on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The device.
    pub device: String,
    /// Why.
    pub reason: HoldReason,
    /// For a person.
    pub note: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Ends by itself when the branch is no longer at this revision.
    pub until_moved_from: Option<String>,
}

/// What a person accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcceptanceKind {
    /// The watched branch was rewritten; the subject is the new revision.
    RewrittenBranch,
    /// A host key changed; the subject is `device fingerprint`.
    HostKey,
    /// A state file was set aside; the subject is its new name.
    CorruptState,
    /// A large deletion or an empty intent; the subject is the plan id.
    LargeDeletion,
}

/// One acceptance, with who and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// What kind.
    pub kind: AcceptanceKind,
    /// What exactly.
    pub subject: String,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// Which configuration of a device a stored text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigKind {
    /// As read from the device.
    Running,
    /// As rendered.
    Intended,
}

/// All that is remembered of one device between attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Its status as last decided.
    pub status: DeviceStatus,
    /// Last running configuration (stored text, sealed).
    pub running: Option<Fingerprint>,
    /// Its semantic fingerprint.
    pub running_semantic: Option<Fingerprint>,
    /// Semantic lines last seen, for the half-shrunken check.
    pub lines: Option<usize>,
    /// What was last applied and confirmed.
    pub last_applied: Option<LastApplied>,
    /// The intended configuration of that (stored text, sealed).
    pub applied_config: Option<Fingerprint>,
    /// The revision it was last found in line with.
    #[serde(default)]
    pub in_line_with: Option<String>,
    /// Drift since.
    pub drift_since: Option<Timestamp>,
    /// Revision and base fingerprint of a plan that failed here.
    pub failed: Option<(String, Fingerprint)>,
    /// When which section was found changed back after we had applied it.
    pub reversals: Vec<(Timestamp, String)>,
    /// Running differs from startup, when known.
    pub unsaved: Option<bool>,
    /// What the device said it is.
    pub facts: Option<Facts>,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has the device now; whatever was going on must not be confirmed.
    #[error("the lease on `{device}` (epoch {epoch}) is lost")]
    LeaseLost {
        /// The device.
        device: String,
        /// The epoch that is no longer valid.
        epoch: u64,
    },
    /// Nothing can be written (disk full, read-only).
    #[error("state `{path}` cannot be written")]
    Write {
        /// The state file.
        path: String,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing can be read.
    #[error("state `{path}` cannot be read")]
    Read {
        /// The state file.
        path: String,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file was written by a newer Netkeel.
    #[error("state `{path}` has format {found}, this program knows {known}")]
    Newer {
        /// The state file.
        path: String,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
}

/// Where steps of an attempt are written before they are taken.
pub trait Journal: Send + Sync {
    /// Appends a step, durably, under a valid lease.
    ///
    /// # Errors
    /// When it is not on disk, or the lease is lost: then the action must not be taken.
    fn step(&self, lease: &Lease, attempt: &AttemptId, step: &Step) -> Result<(), StoreError>;
}

/// State and history. Methods block; async callers go through a blocking thread.
pub trait Store: Journal {
    /// Takes the device's lease if it is free or has run out. `None` while another holds it.
    fn claim(
        &self,
        device: &str,
        owner: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;
    /// Extends a lease that is still ours.
    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Lease, StoreError>;
    /// Gives a lease back.
    fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Writes an attempt down before anything is touched.
    fn begin(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError>;
    /// Writes how it ended.
    fn finish(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError>;
    /// Attempts without an outcome, oldest first, each with its steps so far.
    fn unfinished(&self) -> Result<Vec<Attempt>, StoreError>;
    /// One attempt.
    fn attempt(&self, id: &AttemptId) -> Result<Option<Attempt>, StoreError>;
    /// The latest attempts on a device, newest first.
    fn history(&self, device: &str, limit: usize) -> Result<Vec<Attempt>, StoreError>;

    /// What is remembered of a device.
    fn device(&self, name: &str) -> Result<Option<DeviceRecord>, StoreError>;
    /// What is remembered of all devices, by name.
    fn devices(&self) -> Result<Vec<DeviceRecord>, StoreError>;
    /// Remembers (under the device's lease, which is checked).
    fn save_device(&self, lease: &Lease, record: &DeviceRecord) -> Result<(), StoreError>;

    /// Stores a text by content hash; storing it twice is free.
    fn put_config(&self, text: &str) -> Result<Fingerprint, StoreError>;
    /// The text behind a content hash.
    fn config(&self, hash: &Fingerprint) -> Result<Option<String>, StoreError>;
    /// Notes that a device was seen with (or was meant to have) this text. Only changes
    /// make a new entry.
    fn record_config(
        &self,
        device: &str,
        kind: ConfigKind,
        hash: &Fingerprint,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// When a device had which configuration, newest first.
    fn config_history(
        &self,
        device: &str,
        kind: ConfigKind,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Fingerprint)>, StoreError>;

    /// Puts a device on hold (replacing an earlier hold).
    fn hold(&self, hold: &Hold) -> Result<(), StoreError>;
    /// Ends a hold; false if there was none.
    fn release_hold(&self, device: &str, by: &str, at: Timestamp) -> Result<bool, StoreError>;
    /// All holds.
    fn holds(&self) -> Result<Vec<Hold>, StoreError>;

    /// Records an acceptance.
    fn accept(&self, acceptance: &Acceptance) -> Result<(), StoreError>;
    /// All acceptances, newest first.
    fn acceptances(&self) -> Result<Vec<Acceptance>, StoreError>;

    /// A small named value (`head` of the watched branch, for example).
    fn get_meta(&self, key: &str) -> Result<Option<String>, StoreError>;
    /// Sets a small named value.
    fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError>;
    /// The new name of a damaged state file that was set aside and that nobody has accepted
    /// yet: until then nothing is applied.
    fn set_aside_pending(&self) -> Result<Option<String>, StoreError>;
    /// Proves that a write reaches the disk.
    fn check_writable(&self) -> Result<(), StoreError>;
}

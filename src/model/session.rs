//! Nouns of the device side that others speak of too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt::UndoArmed;
use super::fingerprint::Fingerprint;

/// A datastore of a device (RFC 8342), as far as a session can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datastore {
    /// What is in force.
    Running,
    /// What the next boot loads.
    Startup,
}

/// How a candidate is meant (NAPALM's load_merge / load_replace).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Changes only what the commands name.
    Merge,
    /// The result is the whole configuration.
    Replace,
}

/// From where a trial can be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmScope {
    /// Any new session.
    AnySession,
    /// Only the session that armed the undo.
    SameSession,
    /// There is nothing to confirm.
    None,
}

/// What a platform, through this session, can do. The planner chooses around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `load` takes [`Mode::Merge`].
    pub merge: bool,
    /// `load` takes [`Mode::Replace`].
    pub replace: bool,
    /// From where a trial is confirmed.
    pub confirm: ConfirmScope,
    /// Smallest, largest and step of the undo timer in seconds, if the device (or a guard
    /// on its host) holds one.
    pub timer: Option<(u64, u64, u64)>,
    /// The platform has a startup datastore apart from running.
    pub startup: bool,
    /// Why an unattended change is not possible here, if it is not.
    pub attended_only: Option<String>,
}

/// One change on one device, as plain data: enough for a new process to finish or undo
/// what another began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Txn {
    /// Unique; every name used on the device is made from it.
    pub id: String,
    /// The device.
    pub device: String,
    /// How the commands are meant.
    pub mode: Mode,
    /// Semantic fingerprint of running before.
    pub base: Fingerprint,
    /// Semantic fingerprint of running after.
    pub expected: Fingerprint,
    /// The commands, sealed.
    pub commands: Vec<String>,
    /// The commands back, sealed.
    pub rollback: Vec<String>,
    /// When the undo fires, once armed.
    pub deadline: Option<Timestamp>,
    /// What holds the undo, once armed.
    pub undo: UndoArmed,
}

/// A trial that somebody's session has pending on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCommit {
    /// Who started it, if the device tells.
    pub user: Option<String>,
    /// Seconds left, if the device tells.
    pub seconds_left: Option<u64>,
    /// What the device printed, one line.
    pub detail: String,
}

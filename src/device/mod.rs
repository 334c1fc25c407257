//! The device side: one conversation, its errors and its capabilities.

pub mod cli;
pub mod connector;
pub mod detect;
pub mod facts;
pub mod session;
pub mod transaction;
pub mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{
    Capabilities, Datastore, Facts, Mode, PendingCommit, SecretText, Txn, UnknownReason,
};
use crate::pack::Pack;
pub use connector::SshConnector;
pub use session::CliSession;
pub use transport::{HostKeyPolicy, KnownHosts};

/// How to log in.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password, for password and keyboard-interactive.
    pub password: Option<SecretText>,
    /// Private key file.
    pub key_file: Option<PathBuf>,
    /// Its passphrase.
    pub key_passphrase: Option<SecretText>,
    /// Enable secret, where the platform has one.
    pub enable: Option<SecretText>,
}

/// One device to talk to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Inventory name.
    pub device: String,
    /// Address.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login.
    pub login: Login,
    /// Its platform.
    pub pack: Arc<Pack>,
    /// Longest wait for a connection and login.
    pub connect_timeout: Duration,
    /// Longest silence while a command runs.
    pub silence_timeout: Duration,
    /// How the undo is to be held, and for how long.
    pub undo: crate::model::Undo,
    /// The host in between, if there is one.
    pub jump: Option<Jump>,
}

/// A host through which a device is reached; its own key is checked like any other.
#[derive(Clone, Debug)]
pub struct Jump {
    /// Address.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login there.
    pub login: Login,
}

/// A failure of the device side.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No connection.
    #[error("`{device}`: cannot connect to {address}")]
    Connect {
        /// The device.
        device: String,
        /// `host:port`.
        address: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's key is not the known one.
    #[error("`{device}`: host key of {address} is {fingerprint}, {why}")]
    HostKey {
        /// The device.
        device: String,
        /// `host:port`.
        address: String,
        /// What it showed, `SHA256:…`.
        fingerprint: String,
        /// Unknown, changed, revoked; and where the known one stands.
        why: String,
    },
    /// The login was refused. Never tried again on its own.
    #[error("`{device}`: login as `{username}` refused")]
    Auth {
        /// The device.
        device: String,
        /// The user.
        username: String,
    },
    /// There is nothing to log in with: no credential, or a key file that cannot be read.
    /// Nothing was tried.
    #[error("`{device}`: cannot log in: {what}")]
    Credential {
        /// The device.
        device: String,
        /// What is missing or unusable.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection ended in the middle.
    #[error("`{device}`: connection lost while {doing}")]
    Lost {
        /// The device.
        device: String,
        /// The verb.
        doing: String,
    },
    /// Silence for too long.
    #[error("`{device}`: no answer for {seconds} s while {doing}")]
    Timeout {
        /// The device.
        device: String,
        /// The verb.
        doing: String,
        /// How long.
        seconds: u64,
    },
    /// The device answered, but not as its pack says it would.
    #[error("`{device}`: unexpected answer while {doing}: {answer}")]
    Protocol {
        /// The device.
        device: String,
        /// The verb.
        doing: String,
        /// The answer, shortened, sealed.
        answer: String,
    },
    /// The device refused a line.
    #[error("`{device}`: refused `{line}`: {answer}")]
    Refused {
        /// The device.
        device: String,
        /// The line, sealed.
        line: String,
        /// What the device said, shortened, sealed.
        answer: String,
    },
    /// What was read is not a whole configuration.
    #[error("`{device}`: {why}")]
    Incomplete {
        /// The device.
        device: String,
        /// Why.
        why: String,
    },
    /// Somebody else's trial or lock is in the way.
    #[error("`{device}`: {why}")]
    Busy {
        /// The device.
        device: String,
        /// Who and what.
        why: String,
    },
    /// A prerequisite on the device is missing; we report it, we do not set it.
    #[error("`{device}`: {what}")]
    Prerequisite {
        /// The device.
        device: String,
        /// What is missing and how to set it.
        what: String,
    },
    /// This session cannot do that.
    #[error("`{device}`: not supported here: {what}")]
    Unsupported {
        /// The device.
        device: String,
        /// The verb.
        what: String,
    },
    /// A restore stopped half way: the device is neither the one nor the other.
    #[error("`{device}`: restore incomplete: {answer}")]
    HalfRestored {
        /// The device.
        device: String,
        /// What the device said.
        answer: String,
    },
    /// The session was cut off in the middle of a verb and can only be closed.
    #[error("`{device}`: session is unusable after an interrupted command")]
    Poisoned {
        /// The device.
        device: String,
    },
}

/// What a caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Try again later, by schedule.
    Retry,
    /// Observe and decide anew.
    Replan,
    /// Leave the device alone until a person has looked.
    Hold,
}

impl DeviceError {
    /// What follows from it.
    #[must_use]
    pub fn next_step(&self) -> NextStep {
        match self {
            Self::Auth { .. }
            | Self::Credential { .. }
            | Self::HostKey { .. }
            | Self::HalfRestored { .. } => NextStep::Hold,
            Self::Refused { .. }
            | Self::Prerequisite { .. }
            | Self::Unsupported { .. }
            | Self::Busy { .. } => NextStep::Replan,
            Self::Connect { .. }
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. }
            | Self::Incomplete { .. }
            | Self::Poisoned { .. } => NextStep::Retry,
        }
    }

    /// The class of it, for status and metrics.
    #[must_use]
    pub fn reason(&self) -> UnknownReason {
        match self {
            Self::Auth { .. } | Self::Credential { .. } => UnknownReason::Auth,
            Self::HostKey { .. } => UnknownReason::HostKey,
            Self::Timeout { .. } => UnknownReason::Timeout,
            Self::Incomplete { .. } => UnknownReason::Incomplete,
            Self::Connect { .. } | Self::Lost { .. } | Self::Poisoned { .. } => {
                UnknownReason::Unreachable
            }
            Self::Protocol { .. }
            | Self::Refused { .. }
            | Self::Busy { .. }
            | Self::Prerequisite { .. }
            | Self::Unsupported { .. }
            | Self::HalfRestored { .. } => UnknownReason::Protocol,
        }
    }
}

/// One conversation with one device. Verbs after NAPALM. A future dropped in the middle of
/// a verb poisons the session, which can then only be closed.
#[async_trait]
pub trait Session: Send {
    /// What it can do; known once connected.
    fn capabilities(&self) -> &Capabilities;
    /// Reads a datastore. For running, the session has proved that it sees all of it
    /// (privilege, no paging, a prompt after it); whether the text is whole, its dialect says.
    async fn config(&mut self, datastore: Datastore) -> Result<SecretText, DeviceError>;
    /// A trial pending on the device, ours or somebody else's.
    async fn pending(&mut self) -> Result<Option<PendingCommit>, DeviceError>;
    /// Makes the candidate ready without touching running. `commands` are open (secrets in
    /// them); their sealed twins are in `txn`.
    async fn load(
        &mut self,
        txn: &Txn,
        mode: Mode,
        commands: &[SecretText],
        rollback: &[SecretText],
    ) -> Result<(), DeviceError>;
    /// The device's own diff of the candidate, where it has one.
    async fn compare(&mut self, txn: &Txn) -> Result<Option<String>, DeviceError>;
    /// Arms the undo, then puts the candidate into force. Fills `undo` and `deadline` of the
    /// transaction as soon as the undo is armed, also when it then fails.
    async fn commit(
        &mut self,
        txn: &mut Txn,
        confirm_within: Duration,
        comment: &str,
    ) -> Result<(), DeviceError>;
    /// Makes it permanent; returns once the device says so and nothing is pending.
    async fn confirm(&mut self, txn: &Txn) -> Result<(), DeviceError>;
    /// Drops a candidate that was not committed.
    async fn discard(&mut self, txn: &Txn) -> Result<(), DeviceError>;
    /// Ends a trial now, by the device's own means (timer, host undo). `Unsupported` where
    /// there are none: then `apply` undoes by commands.
    async fn rollback(&mut self, txn: &Txn) -> Result<(), DeviceError>;
    /// Types configuration lines without arming anything: the last resort of an undo. Goes
    /// on after a refused line (an undo meets lines that were never there) and reports the
    /// first refusal at the end; what came of it, only reading tells.
    async fn lines(&mut self, commands: &[SecretText]) -> Result<(), DeviceError>;
    /// Running becomes startup.
    async fn save(&mut self) -> Result<(), DeviceError>;
    /// Typed facts.
    async fn facts(&mut self) -> Result<Facts, DeviceError>;
    /// One exec command's output.
    async fn cli(&mut self, command: &str) -> Result<SecretText, DeviceError>;
    /// Says good-bye.
    async fn close(self: Box<Self>);
}

/// Makes sessions.
#[async_trait]
pub trait Connector: Send + Sync {
    /// A new TCP connection, key exchange, login and prompt.
    async fn connect(&self, target: &Target) -> Result<Box<dyn Session>, DeviceError>;
}

#[cfg(test)]
pub(crate) mod tests;

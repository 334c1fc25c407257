//! What is known of every device now: `status --json` and `/api/v1/devices` are this.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::device::ApplyMode;
use super::plan::{Cause, DriftCounts};
use super::policy::Severity;

/// A device's compliance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compliance {
    /// Neither drift nor a failing rule of medium or above.
    Compliant,
    /// Either.
    #[serde(rename = "noncompliant")]
    NonCompliant,
    /// Not known, or too old to say.
    #[default]
    Unknown,
}

/// Why a device is unknown; the closed set behind metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// Never looked at yet.
    NotSeen,
    /// No connection, or it was lost.
    Unreachable,
    /// The login was refused.
    Auth,
    /// The host key is not the known one.
    HostKey,
    /// No answer in time.
    Timeout,
    /// What was read is not a whole configuration.
    Incomplete,
    /// The device's answers were not understood.
    Protocol,
    /// Inventory, template or secret of this device is wrong.
    Intent,
    /// A change is in doubt until the device has been read again.
    InDoubt,
    /// The last answer is too old.
    Stale,
    /// We failed, not the device.
    Internal,
}

impl UnknownReason {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSeen => "not_seen",
            Self::Unreachable => "unreachable",
            Self::Auth => "auth",
            Self::HostKey => "hostkey",
            Self::Timeout => "timeout",
            Self::Incomplete => "incomplete",
            Self::Protocol => "protocol",
            Self::Intent => "intent",
            Self::InDoubt => "in_doubt",
            Self::Stale => "stale",
            Self::Internal => "internal",
        }
    }
}

/// Differences by kind, as the status document shows them.
pub type DriftSummary = DriftCounts;

/// What was last applied and seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastApplied {
    /// The revision; empty (null in JSON) after a rollback to before the first.
    #[serde(with = "super::revision::or_null")]
    pub revision: String,
    /// When it was confirmed.
    pub at: Timestamp,
}

/// One device of the status document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Inventory name.
    pub name: String,
    /// Platform pack.
    pub platform: Option<String>,
    /// Compliance.
    pub status: Compliance,
    /// Since when it has been so.
    pub since: Option<Timestamp>,
    /// Why it drifts: `intent_moved`, `out_of_band`, null when nobody can say; or why it is
    /// unknown.
    pub cause: Option<String>,
    /// Differences by kind; null when unknown.
    pub drift: Option<DriftSummary>,
    /// Failing rules by severity; null when unknown.
    pub violations: Option<BTreeMap<String, usize>>,
    /// When it was last read.
    pub last_seen: Option<Timestamp>,
    /// What was last applied.
    pub last_applied: Option<LastApplied>,
    /// How the last attempt ended.
    pub outcome: Option<String>,
    /// Who may act.
    pub apply: ApplyMode,
    /// Why it is on hold.
    pub hold: Option<String>,
    /// A sentence for a person: the error, the refusal.
    #[serde(default)]
    pub detail: Option<String>,
    /// Site, if the inventory gives one.
    #[serde(default)]
    pub site: Option<String>,
    /// Since when there has been drift without a break.
    #[serde(default)]
    pub drift_since: Option<Timestamp>,
    /// Running differs from startup, when known.
    #[serde(default)]
    pub unsaved: Option<bool>,
    /// Failing rules by id, after waivers.
    #[serde(default)]
    pub rules: BTreeMap<String, Severity>,
}

impl DeviceStatus {
    /// Sets why there is drift.
    pub fn set_cause(&mut self, cause: Option<Cause>) {
        self.cause = cause.map(|c| c.as_str().to_owned());
    }
}

/// The whole fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetStatus {
    /// Format version, 1.
    pub schema: u32,
    /// Revision the verdicts are about.
    pub revision: Option<String>,
    /// When this was put together.
    pub generated_at: Option<Timestamp>,
    /// All devices, by name.
    pub devices: Vec<DeviceStatus>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_from_before_the_first_revision_has_none() {
        let applied = LastApplied {
            revision: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let json = serde_json::to_string(&applied).expect("JSON");
        assert_eq!(json, r#"{"revision":null,"at":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(
            serde_json::from_str::<LastApplied>(&json).ok(),
            Some(applied)
        );
    }
}

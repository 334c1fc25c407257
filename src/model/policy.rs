//! Compliance findings.

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be mended some day.
    Low,
    /// Makes a device non-compliant, as do the ones above.
    #[default]
    Medium,
    /// Mend soon.
    High,
    /// Mend now.
    Critical,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word used in files, JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a rule says of a device. Unknown and error are never green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule holds.
    Pass,
    /// The rule is broken.
    Fail,
    /// The rule does not concern this device.
    NotApplicable,
    /// There is no data to say.
    Unknown,
}

/// One rule's verdict on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Rule id, stable.
    pub rule: String,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// What to do about it, in the rule's words.
    pub message: String,
    /// The block or line concerned, as context (secrets sealed).
    pub place: Option<String>,
}

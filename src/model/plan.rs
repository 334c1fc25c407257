//! The plan: everything decided, nothing left to choose.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::device::{ApplyMode, Check, Undo};
use super::fingerprint::Fingerprint;
use super::session::Mode;

/// Identifies a plan by what it was made from; the same inputs give the same id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub String);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why running and intended differ: a three-way look at last applied (or seen in line),
/// running, intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Running is what was last applied; the intent has moved on.
    IntentMoved,
    /// Somebody changed the device since.
    OutOfBand,
}

impl Cause {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IntentMoved => "intent_moved",
            Self::OutOfBand => "out_of_band",
        }
    }
}

/// How many differences of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftCounts {
    /// Lines the intent has and the device has not.
    pub missing: usize,
    /// Lines the device has and the intent has not.
    pub extra: usize,
    /// Lines whose value differs.
    pub changed: usize,
    /// Lines that stand in another order.
    pub reordered: usize,
}

impl DriftCounts {
    /// True when there is no difference.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.total() == 0
    }

    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.missing + self.extra + self.changed + self.reordered
    }
}

/// What a command may do to traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disruption {
    /// Nothing.
    #[default]
    None,
    /// Resets a routing adjacency.
    Adjacency,
    /// Interrupts traffic.
    Traffic,
    /// May lock the controller out.
    Lockout,
}

/// One line typed on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The line, sealed; context lines (`router bgp 65001`, `exit`) are commands too.
    pub line: String,
    /// Why it is there, for a person.
    pub why: String,
    /// What it may disturb.
    pub disruption: Disruption,
}

/// What replaying the commands on the running document showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The replay reached the intent, and the rollback led back.
    Proved,
    /// The same, but these lines are covered by the generic rule only.
    ProvedGeneric(Vec<String>),
    /// It did not, and why.
    NotProved(String),
    /// There is nothing to prove.
    #[default]
    Nothing,
}

/// What kind of dangerous moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardKind {
    /// A name is in use and not defined.
    Dangling,
    /// A filter that lets everything through.
    FailOpen,
    /// A list is taken down and built again.
    Rebuild,
    /// Changes wait for each other; one had to go first.
    Circle,
}

/// A dangerous moment between two commands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hazard {
    /// After which command of the remediation, from 1; 0: a property of the whole.
    pub line: usize,
    /// What kind.
    pub kind: HazardKind,
    /// For a person.
    pub text: String,
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which rail refused a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The intended configuration is empty.
    EmptyIntent,
    /// Too large a share of the device would go.
    LargeDeletion,
    /// The replay did not reach the intent.
    NotProved,
    /// The commands would touch the way the controller comes in.
    Lockout,
    /// Somebody keeps reverting the same section.
    Contested,
    /// This very change failed here before.
    FailedBefore,
    /// The platform cannot undo by itself, and nobody attends.
    AttendedOnly,
}

impl RefusalKind {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyIntent => "empty_intent",
            Self::LargeDeletion => "large_deletion",
            Self::NotProved => "not_proved",
            Self::Lockout => "lockout",
            Self::Contested => "contested",
            Self::FailedBefore => "failed_before",
            Self::AttendedOnly => "attended_only",
        }
    }
}

/// One reason a plan must not be carried out as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which rail.
    pub kind: RefusalKind,
    /// For a person, with numbers.
    pub detail: String,
}

impl Refusal {
    /// A person may accept it for one plan: it is about how much goes.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        matches!(
            self.kind,
            RefusalKind::LargeDeletion | RefusalKind::EmptyIntent
        )
    }
}

/// What follows from a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Running is as intended.
    Unchanged,
    /// It may be carried out.
    Ready,
    /// A rail holds it.
    Refused(Vec<Refusal>),
}

/// A complete, immutable decision about one device. Never edited, only replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Bound to revision, base and pack version.
    pub id: PlanId,
    /// The device.
    pub device: String,
    /// Platform pack name.
    pub platform: String,
    /// Content hash of the pack.
    pub pack: String,
    /// The revision's id; empty (null in JSON) for a state from before the first.
    #[serde(with = "super::revision::or_null")]
    pub revision: String,
    /// Semantic fingerprint of running the plan was made from.
    pub base: Fingerprint,
    /// Semantic fingerprint running will have.
    pub expected: Fingerprint,
    /// Merge or replace.
    pub mode: Mode,
    /// Turns running into intended.
    pub remediation: Vec<Command>,
    /// Turns intended back into running.
    pub rollback: Vec<Command>,
    /// What replaying the remediation showed.
    pub proof: Proof,
    /// What replaying the rollback showed.
    #[serde(default)]
    pub rollback_proof: Proof,
    /// Dangerous moments between commands.
    pub hazards: Vec<Hazard>,
    /// Differences by kind.
    pub drift: DriftCounts,
    /// The differences as text, `-` on the device, `+` what would be written; sealed.
    pub diff: String,
    /// Differences that do not count, with their reasons.
    pub ignored: Vec<String>,
    /// Dropped by the intent outside the sections it owns: reported, not removed.
    pub orphaned: Vec<String>,
    /// Top-level sections the remediation touches (header lines).
    pub sections: Vec<String>,
    /// Why they differ, when they do; `None` as well where nothing was applied or seen in
    /// line before, so that nobody can say.
    pub cause: Option<Cause>,
    /// Run before and after.
    pub checks: Vec<Check>,
    /// How it is undone.
    pub undo: Undo,
    /// Who may act.
    pub apply: ApplyMode,
    /// Lines the remediation deletes, and how many the device has.
    pub deletes: (usize, usize),
    /// What follows.
    pub decision: Decision,
}

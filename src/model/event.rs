//! What happened, as a value; log, metrics and history only print it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{AttemptId, Outcome};
use super::plan::{DriftCounts, RefusalKind};
use super::session::Mode;
use super::status::{Compliance, UnknownReason};
use super::store::HoldReason;

/// Why a change was undone; the closed set behind a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackCause {
    /// The device afterwards was not what was expected, or a check got worse.
    PostCheck,
    /// The device could not be reached any more.
    Disconnect,
    /// The device refused a line or a step.
    DeviceError,
    /// The lease or the journal was lost, so nobody was allowed to confirm.
    Fence,
    /// We were stopped or died in between.
    Interrupted,
}

impl RollbackCause {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostCheck => "post_check",
            Self::Disconnect => "disconnect",
            Self::DeviceError => "device_error",
            Self::Fence => "fence",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A phase of the pipeline whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Resolving the revision and reading its files.
    Source,
    /// Rendering the fleet's intent.
    Render,
    /// Reading a device.
    Fetch,
    /// Parsing, comparing, planning.
    Compare,
    /// Evaluating rules.
    Policy,
}

impl Phase {
    /// The word used in JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Render => "render",
            Self::Fetch => "fetch",
            Self::Compare => "compare",
            Self::Policy => "policy",
        }
    }
}

/// One occurrence. Messages are constant per variant; facts are fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The repository was looked at and is at this revision.
    RevisionResolved {
        /// Revision id.
        revision: String,
        /// It is not the one before.
        moved: bool,
    },
    /// The repository could not be looked at.
    SourceFailed {
        /// The error chain.
        error: String,
    },
    /// The watched branch was rewritten.
    BranchRewritten {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// A device was read.
    Fetched {
        /// Device.
        device: String,
        /// Platform pack.
        platform: String,
        /// What carried it (`ssh`, …).
        transport: String,
        /// How long it took.
        took: Duration,
    },
    /// A device could not be read.
    FetchFailed {
        /// Device.
        device: String,
        /// Platform pack, or empty.
        platform: String,
        /// The class of the failure.
        reason: UnknownReason,
        /// The error chain.
        error: String,
    },
    /// A device was compared with its intent.
    Compared {
        /// Device.
        device: String,
        /// Verdict.
        compliance: Compliance,
        /// Differences.
        drift: DriftCounts,
    },
    /// A plan was held by a rail.
    PlanRefused {
        /// Device.
        device: String,
        /// Which rail.
        kind: RefusalKind,
        /// For a person.
        detail: String,
    },
    /// An attempt began.
    AttemptStarted {
        /// Device.
        device: String,
        /// Attempt.
        attempt: AttemptId,
        /// Revision.
        revision: String,
        /// Who.
        actor: String,
    },
    /// An attempt ended.
    AttemptFinished {
        /// Device.
        device: String,
        /// Attempt.
        attempt: AttemptId,
        /// Site, for the metric.
        site: String,
        /// Merge or replace.
        mode: Mode,
        /// How.
        outcome: Outcome,
        /// Why it was undone, if it was (or is being) undone.
        cause: Option<RollbackCause>,
        /// How long it took.
        took: Duration,
        /// For a person.
        detail: String,
    },
    /// A device was put on hold.
    Held {
        /// Device.
        device: String,
        /// Why.
        reason: HoldReason,
        /// For a person.
        detail: String,
    },
    /// One phase of an attempt is over (the time spent in reading is in `Fetched`).
    PhaseDone {
        /// Which.
        phase: Phase,
        /// How long it took.
        took: Duration,
    },
    /// A lease was found lost: another process had the device in the meantime.
    LeaseLost {
        /// Device.
        device: String,
        /// The epoch that is no longer valid.
        epoch: u64,
    },
    /// The rollout of a revision was stopped by a failure.
    RolloutStopped {
        /// The revision.
        revision: String,
        /// Where it failed.
        device: String,
        /// How.
        reason: String,
    },
    /// A hold ended.
    Released {
        /// Device.
        device: String,
    },
    /// Applies are stopped for everybody (journal, state, branch).
    AppliesStopped {
        /// Why.
        reason: String,
    },
    /// They go on.
    AppliesResumed,
    /// A panic was caught in a worker.
    Panicked {
        /// Device.
        device: String,
        /// What it said.
        message: String,
    },
}

//! What happened, as a value; log, metrics and history only print it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{AttemptId, Outcome};
use super::plan::{DriftCounts, RefusalKind};
use super::status::{Compliance, UnknownReason};
use super::store::HoldReason;

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
        /// How.
        outcome: Outcome,
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

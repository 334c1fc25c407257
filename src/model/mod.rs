//! The shared nouns: what every stage of the pipeline passes to the next.
//!
//! Nothing here does work; modules that must not know each other (planner, policy
//! engine, executor) meet only in these types.

mod attempt;
mod chain;
mod data;
mod device;
mod diagnostic;
mod event;
mod facts;
mod fileset;
mod fingerprint;
mod plan;
mod policy;
mod revision;
mod secret;
mod session;
mod status;
mod store;

pub use attempt::{Actor, Attempt, AttemptId, Outcome, Skip, Step, StepKind, UndoArmed};
pub use chain::chain;
pub use data::{Data, Position};
pub use device::{
    ApplyMode, Check, CheckExpect, ConnectionOptions, Credential, Device, IntentSource, Keel,
    Limits, Manage, Undo, UndoMethod, is_secret_extra,
};
pub use diagnostic::{Diagnostic, Level};
pub use event::{Event, Phase, RollbackCause};
pub use facts::Facts;
pub use fileset::FileSet;
pub use fingerprint::Fingerprint;
pub use plan::{
    Cause, Command, Decision, Disruption, DriftCounts, Hazard, HazardKind, Plan, PlanId, Proof,
    Refusal, RefusalKind,
};
pub use policy::{Finding, Severity, Verdict};
pub use revision::Revision;
pub use secret::{SecretError, SecretName, SecretSource, SecretText, placeholder, placeholders};
pub use session::{Capabilities, ConfirmScope, Datastore, Mode, PendingCommit, Txn};
pub use status::{Compliance, DeviceStatus, DriftSummary, FleetStatus, LastApplied, UnknownReason};
pub use store::{
    Acceptance, AcceptanceKind, ConfigKind, DeviceRecord, Hold, HoldReason, Journal, Lease, Store,
    StoreError,
};

//! The `transaction` section of a pack: how a platform's configuration is changed, with the
//! positive sign of success of every step.

use serde::Deserialize;

use super::session::Pattern;

/// The ways of changing a device that Netkeel knows. A closed list: each is code in
/// `device::transaction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Lines typed into running; the undo, if any, stands on the host.
    #[default]
    Lines,
    /// Lines typed into running under a timer of the device.
    TimedMerge,
}

/// From where a trial can be confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmFrom {
    /// Any new session.
    AnySession,
    /// Only the one that armed it.
    SameSession,
    /// There is nothing to confirm.
    #[default]
    None,
}

/// What happens to a trial when the session that began it drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrop {
    /// The timer goes on.
    TimerRuns,
    /// It is undone at once.
    RevertsNow,
    /// There is no trial: what was typed stays.
    #[default]
    Stays,
}

/// What an undo costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoCost {
    /// Nothing.
    #[default]
    None,
    /// Protocols converge anew.
    Reconverge,
    /// The device restarts.
    Reload,
}

/// Where an undo leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoTarget {
    /// What was running before.
    #[default]
    BeforeCommit,
    /// What was saved last.
    Saved,
    /// What the next boot loads.
    Startup,
}

/// Which configuration runs after a restart in mid-trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReboot {
    /// The old one.
    Old,
    /// The new one.
    New,
    /// Nobody says.
    #[default]
    Unknown,
}

/// What the device's timer can count.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimerSpec {
    /// Seconds in one of its units.
    pub unit: u64,
    /// Smallest number of units.
    pub min: u64,
    /// Largest.
    pub max: u64,
}

/// One command and the sign that it worked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// What is typed; `{timer}` is the timer in its units.
    pub send: String,
    /// What its output must show.
    pub proof: Pattern,
    /// What says that it worked by half only.
    #[serde(default)]
    pub half: Option<Pattern>,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// How a pending trial is seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingSpec {
    /// What is typed.
    pub send: String,
    /// Nothing is pending.
    pub none: Pattern,
    /// Something is pending.
    pub some: Pattern,
    /// Who began it.
    #[serde(default)]
    pub user: Option<Pattern>,
    /// Seconds left, where the device tells.
    #[serde(default)]
    pub seconds_left: Option<Pattern>,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// What must be set up on a device beforehand, by its owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrerequisiteSpec {
    /// What is typed to see it.
    pub send: String,
    /// The answer where it is missing.
    pub missing: Pattern,
    /// What is missing and how it is set.
    pub what: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// An undo held by a process on the host of the network OS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostUndoSpec {
    /// The program a shell must know.
    pub program: String,
    /// Feeds it a file of configuration lines; `{file}` is the path.
    pub load: String,
    /// Prints running.
    pub running: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// How to change a platform's configuration, step by step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransactionSpec {
    /// Which of the ways.
    pub method: Method,
    /// From where a trial is confirmed.
    pub confirm_from: ConfirmFrom,
    /// What a dropped session means.
    pub on_session_drop: OnDrop,
    /// What the undo costs.
    pub undo_cost: UndoCost,
    /// Where the undo leads.
    pub undo_target: UndoTarget,
    /// What a restart in mid-trial means.
    pub on_reboot: OnReboot,
    /// The device's timer.
    pub timer: Option<TimerSpec>,
    /// Checked before anything is changed.
    pub prerequisites: Vec<PrerequisiteSpec>,
    /// How a pending trial is seen.
    pub pending: Option<PendingSpec>,
    /// Arms the undo and enters configuration.
    pub arm: Option<StepSpec>,
    /// Makes a trial permanent.
    pub confirm: Option<StepSpec>,
    /// Ends a trial now.
    pub rollback: Option<StepSpec>,
    /// Running becomes startup.
    pub save: Option<StepSpec>,
    /// An undo on the host.
    pub host_undo: Option<HostUndoSpec>,
}

//! What can go wrong with a simulated device, by script.

use serde::Deserialize;

/// Faults of one device. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Cuts the connection, without a good-bye, when a session that changed something
    /// leaves configuration mode.
    pub drop_after_commit: bool,
    /// Cuts the connection at this configuration line (from 1) after taking it.
    pub drop_at_line: Option<usize>,
    /// Refuses one configuration line.
    pub refuse: Option<Refuse>,
    /// Takes configuration lines without a word and changes nothing.
    pub ignore_changes: bool,
    /// Answers nothing any more from this command of a session on (from 1).
    pub stall_at: Option<usize>,
    /// Sends output in small pieces with this many milliseconds between.
    pub slow_ms: Option<u64>,
    /// Shows text that looks like prompts in the greeting.
    pub prompt_in_banner: bool,
    /// Cuts the shown configuration off after this many lines, prompt and all intact.
    pub truncate: Option<usize>,
    /// Logs everybody in at this privilege level; below 15 IOS shows only a part of the
    /// configuration, ended properly all the same.
    pub privilege: Option<u8>,
    /// Sends bytes that are no text before every prompt.
    pub garbage: bool,
    /// Refuses every login.
    pub refuse_login: bool,
    /// The undo of a trial stops half way.
    pub rollback_aborts: bool,
    /// Saving fails.
    pub refuse_save: bool,
}

/// A configuration line the device does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// Which configuration line since the fault was set, from 1.
    pub line: usize,
    /// What the device says.
    pub text: String,
}

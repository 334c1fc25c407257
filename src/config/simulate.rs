//! An independent replay of the emitted text. Shares no code with the planner.

use super::dialect::Dialect;
use super::document::Document;

/// What a replay led to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The configuration afterwards.
    pub document: Document,
    /// Dangerous moments between commands (dangling reference, fail-open), for a person.
    pub hazards: Vec<String>,
    /// Commands that only the generic rule covers.
    pub generic: Vec<String>,
}

/// Why a replay stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command {index} `{line}`: {why}")]
pub struct ReplayError {
    /// Which command, from 1.
    pub index: usize,
    /// The command (sealed).
    pub line: String,
    /// Why it cannot be.
    pub why: String,
}

/// Types `commands` into `base`, as the device would take them from its configuration mode.
///
/// # Errors
/// The first command that cannot be.
pub fn replay(
    _base: &Document,
    _commands: &[&str],
    _dialect: &Dialect,
) -> Result<Replay, ReplayError> {
    unimplemented!()
}

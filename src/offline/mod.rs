//! Configurations without a device: check, compare, replay. Pure.
//!
//! What `netkeel config …` does, also for people who use nothing else of Netkeel. Every
//! answer is sealed: no secret of an input stands in any output.

mod batch;
mod check;
mod solve;

pub use batch::{Task, line};
pub use check::{FileReport, check};
pub use solve::{Request, Solved, simulate, solve, typed};

/// Why a question has no answer. The text names the culprit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfflineError {
    /// No pack answers to this name.
    #[error("no platform `{name}`; there are {known}")]
    Platform {
        /// What was asked for.
        name: String,
        /// Names of all packs.
        known: String,
    },
    /// The line of a batch is no question.
    #[error("not a question: {0}")]
    Question(String),
    /// A command of a replay cannot be.
    #[error("{0}")]
    Replay(String),
    /// A complete configuration was asked for, and this is none.
    #[error("{which} is no complete configuration: {why}")]
    Incomplete {
        /// `running` or `intended`.
        which: &'static str,
        /// Why not.
        why: String,
    },
}

#[cfg(test)]
mod xml_tests;

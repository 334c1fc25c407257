//! The one session engine for every SSH CLI.
//!
//! ```text
//!  bytes -> Screen (what a terminal shows) -> Engine (echo, prompt, pager, questions)
//!        -> split/answer (outputs, refusals; pure) -> CliSession's verbs
//! ```
//!
//! There are no sleeps: every wait is for the next bytes, and ends after a silence. Reading
//! commands are sent several at a time, each followed by a mark (see [`split`]); lines that
//! change something are sent one at a time, and the next goes out only when the prompt is
//! back and nothing was refused.

pub mod answer;
mod engine;
mod lines;
pub mod log;
mod prompt;
mod rise;
pub mod screen;
pub mod split;
mod wait;
pub mod wire;

pub use engine::{Answer, Engine, Line};
pub use lines::{Unit, units};
pub use log::{Redactor, SessionLog};
pub use wire::{Gone, Wire};

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

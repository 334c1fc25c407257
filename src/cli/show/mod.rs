//! Values of the model as text for people. Pure: `now` is an argument.

pub(crate) mod device;
pub(crate) mod diff;
pub(crate) mod history;
pub(crate) mod inventory;
pub(crate) mod origins;
pub(crate) mod plan;
mod solved;
pub(crate) mod status;
mod table;
mod time;

pub(crate) use solved::solved;
pub(crate) use table::Table;
pub(crate) use time::{ago, clock};

/// `1 device`, `3 devices`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

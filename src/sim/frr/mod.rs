//! FRR, as one meets it in vtysh.

mod exec;
#[rustfmt::skip] // tables: one entry a line would be a thousand lines
mod grammar;
mod print;
mod rules;

pub(super) use exec::{GREETING, line, prompt};
pub(super) use print::{body, read};
pub(super) use rules::FrrRules;

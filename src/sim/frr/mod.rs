//! FRR, as one meets it in vtysh.

mod exec;
mod grammar;
mod print;
mod rules;

pub(super) use exec::{GREETING, line, prompt};
pub(super) use print::{body, read};
pub(super) use rules::FrrRules;

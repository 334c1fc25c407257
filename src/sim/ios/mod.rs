//! Cisco IOS / IOS-XE.

pub(super) mod acl;
mod archive;
mod exec;
#[rustfmt::skip] // tables: one entry a line would be a thousand lines
mod grammar;
mod interface;
#[rustfmt::skip] // as above
mod order;
mod print;
mod rules;
mod show;

pub(super) use archive::{Archive, expire};
pub(super) use exec::{line, prompt};
pub(super) use print::{body, read, startup};
pub(super) use rules::IosRules;

//! Cisco IOS / IOS-XE.

pub(super) mod acl;
mod archive;
mod exec;
mod grammar;
mod print;
mod rules;
mod show;

pub(super) use archive::{Archive, expire};
pub(super) use exec::{line, prompt};
pub(super) use print::{body, read, startup};
pub(super) use rules::IosRules;

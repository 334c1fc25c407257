//! Byte streams: SSH.

mod auth;
pub mod glob;
mod guard;
pub mod known_hosts;
pub mod ssh;
pub mod ssh_config;

pub use known_hosts::{KnownHosts, Verdict};
pub use ssh::{HostKeyPolicy, SeenKey};
pub use ssh_config::{HostConfig, SshConfig};

//! Git: a bare mirror, revisions, files from the object database; watchers that only say
//! "look again". Everything here blocks; async callers use a blocking thread.
//!
//! What comes out of a repository is somebody else's: nothing is checked out, links and
//! submodules are refused, sizes are bounded, and every talk with a server ends in time.

mod anew;
mod blame;
mod error;
mod fetch;
mod files;
mod known_hosts;
mod libgit2;
mod mirror;
mod resolve;
mod talk;
mod url;
mod watch;
mod worktree;

use std::path::PathBuf;
use std::time::Duration;

pub use blame::{Blame, LineCommit, Lines, Written};
pub use error::{FileFault, HostKeyFault, SourceError};
pub use libgit2::init;
pub use mirror::{Mirror, Resolved};
pub use watch::{LOOK_AGAIN_BOUND, Watcher};
pub use worktree::{blame_worktree, find_worktree, head_of_worktree, worktree};

use crate::model::SecretText;

/// How to log in to a Git server.
#[derive(Clone, Debug, Default)]
pub struct GitAuth {
    /// User name (https) or login (ssh; default from the URL, else `git`).
    pub username: Option<String>,
    /// Password or token for https. Never sent over plain http.
    pub token: Option<SecretText>,
    /// Private key file for ssh; the ssh agent is asked if absent.
    pub key_file: Option<PathBuf>,
    /// Its passphrase.
    pub key_passphrase: Option<SecretText>,
    /// `known_hosts` for ssh; the user's own and the system's if absent.
    pub known_hosts: Option<PathBuf>,
    /// Certificate authorities (PEM) to trust for https, beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Which repository, and how much patience and room it gets.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Local path, `file://`, `https://`, `ssh://` or `user@host:path`.
    pub url: String,
    /// Branch, tag or hash.
    pub reference: String,
    /// Where the bare mirror lives.
    pub mirror: PathBuf,
    /// No Git operation takes longer.
    pub timeout: Duration,
    /// Login.
    pub auth: GitAuth,
    /// Largest file, in bytes.
    pub max_file: u64,
    /// Largest sum of all files, in bytes.
    pub max_total: u64,
}

#[cfg(test)]
mod tests;

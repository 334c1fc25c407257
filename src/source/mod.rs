//! Git: a bare mirror, revisions, files from the object database; watchers that only say
//! "look again". Everything here blocks; async callers use a blocking thread.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{FileSet, Revision, SecretText};

/// How to log in to a Git server.
#[derive(Clone, Debug, Default)]
pub struct GitAuth {
    /// User name (https) or login (ssh; default from the URL, else `git`).
    pub username: Option<String>,
    /// Password or token for https.
    pub token: Option<SecretText>,
    /// Private key file for ssh.
    pub key_file: Option<PathBuf>,
    /// Its passphrase.
    pub key_passphrase: Option<SecretText>,
    /// `known_hosts` for ssh; the user's own if absent.
    pub known_hosts: Option<PathBuf>,
}

/// Which repository, and how much patience and room it gets.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Local path, `file://`, `https://`, `ssh://` or `user@host:path`.
    pub url: String,
    /// Branch or tag.
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

/// What a look at the repository showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Where the reference is now.
    pub revision: Revision,
    /// False when `previous` is not an ancestor of it (the branch was rewritten).
    pub fast_forward: bool,
}

/// Why the repository could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Placeholder until the module is written.
    #[error("source")]
    Todo,
}

/// The bare mirror.
#[derive(Debug)]
pub struct Mirror {}

impl Mirror {
    /// Opens or creates the mirror.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(_spec: SourceSpec) -> Result<Self, SourceError> {
        unimplemented!()
    }
    /// Fetches and resolves the reference; compares with the revision known before.
    ///
    /// # Errors
    /// Unreachable, refused, too slow, no such reference.
    pub fn refresh(&mut self, _previous: Option<&str>) -> Result<Resolved, SourceError> {
        unimplemented!()
    }
    /// Resolves any reference or hash without fetching.
    ///
    /// # Errors
    /// No such reference.
    pub fn resolve(&self, _reference: &str) -> Result<Revision, SourceError> {
        unimplemented!()
    }
    /// The files of a revision. Symlinks, submodules and oversized files are refused.
    ///
    /// # Errors
    /// Names the file that was refused.
    pub fn files(&self, _revision: &str) -> Result<FileSet, SourceError> {
        unimplemented!()
    }
}

/// The files of a working tree as they are now (what Git does not ignore), as a revision
/// of their own.
///
/// # Errors
/// Names the file that was refused.
pub fn worktree(_root: &Path, _spec: &SourceSpec) -> Result<(Revision, FileSet), SourceError> {
    unimplemented!()
}

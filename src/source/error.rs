//! Why a repository could not be used.

use std::path::PathBuf;

/// Why the repository could not be used. Addresses are shown without passwords, and what a
/// server or library said is shown without secrets.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not an address we can use.
    #[error("`{url}` is not a repository address: {why}")]
    Address {
        /// As written, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A local folder or file cannot be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// libgit2 could not be set up.
    #[error("cannot set up git: {0}")]
    Setup(String),
    /// No connection, or a broken one.
    #[error("cannot fetch `{url}`: {why}")]
    Unreachable {
        /// The repository.
        url: String,
        /// What the network or the server said.
        why: String,
    },
    /// There is no repository at that place.
    #[error("there is no repository at `{url}`")]
    Vanished {
        /// The place.
        url: String,
    },
    /// The server did not finish in time.
    #[error("`{url}` did not answer within {seconds} s")]
    TimedOut {
        /// The repository.
        url: String,
        /// The patience it had.
        seconds: u64,
    },
    /// A fetch that was given up earlier, or one of another process, holds the mirror.
    #[error("still busy: another fetch of `{url}` has not ended yet")]
    Busy {
        /// The repository.
        url: String,
    },
    /// The server did not accept the login.
    #[error("`{url}` refused the login{}", as_user(user.as_deref()))]
    LoginRefused {
        /// The repository.
        url: String,
        /// The user that was tried.
        user: Option<String>,
    },
    /// The server wants a login and there is none to offer.
    #[error("`{url}` wants a login: {why}")]
    NoLogin {
        /// The repository.
        url: String,
        /// What is missing.
        why: String,
    },
    /// The ssh server is not who it should be.
    #[error("host key of `{host}` not accepted: {fault}")]
    HostKey {
        /// `host` or `[host]:port`, as in `known_hosts`.
        host: String,
        /// Why not.
        fault: HostKeyFault,
    },
    /// The https server's certificate is not valid.
    #[error("the certificate of `{url}` is not valid: {why}")]
    Certificate {
        /// The repository.
        url: String,
        /// What the check said.
        why: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{url}` has no branch, tag or commit `{reference}`")]
    NoSuchReference {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
    },
    /// The repository is larger than any intent repository.
    #[error("`{url}` is too large: {why}")]
    TooLarge {
        /// The repository.
        url: String,
        /// In what.
        why: String,
    },
    /// The mirror cannot be read; the next refresh makes it anew.
    #[error("the mirror {} is damaged: {why}", path.display())]
    Damaged {
        /// The mirror.
        path: PathBuf,
        /// What could not be read.
        why: String,
    },
    /// A file of the revision is not let through.
    #[error("`{path}` in {revision} is refused: {fault}")]
    Refused {
        /// The revision, or the working tree.
        revision: String,
        /// Path inside the repository, escaped.
        path: String,
        /// Why.
        fault: FileFault,
    },
    /// A folder is not inside a Git working tree.
    #[error("{} is not in a git working tree", path.display())]
    NotAWorktree {
        /// The folder.
        path: PathBuf,
    },
    /// The repository cannot be watched; polling still works.
    #[error("cannot watch {}: {why}", path.display())]
    Watch {
        /// The repository.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

fn as_user(user: Option<&str>) -> String {
    user.map_or_else(String::new, |user| format!(" of `{user}`"))
}

/// Why a file is not let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// A symbolic link.
    #[error("a symbolic link")]
    Symlink,
    /// A submodule or a repository of its own.
    #[error("a submodule")]
    Submodule,
    /// A Git LFS pointer: its content is elsewhere.
    #[error("a Git LFS pointer, its content is not in the repository")]
    LfsPointer,
    /// Neither a file nor a folder.
    #[error("not a regular file")]
    NotAFile,
    /// A name that could lead somewhere else, or that terminals would act on.
    #[error("a name with {0}")]
    Name(&'static str),
    /// Larger than allowed.
    #[error("{size} bytes, more than the {limit} allowed for one file")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// With it, all files together are larger than allowed.
    #[error("with it, all files are more than the {limit} bytes allowed together")]
    TotalTooLarge {
        /// The limit.
        limit: u64,
    },
    /// With it, there are more files than allowed.
    #[error("with it, there are more than the {limit} files and folders allowed")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Too many folders inside each other.
    #[error("deeper than the {limit} folders allowed")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Two entries of one name.
    #[error("two entries of this name")]
    Twice,
    /// It cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(String),
}

/// Why an ssh server's key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyFault {
    /// No line for this host.
    #[error("unknown; add it with `ssh-keyscan` after checking it")]
    Unknown,
    /// Lines only for other kinds of keys.
    #[error("the server showed its {shown} key, known_hosts has only {known}; add that one too")]
    OtherKind {
        /// The kind the server showed.
        shown: String,
        /// The kinds that are known.
        known: String,
    },
    /// Another key of the same kind is known.
    #[error("it has changed; known_hosts line {line} has another key")]
    Changed {
        /// Line in the file, from 1.
        line: usize,
    },
    /// The key is marked as revoked.
    #[error("it is revoked in known_hosts line {line}")]
    Revoked {
        /// Line in the file, from 1.
        line: usize,
    },
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    NoFile(String),
    /// The server showed no key we can compare.
    #[error("the server showed no usable key")]
    NoKey,
}

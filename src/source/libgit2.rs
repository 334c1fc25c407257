//! libgit2's process-wide settings: the one place with unsafe code.
#![expect(
    unsafe_code,
    reason = "libgit2 keeps timeouts and certificate authorities in globals"
)]

use std::path::Path;

use git2::opts;

use super::error::SourceError;

/// How long a TCP connection may take to come up, in milliseconds.
const CONNECT_MS: i32 = 10_000;
/// How long a server may be silent within a conversation, in milliseconds.
const SILENCE_MS: i32 = 30_000;

/// Sets libgit2's process-wide limits. Call it first thing in `main`, before any thread.
///
/// # Errors
/// When libgit2 does not take a setting.
pub fn init() -> Result<(), SourceError> {
    // SAFETY: these write plain globals of libgit2; the caller has not started threads yet.
    let set = unsafe {
        opts::set_server_connect_timeout_in_milliseconds(CONNECT_MS)
            .and_then(|()| opts::set_server_timeout_in_milliseconds(SILENCE_MS))
            // Repositories of other users (a `git` account, a mounted checkout) are only
            // read here; libgit2 runs neither hooks nor commands from their configuration.
            .and_then(|()| opts::set_verify_owner_validation(false))
    };
    set.map_err(|e| SourceError::Setup(e.message().to_owned()))
}

/// Trusts more certificate authorities for https, for the rest of the process.
pub(super) fn trust(ca_file: &Path) -> Result<(), SourceError> {
    // libgit2 does not say why it could not read a file, so that is asked first.
    std::fs::read(ca_file).map_err(|source| SourceError::Folder {
        path: ca_file.to_owned(),
        source,
    })?;
    // SAFETY: adds to OpenSSL's certificate store, which has a lock of its own; libgit2
    // creates the store once, when git2 initialises it before this call.
    let set = unsafe { opts::set_ssl_cert_file(ca_file) };
    set.map_err(|e| SourceError::Setup(format!("{}: {}", ca_file.display(), e.message())))
}

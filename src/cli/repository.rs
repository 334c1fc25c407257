//! Which repository, how to log in to it, and what to say when it cannot be used.

use std::path::{Path, PathBuf};

use super::error::{CliError, Result};
use super::exit::Exit;
use crate::settings::{Settings, SettingsSecrets};
use crate::source::{GitAuth, SourceError, SourceSpec, find_worktree};

/// Folder of the bare mirror inside the state folder.
const MIRROR: &str = "mirror";

/// Which repository, and how to log in to it.
pub(crate) fn source_spec(settings: &Settings) -> Result<SourceSpec> {
    let repository = &settings.repository;
    let here = std::env::current_dir()?;
    let url = match &repository.url {
        Some(url) => url.clone(),
        None => enclosing_tree(&here)
            .map(|tree| tree.display().to_string())
            .ok_or_else(|| {
                CliError::usage("no repository is named")
                    .hint("`--repo PATH|URL`, or `repository.url` in the settings")
                    .hint("`netkeel init DIR` makes an example to start from")
            })?,
    };
    let secrets = SettingsSecrets::new(settings);
    let resolve = |name: &Option<_>| {
        let value = name
            .as_ref()
            .map(|name| secrets.resolve_for_git(name))
            .transpose();
        value.map_err(|e| CliError::failure(e).while_doing("the Git server's credentials"))
    };
    Ok(SourceSpec {
        url,
        reference: repository.reference.clone(),
        mirror: settings.state.join(MIRROR),
        timeout: repository.timeout,
        auth: GitAuth {
            username: repository.username.clone(),
            token: resolve(&repository.token)?,
            key_file: repository.key_file.clone(),
            key_passphrase: resolve(&repository.key_passphrase)?,
            known_hosts: repository.known_hosts.clone(),
            ca_file: repository.ca_file.clone(),
        },
        max_file: repository.max_file,
        max_total: repository.max_total,
    })
}

/// The root of the working tree a folder is in, if it holds an intent.
pub(super) fn enclosing_tree(folder: &Path) -> Option<PathBuf> {
    find_worktree(folder).filter(|root| root.join("intent").is_dir())
}

/// A failure of the source, with what usually helps.
pub(crate) fn source_error(error: SourceError) -> CliError {
    let (exit, hint) = match &error {
        SourceError::Address { .. }
        | SourceError::NoSuchReference { .. }
        | SourceError::Vanished { .. } => (
            Exit::Usage,
            Some("`--repo PATH|URL` and `--ref BRANCH` say what to use"),
        ),
        SourceError::Refused { .. } | SourceError::TooLarge { .. } => (Exit::Usage, None),
        SourceError::NotAWorktree { .. } => (Exit::Usage, Some("`--repo PATH|URL` names one")),
        SourceError::LoginRefused { .. } | SourceError::NoLogin { .. } => (
            Exit::Failure,
            Some("see `repository.token` and `repository.key_file` in docs/settings.md"),
        ),
        SourceError::HostKey { .. } => (Exit::Failure, Some("see `repository.known_hosts`")),
        SourceError::Certificate { .. } => (Exit::Failure, Some("see `repository.ca_file`")),
        SourceError::TimedOut { .. } => (Exit::Failure, Some("see `repository.timeout`")),
        SourceError::Folder { .. }
        | SourceError::Setup(_)
        | SourceError::Unreachable { .. }
        | SourceError::Busy { .. }
        | SourceError::Damaged { .. }
        | SourceError::Watch { .. } => (Exit::Failure, None),
    };
    let told = CliError::failure(error)
        .with_exit(exit)
        .while_doing("the repository cannot be used");
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_tree_is_one_with_an_intent_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("intent/inventory");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(enclosing_tree(&deep), None);
        git2::Repository::init(folder.path()).unwrap();
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(
            enclosing_tree(&deep).map(|r| r.canonicalize().unwrap()),
            Some(root)
        );
        let other = tempfile::tempdir().unwrap();
        git2::Repository::init(other.path()).unwrap();
        assert_eq!(enclosing_tree(other.path()), None);
    }
}

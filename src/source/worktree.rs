//! A working tree as it is now, for people who have not committed yet.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{Repository, Status, StatusOptions};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::SourceSpec;
use super::blame::{self, Blame, Lines, Question};
use super::error::{FileFault, SourceError};
use super::files::{Collector, ReadError, Room};
use super::resolve;
use crate::model::{FileSet, Revision};

/// The working tree that a folder is in, if it is in one.
#[must_use]
pub fn find_worktree(folder: &Path) -> Option<PathBuf> {
    let repository = Repository::discover(folder).ok()?;
    repository.workdir().map(Path::to_owned)
}

/// The revision a working tree stands on; `None` before the first commit.
///
/// # Errors
/// When the folder is not in a working tree, or its repository cannot be read.
pub fn head_of_worktree(root: &Path) -> Result<Option<Revision>, SourceError> {
    head(&open(root)?.0, root)
}

fn open(root: &Path) -> Result<(Repository, PathBuf), SourceError> {
    let none = || SourceError::NotAWorktree {
        path: root.to_owned(),
    };
    let repository = Repository::discover(root).map_err(|_| none())?;
    let folder = repository.workdir().map(Path::to_owned).ok_or_else(none)?;
    Ok((repository, folder))
}

fn damaged(root: &Path, error: &git2::Error) -> SourceError {
    SourceError::Damaged {
        path: root.to_owned(),
        why: error.message().to_owned(),
    }
}

fn head(repository: &Repository, root: &Path) -> Result<Option<Revision>, SourceError> {
    let Ok(head) = repository.head() else {
        return Ok(None);
    };
    let name = String::from_utf8_lossy(head.shorthand_bytes()).into_owned();
    let commit = head.peel_to_commit().map_err(|e| damaged(root, &e))?;
    Ok(Some(resolve::revision(&commit, &name)))
}

/// The files of a working tree as they are now (tracked, or neither tracked nor ignored),
/// as a revision of their own. The id depends on names and contents only.
///
/// # Errors
/// Names the file that was refused.
pub fn worktree(root: &Path, spec: &SourceSpec) -> Result<(Revision, FileSet), SourceError> {
    let (repository, folder) = open(root)?;
    let paths = paths(&repository).map_err(|e| damaged(root, &e))?;
    let mut collector = Collector::new(Room {
        file: spec.max_file,
        total: spec.max_total,
    });
    for path in paths {
        add(&mut collector, &folder, &path).map_err(|e| match e {
            ReadError::Git(e) => damaged(root, &e),
            ReadError::Refused(path, fault) => SourceError::Refused {
                revision: "the working tree".to_owned(),
                path,
                fault,
            },
        })?;
    }
    let files = collector.finish();
    let base = head(&repository, root)?;
    let revision = Revision {
        id: format!("worktree-{}", hash(&files)),
        reference: base
            .as_ref()
            .map_or_else(|| "worktree".to_owned(), |r| r.reference.clone()),
        author: base.as_ref().map(|r| r.author.clone()).unwrap_or_default(),
        time: base.as_ref().map_or(Timestamp::UNIX_EPOCH, |r| r.time),
        summary: match &base {
            Some(r) => format!("working tree on {}", r.short()),
            None => "working tree before the first commit".to_owned(),
        },
    };
    Ok((revision, files))
}

/// Who wrote lines of a working tree's files, as far as that can be told within `limit`. A
/// line that is not in the commit the tree stands on is not committed.
#[must_use]
pub fn blame_worktree(root: &Path, files: FileSet, wanted: Lines, limit: Duration) -> Blame {
    let question = Question {
        repository: root.to_owned(),
        revision: None,
        files: Some(files),
    };
    blame::blame(question, wanted, limit)
}

/// Tracked paths, and untracked ones that are not ignored.
fn paths(repository: &Repository) -> Result<BTreeSet<Vec<u8>>, git2::Error> {
    let mut paths: BTreeSet<Vec<u8>> = repository.index()?.iter().map(|e| e.path).collect();
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_ignored(false)
        .exclude_submodules(true);
    for entry in repository.statuses(Some(&mut options))?.iter() {
        if entry.status().contains(Status::WT_NEW) {
            paths.insert(entry.path_bytes().to_vec());
        }
    }
    Ok(paths)
}

fn add(collector: &mut Collector, root: &Path, path: &[u8]) -> Result<(), ReadError> {
    // Git shows a repository inside the repository as a folder.
    let (inner, path) = match path.strip_suffix(b"/") {
        Some(path) => (true, path),
        None => (false, path),
    };
    let name = collector.enter(path)?;
    let size = match regular_file(root, &name, inner) {
        Ok(Some(size)) => size,
        Ok(None) => return Ok(()),
        Err(fault) => return Err(ReadError::Refused(name, fault)),
    };
    collector.admit(&name, size)?;
    match read_at_most(&root.join(&name), size) {
        Ok(content) => collector.add(name, content),
        Err(fault) => Err(ReadError::Refused(name, fault)),
    }
}

/// The size of a regular file that no link leads to; nothing for a tracked one that was
/// deleted.
fn regular_file(root: &Path, name: &str, inner: bool) -> Result<Option<u64>, FileFault> {
    if inner {
        return Err(FileFault::Submodule);
    }
    let about = match fs::symlink_metadata(root.join(name)) {
        Ok(about) => about,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(FileFault::Unreadable(e.to_string())),
    };
    if about.is_symlink() || through_a_link(root, name) {
        return Err(FileFault::Symlink);
    }
    if about.is_dir() {
        return Err(FileFault::Submodule);
    }
    if !about.is_file() {
        return Err(FileFault::NotAFile);
    }
    Ok(Some(about.len()))
}

/// Reads a file that has `size` bytes; one that grows meanwhile is noticed.
fn read_at_most(path: &Path, size: u64) -> Result<Vec<u8>, FileFault> {
    let mut content = Vec::new();
    let read = fs::File::open(path)
        .and_then(|file| file.take(size.saturating_add(1)).read_to_end(&mut content));
    match read {
        Err(e) => Err(FileFault::Unreadable(e.to_string())),
        Ok(n) if u64::try_from(n).is_ok_and(|n| n <= size) => Ok(content),
        Ok(_) => Err(FileFault::Unreadable("it changed meanwhile".to_owned())),
    }
}

/// Whether a folder on the way to a tracked file has become a link.
fn through_a_link(root: &Path, name: &str) -> bool {
    Path::new(name)
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty())
        .any(|folder| fs::symlink_metadata(root.join(folder)).is_ok_and(|m| m.is_symlink()))
}

/// A hash over names and contents.
fn hash(files: &FileSet) -> String {
    let mut hash = Sha256::new();
    for (path, content) in files.under("") {
        for part in [path.as_bytes(), content] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(20)
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

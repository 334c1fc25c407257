//! Watching a local repository: every event only says "look again".
//!
//! Nothing is learned from an event but that something moved, and no event is trusted to
//! come: the controller polls too.

use std::path::{Path, PathBuf};

use git2::Repository;
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::error::SourceError;

/// Room in the channel: "look again" twice says no more than once.
pub const LOOK_AGAIN_BOUND: usize = 1;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    _inner: notify::RecommendedWatcher,
}

impl Watcher {
    /// Watches the references of a local repository, bare or not. The receiver gets a unit
    /// soon after any of them may have moved.
    ///
    /// # Errors
    /// When there is no repository at `path`, or the system has no watches left.
    pub fn new(path: &Path) -> Result<(Self, mpsc::Receiver<()>), SourceError> {
        let (to, look_again) = mpsc::channel(LOOK_AGAIN_BOUND);
        // A full channel means that somebody is about to look anyway.
        let watcher = Self::with(path, move || to.try_send(()).unwrap_or_default())?;
        Ok((watcher, look_again))
    }

    /// The same with a function, called on the watcher's own thread.
    ///
    /// # Errors
    /// As [`Watcher::new`].
    pub fn with(path: &Path, look_again: impl Fn() + Send + 'static) -> Result<Self, SourceError> {
        let fail = |why: String| SourceError::Watch {
            path: path.to_owned(),
            why,
        };
        let repository = Repository::open(path).map_err(|e| fail(e.message().to_owned()))?;
        let handler = move |event: notify::Result<Event>| {
            // An error may hide an event.
            if event.map_or(true, |e| matters(&e)) {
                look_again();
            }
        };
        let mut inner = notify::recommended_watcher(handler).map_err(|e| fail(e.to_string()))?;
        for (folder, mode) in folders(&repository) {
            inner
                .watch(&folder, mode)
                .map_err(|e| fail(e.to_string()))?;
        }
        Ok(Self { _inner: inner })
    }
}

/// `HEAD` and `packed-refs` lie in the folder itself, branches and tags below `refs`.
fn folders(repository: &Repository) -> Vec<(PathBuf, RecursiveMode)> {
    let common = repository.commondir().to_owned();
    let own = repository.path().to_owned();
    let refs = common.join("refs");
    let mut folders = vec![(common.clone(), RecursiveMode::NonRecursive)];
    if own != common {
        folders.push((own, RecursiveMode::NonRecursive));
    }
    if refs.is_dir() {
        folders.push((refs, RecursiveMode::Recursive));
    }
    folders
}

/// Reading moves nothing, and a lock file is only the promise of a change.
fn matters(event: &Event) -> bool {
    let lock = |path: &PathBuf| path.extension().is_some_and(|e| e == "lock");
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || !event.paths.iter().all(lock))
}

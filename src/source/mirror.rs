//! The bare mirror: fetched in bounded time, made anew when it is damaged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ErrorCode, Oid, Repository};
use tokio::time::Instant;

use super::anew::Anew;
use super::blame::{self, Blame, Lines, Question};
use super::error::SourceError;
use super::fetch::{Ended, Job, open_or_create};
use super::files::{self, ReadError, Room};
use super::url::{Address, Scheme};
use super::{SourceSpec, libgit2, resolve};
use crate::model::{FileSet, Revision};

/// What a look at the repository showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Where the reference is now.
    pub revision: Revision,
    /// False when `previous` is not an ancestor of it (the branch was rewritten).
    pub fast_forward: bool,
}

/// The bare mirror.
#[derive(Debug)]
pub struct Mirror {
    spec: SourceSpec,
    address: Address,
    /// Closes when a fetch that was given up has ended.
    left_behind: Mutex<Option<Receiver<()>>>,
    /// Something in it could not be read: the next refresh makes it anew.
    damaged: AtomicBool,
}

impl Mirror {
    /// Opens or creates the mirror. Nothing is fetched yet.
    ///
    /// # Errors
    /// When the address is none, or the folder cannot be used. A damaged mirror is no
    /// error: the next [`Mirror::refresh`] makes it anew.
    pub fn open(spec: SourceSpec) -> Result<Self, SourceError> {
        let address = Address::parse(&spec.url)?;
        if let Some(ca_file) = &spec.auth.ca_file {
            libgit2::trust(ca_file)?;
        }
        if let Some(parent) = spec.mirror.parent() {
            std::fs::create_dir_all(parent).map_err(|source| SourceError::Folder {
                path: parent.to_owned(),
                source,
            })?;
        }
        let damaged = match open_or_create(&spec.mirror) {
            Ok(_) => false,
            Err(SourceError::Damaged { .. }) => true,
            Err(other) => return Err(other),
        };
        Ok(Self {
            spec,
            address,
            left_behind: Mutex::new(None),
            damaged: AtomicBool::new(damaged),
        })
    }

    /// The address as people may see it.
    #[must_use]
    pub fn shown_url(&self) -> &str {
        &self.address.shown
    }

    /// The path of the repository, when it is on this host (for a [`super::Watcher`]).
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        self.address.path.as_deref()
    }

    /// Fetches and resolves the reference; compares with the revision known before.
    ///
    /// # Errors
    /// Unreachable, refused, too slow, no such reference. The mirror keeps what it had.
    pub fn refresh(&mut self, previous: Option<&str>) -> Result<Resolved, SourceError> {
        let deadline = Instant::now() + self.spec.timeout;
        self.not_busy()?;
        self.still_there()?;
        if !self.damaged.load(Ordering::Relaxed) {
            let looked = self
                .fetch(None, deadline)
                .and_then(|()| self.look(previous));
            match looked {
                Err(SourceError::Damaged { .. }) => {}
                other => return other,
            }
        }
        let anew = Anew {
            previous: previous.map(str::to_owned),
            new: self.beside("new"),
            old: self.beside("damaged"),
        };
        self.fetch(Some(anew), deadline)?;
        self.damaged.store(false, Ordering::Relaxed);
        self.look(previous)
    }

    /// A fetch that was given up must have ended.
    fn not_busy(&self) -> Result<(), SourceError> {
        let mut slot = self
            .left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if slot
            .as_ref()
            .is_some_and(|gone| gone.try_recv() == Err(TryRecvError::Empty))
        {
            let url = self.address.shown.clone();
            return Err(SourceError::Busy { url });
        }
        *slot = None;
        Ok(())
    }

    /// A local repository that has gone away is said so, not called a network fault.
    fn still_there(&self) -> Result<(), SourceError> {
        let url = self.address.shown.clone();
        match self.address.path.as_ref().map(Repository::open) {
            Some(Err(e)) if e.code() == ErrorCode::NotFound => Err(SourceError::Vanished { url }),
            Some(Err(e)) => Err(SourceError::Unreachable {
                url,
                why: e.message().to_owned(),
            }),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn fetch(&self, anew: Option<Anew>, deadline: Instant) -> Result<(), SourceError> {
        let waiting = Arc::new(AtomicBool::new(false));
        let url = self.address.shown.clone();
        let job = Job {
            address: self.absolute(),
            auth: self.spec.auth.clone(),
            mirror: self.spec.mirror.clone(),
            anew,
            lock: self.beside("lock"),
            waiting: Arc::clone(&waiting),
            deadline,
            timeout: self.spec.timeout,
        };
        match job.run()? {
            Ended::Done(result) => result,
            Ended::LeftBehind(gone) => {
                let mut slot = self
                    .left_behind
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *slot = Some(gone);
                if waiting.load(Ordering::Relaxed) {
                    return Err(SourceError::Busy { url });
                }
                let seconds = self.spec.timeout.as_secs();
                Err(SourceError::TimedOut { url, seconds })
            }
        }
    }

    /// libgit2 takes a relative path relative to the mirror; we mean the working directory.
    fn absolute(&self) -> Address {
        let mut address = self.address.clone();
        if address.scheme == Scheme::Local
            && let Some(path) = &address.path
            && let Ok(full) = std::path::absolute(path)
        {
            address.url = full.display().to_string();
        }
        address
    }

    /// A path beside the mirror, with an ending.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.spec.mirror.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.spec.mirror.with_file_name(name)
    }

    fn repository(&self) -> Result<Repository, SourceError> {
        Repository::open_bare(&self.spec.mirror).map_err(|e| self.is_damaged(&e))
    }

    fn is_damaged(&self, error: &git2::Error) -> SourceError {
        self.damaged.store(true, Ordering::Relaxed);
        SourceError::Damaged {
            path: self.spec.mirror.clone(),
            why: error.message().to_owned(),
        }
    }

    fn look(&self, previous: Option<&str>) -> Result<Resolved, SourceError> {
        let repository = self.repository()?;
        let revision = self.resolve_in(&repository, &self.spec.reference)?;
        let now = Oid::from_str(&revision.id).map_err(|e| self.is_damaged(&e))?;
        let fast_forward =
            resolve::fast_forward(&repository, previous, now).map_err(|e| self.is_damaged(&e))?;
        Ok(Resolved {
            revision,
            fast_forward,
        })
    }

    fn resolve_in(&self, from: &Repository, reference: &str) -> Result<Revision, SourceError> {
        let commit = resolve::commit(from, reference).map_err(|e| self.is_damaged(&e))?;
        let commit = commit.ok_or_else(|| SourceError::NoSuchReference {
            url: self.address.shown.clone(),
            reference: reference.to_owned(),
        })?;
        commit.tree().map_err(|e| self.is_damaged(&e))?;
        Ok(resolve::revision(&commit, reference))
    }

    /// Resolves any branch, tag, full reference name or hash (seven digits or more)
    /// without fetching.
    ///
    /// # Errors
    /// No such reference, or a damaged mirror.
    pub fn resolve(&self, reference: &str) -> Result<Revision, SourceError> {
        self.resolve_in(&self.repository()?, reference)
    }

    /// The files of a revision. Symlinks, submodules, LFS pointers, oversized files and odd
    /// names are refused.
    ///
    /// # Errors
    /// Names the file that was refused.
    pub fn files(&self, revision: &str) -> Result<FileSet, SourceError> {
        let repository = self.repository()?;
        let found = resolve::commit(&repository, revision).map_err(|e| self.is_damaged(&e))?;
        let commit = found.ok_or_else(|| SourceError::NoSuchReference {
            url: self.address.shown.clone(),
            reference: revision.to_owned(),
        })?;
        let room = Room {
            file: self.spec.max_file,
            total: self.spec.max_total,
        };
        files::read(&repository, commit.tree_id(), room).map_err(|e| match e {
            ReadError::Git(e) => self.is_damaged(&e),
            ReadError::Refused(path, fault) => SourceError::Refused {
                revision: commit.id().to_string().chars().take(10).collect(),
                path,
                fault,
            },
        })
    }

    /// Who wrote lines of a revision's files, as far as that can be told within the time
    /// limit of Git operations.
    #[must_use]
    pub fn blame(&self, revision: &str, wanted: Lines) -> Blame {
        let question = Question {
            repository: self.spec.mirror.clone(),
            revision: Some(revision.to_owned()),
            files: None,
        };
        blame::blame(question, wanted, self.spec.timeout)
    }
}

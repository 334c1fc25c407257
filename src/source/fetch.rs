//! One fetch, on a thread of its own that is left behind at the deadline.
//!
//! libgit2 blocks in name resolution, TLS and ssh without asking anybody. Its own timeouts
//! end most of that, but not a server that sends a byte now and then. So the caller waits
//! for the thread only until the deadline; a thread left behind cannot move a reference,
//! because it looks at the deadline again before it does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use git2::{AutotagOption, Direction, FetchOptions, ProxyOptions, RemoteUpdateFlags, Repository};
use tokio::time::Instant;

use super::GitAuth;
use super::anew::Anew;
use super::error::SourceError;
use super::talk::Talk;
use super::url::Address;

/// Everything the mirror holds: branches and tags, wherever they moved.
const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// What one fetch needs to know; owned, because the thread may outlive the caller.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// From where.
    pub(super) address: Address,
    /// With what login.
    pub(super) auth: GitAuth,
    /// The mirror.
    pub(super) mirror: PathBuf,
    /// It is damaged and has to be made anew.
    pub(super) anew: Option<Anew>,
    /// Held (`flock`) while the mirror is written.
    pub(super) lock: PathBuf,
    /// True while another process holds the lock.
    pub(super) waiting: Arc<AtomicBool>,
    /// When to give up.
    pub(super) deadline: Instant,
    /// The whole patience, for messages.
    pub(super) timeout: Duration,
}

/// How a fetch ended for the caller.
pub(super) enum Ended {
    /// In time.
    Done(Result<(), SourceError>),
    /// Not in time; the thread reports here when it does end.
    LeftBehind(Receiver<()>),
}

impl Job {
    /// Runs the fetch until it ends or the deadline comes.
    pub(super) fn run(self) -> Result<Ended, SourceError> {
        let (result_to, result) = sync_channel(1);
        let (gone_to, gone) = sync_channel(1);
        let left = self.deadline.saturating_duration_since(Instant::now());
        let thread = std::thread::Builder::new().name("git-fetch".to_owned());
        thread
            .spawn(move || self.work(&result_to, gone_to))
            .map_err(|e| SourceError::Setup(format!("no thread for a fetch: {e}")))?;
        match result.recv_timeout(left) {
            Ok(result) => Ok(Ended::Done(result)),
            Err(RecvTimeoutError::Timeout) => Ok(Ended::LeftBehind(gone)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(SourceError::Setup("the fetch thread died".to_owned()))
            }
        }
    }

    /// The thread. `gone` is dropped, and so closed, when everything has been let go.
    fn work(self, result: &SyncSender<Result<(), SourceError>>, gone: SyncSender<()>) {
        let outcome = self.fetch();
        // Nobody listens after the deadline: that is what `gone` is for.
        drop(result.send(outcome));
        drop(gone);
    }

    /// Whether the deadline has come.
    pub(super) fn expired(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// The error for it.
    pub(super) fn timed_out(&self) -> SourceError {
        SourceError::TimedOut {
            url: self.address.shown.clone(),
            seconds: self.timeout.as_secs(),
        }
    }

    fn fetch(&self) -> Result<(), SourceError> {
        self.waiting.store(true, Ordering::Relaxed);
        let lock = self.locked()?;
        self.waiting.store(false, Ordering::Relaxed);
        if self.expired() {
            return Err(self.timed_out());
        }
        let done = match &self.anew {
            None => self.fetch_into(&self.mirror),
            Some(anew) => anew.replace(self),
        };
        drop(lock);
        done
    }

    /// Keeps other processes with the same state folder out; ends with the file.
    fn locked(&self) -> Result<std::fs::File, SourceError> {
        let open = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock);
        open.and_then(|file| file.lock().map(|()| file))
            .map_err(|source| SourceError::Folder {
                path: self.lock.clone(),
                source,
            })
    }

    /// Fetches into a bare repository, which is created if absent.
    pub(super) fn fetch_into(&self, path: &Path) -> Result<(), SourceError> {
        let repository = open_or_create(path)?;
        let talk = Talk::new(self, path);
        self.talk_to_server(&repository, &talk)
            .map_err(|e| talk.verdict(&e))
    }

    fn talk_to_server(&self, repository: &Repository, talk: &Talk<'_>) -> Result<(), git2::Error> {
        let mut remote = repository.remote_anonymous(&self.address.url)?;
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        // One connection for everything: dropped, it would log in a second time.
        let mut connection =
            remote.connect_auth(Direction::Fetch, Some(talk.callbacks()), Some(proxy))?;
        let remote = connection.remote();
        talk.connected();
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(talk.callbacks())
            .proxy_options(proxy)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        remote.download(&REFSPECS, Some(&mut options))?;
        talk.still_wanted()?;
        let message = Some("fetch");
        let none = RemoteUpdateFlags::empty();
        remote.update_tips(
            Some(&mut talk.callbacks()),
            none,
            AutotagOption::None,
            message,
        )?;
        remote.prune(Some(talk.callbacks()))
    }
}

/// Opens a bare repository, or makes one in an empty or missing folder.
pub(super) fn open_or_create(path: &Path) -> Result<Repository, SourceError> {
    let damaged = |e: &git2::Error| SourceError::Damaged {
        path: path.to_owned(),
        why: e.message().to_owned(),
    };
    let empty = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => true,
        Err(source) => {
            return Err(SourceError::Folder {
                path: path.to_owned(),
                source,
            });
        }
    };
    if !empty {
        return Repository::open_bare(path).map_err(|e| damaged(&e));
    }
    std::fs::create_dir_all(path).map_err(|source| SourceError::Folder {
        path: path.to_owned(),
        source,
    })?;
    Repository::init_bare(path).map_err(|e| damaged(&e))
}

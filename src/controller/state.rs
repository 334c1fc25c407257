//! All that the loop owns, and what it starts next. Who may be changed is in `permits`,
//! what happens when a task is over in `ended`, how the loop ends in `stopping`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::jobs::{self, Done, Job, Jobs, Note};
use super::rollout::{Progress, Rollout};
use super::run::{Parts, RunError, RunOptions};
use super::schedule::{Moment, Schedule};
use super::status::StatusBook;
use super::stopping::Stopping;
use super::trigger::{self, Look, Trigger};
use super::{FleetView, Permission};
use crate::model::{Event, Hold};
use crate::report::Load;

/// The loop turns at least this often, and says so.
const TICK: Duration = Duration::from_secs(1);
/// Holds and acceptances made by other processes are seen within this time.
const CHECK: Duration = Duration::from_secs(5);
/// It is probed this often when there is nothing to apply, for the metric's sake.
const PROBE_IDLE: Duration = Duration::from_secs(60);
/// Attempts that others left behind are looked for this often …
const UNFINISHED: Duration = Duration::from_secs(60);
/// … and this often while some are known.
pub(super) const UNFINISHED_KNOWN: Duration = Duration::from_secs(5);
/// An attempt is settled out of turn at most this often.
pub(super) const SETTLE_AGAIN: Duration = Duration::from_secs(60);
/// History is tidied this often.
const TIDY: Duration = Duration::from_secs(24 * 3600);
/// A write that failed is tried again after this.
const WRITE_AGAIN: Duration = Duration::from_secs(10);
/// Documents are at least this far apart …
const PUBLISH: Duration = Duration::from_millis(50);
/// … and this much more for each device, so that copying them stays a small share of the
/// work whatever the size of the fleet.
const PUBLISH_PER_DEVICE: Duration = Duration::from_micros(50);

/// A hold as the loop knows it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) hold: Option<Hold>,
    /// It has been in the store, so its absence means that somebody released it.
    pub(super) seen: bool,
    /// A pass said `Next::Held`, or it panicked.
    pub(super) parked: bool,
}

/// Why nothing is applied now.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Journal, state: as last checked. `None` outside: not checked yet.
    pub(super) stopped: Option<Option<String>>,
    /// When that was.
    pub(super) probed: Option<Moment>,
    /// Devices whose unfinished attempts have not been looked at since the start.
    pub(super) untried: BTreeSet<String>,
    /// Devices with unfinished attempts of the current revision.
    pub(super) in_doubt: BTreeSet<String>,
    /// When an attempt of this device was last settled out of turn.
    pub(super) settled: BTreeMap<String, Moment>,
    /// What was last said about it.
    pub(super) said: Option<String>,
}

/// When to do what next.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) refresh: Option<Moment>,
    pub(super) check: Moment,
    pub(super) unfinished: Moment,
    pub(super) tidy: Moment,
    pub(super) write: Moment,
    published: Moment,
    file: Moment,
    tick: Moment,
}

pub(super) struct State {
    pub(super) parts: Parts,
    pub(super) options: RunOptions,
    started: Instant,
    pub(super) fleet: Option<Arc<FleetView>>,
    pub(super) book: StatusBook,
    pub(super) schedule: Schedule,
    pub(super) rollout: Rollout,
    /// What is written down of it; `None` while that is not known.
    pub(super) saved: Option<Progress>,
    pub(super) jobs: Jobs,
    pub(super) holds: BTreeMap<String, Held>,
    pub(super) blocks: Blocks,
    pub(super) timers: Timers,
    pub(super) notes: VecDeque<Note>,
    /// The first check is back, and so is the answer to the first question for unfinished
    /// attempts, which may be an error.
    pub(super) checked: bool,
    pub(super) asked: bool,
    /// The unfinished attempts are known.
    pub(super) listed: bool,
    pub(super) failed: Option<RunError>,
    pub(super) stopping: Option<Stopping>,
}

impl State {
    pub(super) fn new(parts: Parts, options: RunOptions) -> Self {
        parts
            .board
            .set_unready(Some("no revision is resolved yet".to_owned()));
        Self {
            schedule: Schedule::new(options.timing(), options.limits),
            rollout: Rollout::new(options.waves, Progress::default()),
            parts,
            options,
            started: Instant::now(),
            fleet: None,
            book: StatusBook::default(),
            saved: None,
            jobs: Jobs::default(),
            holds: BTreeMap::new(),
            blocks: Blocks::default(),
            timers: Timers {
                refresh: Some(Moment::ZERO),
                tidy: TIDY,
                ..Timers::default()
            },
            notes: VecDeque::new(),
            checked: false,
            asked: false,
            listed: false,
            failed: None,
            stopping: None,
        }
    }

    pub(super) fn moment(&self) -> Moment {
        self.started.elapsed()
    }

    pub(super) fn wall(&self) -> Timestamp {
        (self.options.now)()
    }

    pub(super) fn emit(&self, event: &Event) {
        self.parts.reporter.emit(event);
    }

    pub(super) fn revision(&self) -> &str {
        self.fleet.as_ref().map_or("", |f| f.revision.id.as_str())
    }

    /// Starts whatever may be started now.
    pub(super) fn turn(&mut self) {
        let now = self.moment();
        self.parts.board.tick();
        if self.stopping.is_none() {
            self.refresh(now);
            self.look_after_state(now);
            if self.checked && self.asked {
                self.grant(now);
                self.start_passes(now);
            }
            self.take_trigger_file(now);
        }
        self.write_notes(now);
        self.drop_lookers(now);
        self.tick(now);
        if self.book.is_dirty() && now >= self.publish_at() {
            self.publish();
        }
    }

    /// What costs something for every device is done once a second.
    fn tick(&mut self, now: Moment) {
        if now < self.timers.tick {
            return;
        }
        self.timers.tick = now + TICK;
        self.book.expire(self.options.stale_after(), self.wall());
        self.parts.reporter.set_load(Load {
            queued: self.schedule.waiting(now),
            busy: self.schedule.busy(),
            limit: self.options.limits.total,
        });
    }

    fn refresh(&mut self, now: Moment) {
        if self.jobs.any(|job| *job == Job::Refresh)
            || self.timers.refresh.is_none_or(|at| at > now)
        {
            return;
        }
        self.timers.refresh = (!self.options.once).then_some(now + self.options.poll);
        let reconciler = Arc::clone(&self.parts.reconciler);
        self.jobs.spawn(Job::Refresh, async move {
            Done::Refreshed(reconciler.refresh().await)
        });
    }

    /// Checks what other processes may have changed, and whether the journal still works.
    pub(super) fn look_after_state(&mut self, now: Moment) {
        if now >= self.timers.check && !self.jobs.any(|job| *job == Job::Check) {
            self.timers.check = now + CHECK;
            let probe = self.wants_probe(now);
            let (store, reconciler) = (
                Arc::clone(&self.parts.store),
                Arc::clone(&self.parts.reconciler),
            );
            let with_progress = self.saved.is_none();
            self.jobs.spawn(Job::Check, async move {
                let mut checked = jobs::check(store, with_progress).await;
                if probe && checked.stopped.is_none() {
                    checked.stopped = Some(reconciler.stopped().await);
                }
                Done::Checked(Box::new(checked))
            });
        }
        let idle = !self.jobs.any(|job| *job == Job::Unfinished);
        if self.fleet.is_some() && now >= self.timers.unfinished && idle {
            let known = !self.blocks.in_doubt.is_empty();
            self.timers.unfinished = now + if known { UNFINISHED_KNOWN } else { UNFINISHED };
            let reconciler = Arc::clone(&self.parts.reconciler);
            self.jobs.spawn(Job::Unfinished, async move {
                Done::Unfinished(reconciler.unfinished().await)
            });
        }
        if now >= self.timers.tidy {
            self.timers.tidy = now + TIDY;
            let (store, wall) = (Arc::clone(&self.parts.store), self.wall());
            self.jobs.spawn(Job::Tidy, async move {
                jobs::tidy(store, wall).await;
                Done::Tidied
            });
        }
    }

    fn wants_probe(&self, now: Moment) -> bool {
        let age = self.blocks.probed.map(|at| now.saturating_sub(at));
        let stopped = !matches!(self.blocks.stopped, Some(None));
        let wanted = if stopped || self.rollout.has_next() {
            CHECK
        } else {
            PROBE_IDLE
        };
        age.is_none_or(|age| age >= wanted)
    }

    fn start_passes(&mut self, now: Moment) {
        while let Some(device) = self.schedule.start(now) {
            let permission = self.permission(&device);
            let job = Job::Pass {
                device: device.clone(),
                granted: permission == Permission::Apply,
                revision: self.revision().to_owned(),
            };
            let reconciler = Arc::clone(&self.parts.reconciler);
            self.jobs.spawn(job, async move {
                Done::Reported(Box::new(reconciler.reconcile(&device, permission).await))
            });
        }
    }

    fn take_trigger_file(&mut self, now: Moment) {
        let Some(file) = self.options.trigger_file.clone() else {
            return;
        };
        if now < self.timers.file || self.jobs.any(|job| *job == Job::TriggerFile) {
            return;
        }
        self.timers.file = now + TICK;
        self.jobs.spawn(Job::TriggerFile, async move {
            let taken = tokio::task::spawn_blocking(move || trigger::take(&file)).await;
            match taken {
                Ok(Ok(look)) => Done::Looked(look),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the trigger file cannot be taken");
                    Done::Looked(None)
                }
                Err(_) => Done::Looked(None),
            }
        });
    }

    /// One write at a time, so that they arrive in order.
    fn write_notes(&mut self, now: Moment) {
        if now < self.timers.write || self.jobs.any(|job| *job == Job::Write) {
            return;
        }
        let progress = self.rollout.progress();
        let moved = self.saved.as_ref().is_some_and(|saved| saved != progress);
        let note = match self.notes.front() {
            Some(note) => note.clone(),
            None if moved => Note::Progress(progress.clone()),
            None => return,
        };
        if self.notes.is_empty() {
            self.notes.push_back(note.clone());
        }
        let store = Arc::clone(&self.parts.store);
        self.jobs.spawn(Job::Write, async move {
            Done::Written(jobs::write(store, note).await)
        });
    }

    pub(super) fn written(&mut self, result: Result<(), String>, now: Moment) {
        match result {
            Ok(()) => {
                if let Some(Note::Progress(progress)) = self.notes.pop_front() {
                    self.saved = Some(progress);
                }
            }
            Err(error) => {
                tracing::error!(error, "state cannot be written");
                self.timers.write = now + WRITE_AGAIN;
                // Progress is written as it is then, not as it was.
                self.notes.retain(|note| matches!(note, Note::Hold(_)));
            }
        }
    }

    /// Somebody wishes a look.
    pub(super) fn triggered(&mut self, trigger: Trigger) {
        let now = self.moment();
        tracing::debug!(look = ?trigger.look, reason = trigger.reason, "asked to look");
        match trigger.look {
            Look::Repository => {
                let soon = now + self.options.debounce;
                let refresh = self.timers.refresh.map_or(soon, |at| at.min(soon));
                self.timers.refresh = Some(refresh);
            }
            Look::Fleet => self.schedule.wish_all(now),
            Look::Devices(names) => {
                for name in names {
                    self.schedule.wish(&name, now);
                }
            }
        }
    }

    fn publish_at(&self) -> Moment {
        let devices = u32::try_from(self.book.len()).unwrap_or(u32::MAX);
        self.timers.published + PUBLISH + PUBLISH_PER_DEVICE * devices
    }

    pub(super) fn publish(&mut self) {
        let document = Arc::new(self.book.document(self.wall()));
        self.parts.reporter.share_status(Arc::clone(&document));
        self.parts.board.publish(document);
        self.timers.published = self.moment();
    }

    /// When the loop must turn at the latest.
    pub(super) fn next_wake(&self) -> Instant {
        let now = self.moment();
        let mut wake = now + TICK;
        if self.stopping.is_none() {
            wake = wake.min(self.schedule.next_due(now).unwrap_or(wake));
            let refreshing = self.jobs.any(|job| *job == Job::Refresh);
            if let Some(at) = self.timers.refresh.filter(|_| !refreshing) {
                wake = wake.min(at);
            }
        }
        if self.book.is_dirty() {
            wake = wake.min(self.publish_at());
        }
        self.started + wake
    }
}

//! The loop: one task owns all mutable state and runs one `select!`.
//!
//! ```text
//!   triggers (git, file, signal) ──┐
//!   timers (poll, interval, tick) ─┼──> State ── starts ──> JoinSet: passes, settling,
//!   tasks that are over ───────────┤      │                          refresh, store calls
//!   stop (twice) ──────────────────┘      └── publishes ──> StatusBoard, Reporter
//! ```
//!
//! Order at the start: the repository, then what a crashed process left behind, then
//! looking; nothing is applied anywhere before the unfinished attempts have been looked
//! at, nor while one of this revision is in doubt.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::jobs;
use super::rollout::Waves;
use super::schedule::{Limits, Timing};
use super::shutdown::Stop;
use super::state::State;
use super::trigger::Trigger;
use super::{Reconciler, StatusBoard};
use crate::report::Reporter;
use crate::store::SqliteStore;

/// How many triggers may wait; more of them say nothing new.
pub const TRIGGERS: usize = 64;

/// Reads the wall clock; a test gives its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the loop is told.
#[derive(Clone)]
pub struct RunOptions {
    /// Every device is looked at about this often.
    pub interval: Duration,
    /// The repository is looked at this often, triggers apart.
    pub poll: Duration,
    /// Triggers within this time are one.
    pub debounce: Duration,
    /// First wait after a failure; doubles each time.
    pub retry_first: Duration,
    /// Longest wait after failures.
    pub retry_most: Duration,
    /// A verdict older than this is none; two and a half intervals if absent.
    pub stale_after: Option<Duration>,
    /// After the first request to stop, attempts under way have this long.
    pub grace: Duration,
    /// How much at once.
    pub limits: Limits,
    /// Size of the batches.
    pub waves: Waves,
    /// One pass over all devices, then the end.
    pub once: bool,
    /// For spread and jitter.
    pub seed: u64,
    /// A file in which others wish looks at devices (see [`super::trigger::take`]).
    pub trigger_file: Option<PathBuf>,
    /// The wall clock.
    pub now: Clock,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15 * 60),
            poll: Duration::from_secs(30),
            debounce: Duration::from_millis(200),
            retry_first: Duration::from_secs(60),
            retry_most: Duration::from_secs(3600),
            stale_after: None,
            grace: Duration::from_secs(60),
            limits: Limits::default(),
            waves: Waves::default(),
            once: false,
            seed: 0,
            trigger_file: None,
            now: Arc::new(Timestamp::now),
        }
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("interval", &self.interval)
            .field("poll", &self.poll)
            .field("limits", &self.limits)
            .field("waves", &self.waves)
            .field("once", &self.once)
            .finish_non_exhaustive()
    }
}

impl RunOptions {
    pub(super) fn timing(&self) -> Timing {
        Timing {
            interval: self.interval,
            debounce: self.debounce,
            retry_first: self.retry_first,
            retry_most: self.retry_most,
            once: self.once,
            seed: self.seed,
        }
    }

    pub(super) fn stale_after(&self) -> Duration {
        self.stale_after.unwrap_or(self.interval * 5 / 2)
    }
}

/// What the loop works with.
pub struct Parts {
    /// The pipeline.
    pub reconciler: Arc<dyn Reconciler>,
    /// Log and metrics.
    pub reporter: Reporter,
    /// For holds, what is remembered, and the rollout's progress.
    pub store: Arc<SqliteStore>,
    /// Where the status document goes.
    pub board: StatusBoard,
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The one pass is over.
    Once,
    /// It was asked to stop, and everything under way has ended.
    Stopped,
    /// It was asked twice, or the grace was over: these devices were being changed, and
    /// their own timers (or the next start) settle them.
    Dropped(Vec<String>),
}

/// Why it could not even begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Only with `once`: a daemon tries again.
    #[error("the repository cannot be looked at: {0}")]
    Source(String),
}

/// Runs until stopped (or, with `once`, until there is nothing left to do).
///
/// # Errors
/// With `once`, when the repository cannot be looked at. A daemon goes on.
pub async fn run(
    parts: Parts,
    options: RunOptions,
    mut triggers: mpsc::Receiver<Trigger>,
    stop: Stop,
) -> Result<Ended, RunError> {
    let remembered = jobs::records(Arc::clone(&parts.store)).await;
    let mut state = State::new(parts, options);
    match remembered {
        Ok(records) => state.book.remember(records),
        Err(error) => tracing::error!(error, "what was known before cannot be read"),
    }
    let mut listening = true;
    loop {
        state.turn();
        if let Some(ended) = state.over() {
            state.publish();
            return ended;
        }
        let wake = state.next_wake();
        let stopping = state.is_stopping();
        tokio::select! {
            () = stop.gently(), if !stopping => state.begin_stop(),
            () = stop.now(), if stopping => state.drop_everything(),
            (job, result) = state.jobs.next() => state.ended(job, result),
            trigger = triggers.recv(), if listening => match trigger {
                Some(trigger) => state.triggered(trigger),
                None => listening = false,
            },
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

/// A clock that starts at a given time and follows tokio's, paused or not.
#[must_use]
pub fn tokio_clock(start: Timestamp) -> Clock {
    let began = Instant::now();
    Arc::new(move || {
        let elapsed = jiff::SignedDuration::try_from(began.elapsed());
        start
            .saturating_add(elapsed.unwrap_or_default())
            .unwrap_or(start)
    })
}

//! How the loop ends.

use std::time::Duration;

use super::jobs::{Job, Jobs};
use super::run::{Ended, RunError};
use super::schedule::Moment;
use super::state::State;

/// After a request to stop, passes that only look have this long.
const LOOKERS_GRACE: Duration = Duration::from_secs(5);

/// The loop was asked to stop.
pub(super) struct Stopping {
    began: Moment,
    dropped: Option<Vec<String>>,
}

impl State {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// No new attempts; those under way confirm or undo.
    pub(super) fn begin_stop(&mut self) {
        tracing::info!("stopping: attempts under way may finish");
        self.stopping = Some(Stopping {
            began: self.moment(),
            dropped: None,
        });
    }

    /// Does not wait any longer.
    pub(super) fn drop_everything(&mut self) {
        let dropped = self.jobs.critical();
        if !dropped.is_empty() {
            tracing::warn!(devices = ?dropped, "attempts under way are dropped");
        }
        self.jobs = Jobs::default();
        if let Some(stopping) = &mut self.stopping {
            stopping.dropped.get_or_insert(dropped);
        }
    }

    /// Passes that only look are dropped early: nothing is lost with them.
    pub(super) fn drop_lookers(&mut self, now: Moment) {
        let Some(stopping) = &self.stopping else {
            return;
        };
        let waited = now.saturating_sub(stopping.began);
        let writing = self.jobs.any(|job| *job == Job::Write);
        let only_looking = self.jobs.critical().is_empty() && !writing;
        let limit = if only_looking {
            LOOKERS_GRACE.min(self.options.grace)
        } else {
            self.options.grace
        };
        if waited >= limit && !self.jobs.is_empty() {
            self.drop_everything();
        }
    }

    /// How the loop ends, once it does.
    pub(super) fn over(&mut self) -> Option<Result<Ended, RunError>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        if !self.jobs.is_empty() {
            return None;
        }
        if let Some(stopping) = &mut self.stopping {
            return Some(Ok(match stopping.dropped.take() {
                Some(devices) if !devices.is_empty() => Ended::Dropped(devices),
                _ => Ended::Stopped,
            }));
        }
        let looked = self.options.once && self.checked && self.asked && self.fleet.is_some();
        let waiting = self.rollout.has_next() && self.blocked().is_none();
        let done = looked && self.schedule.is_idle() && !waiting && self.timers.refresh.is_none();
        done.then_some(Ok(Ended::Once))
    }
}

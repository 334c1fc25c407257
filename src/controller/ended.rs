//! What the loop does when a task of its is over.

use std::sync::Arc;

use tokio::task::JoinError;

use super::jobs::{Checked, Done, Job, Note};
use super::rollout::Rollout;
use super::run::RunError;
use super::schedule::{Moment, Place};
use super::state::{Held, SETTLE_AGAIN, State, UNFINISHED_KNOWN};
use super::trigger::Trigger;
use super::{FleetView, Next, Report};
use crate::model::{Attempt, DeviceStatus, Event, Hold, HoldReason, Outcome, UnknownReason};

impl State {
    /// Takes in the result of a task.
    pub(super) fn ended(&mut self, job: Job, result: Result<Done, JoinError>) {
        let now = self.moment();
        match result {
            Ok(done) => self.done(job, done, now),
            Err(error) if error.is_panic() => self.panicked(job, panic_text(error), now),
            // Only we cancel, and then nobody waits for it.
            Err(_) => {}
        }
        self.note_blocks();
    }

    fn done(&mut self, job: Job, done: Done, now: Moment) {
        match done {
            Done::Refreshed(Ok(view)) => self.refreshed(view, now),
            Done::Refreshed(Err(error)) => self.refresh_failed(error),
            Done::Reported(report) => self.reported(job, *report, now),
            Done::Unfinished(found) => self.unfinished(found, now),
            Done::Checked(checked) => self.checked(*checked, now),
            Done::Written(result) => self.written(result, now),
            Done::Looked(Some(look)) => self.triggered(Trigger::new(look, "trigger file")),
            Done::Looked(None) | Done::Tidied => {}
        }
    }

    fn refreshed(&mut self, view: Option<Arc<FleetView>>, now: Moment) {
        if let Some(view) = view {
            let moved = self.revision() != view.revision.id;
            self.emit(&Event::RevisionResolved {
                revision: view.revision.id.clone(),
                moved,
            });
            self.take_fleet(view, now);
        } else if self.fleet.is_some() {
            self.emit(&Event::RevisionResolved {
                revision: self.revision().to_owned(),
                moved: false,
            });
        }
    }

    /// The fleet known before goes on being served.
    fn refresh_failed(&mut self, error: String) {
        self.emit(&Event::SourceFailed {
            error: error.clone(),
        });
        if self.fleet.is_none() {
            self.parts
                .board
                .set_unready(Some(format!("no revision is resolved yet: {error}")));
        }
        if self.options.once {
            self.failed = Some(RunError::Source(error));
        }
    }

    /// A revision moved, or something about the fleet changed: all devices are due.
    fn take_fleet(&mut self, view: Arc<FleetView>, now: Moment) {
        let places = view
            .devices
            .iter()
            .filter(|(_, device)| device.broken.is_none())
            .map(|(name, device)| {
                let place = Place {
                    site: device.site.clone(),
                    jump: device.jump.clone(),
                };
                (name.clone(), place)
            })
            .collect();
        self.schedule.set_fleet(places, now);
        self.schedule.hurry_all(now);
        let parked = self.holds.iter().filter(|(_, held)| held.parked);
        for (name, _) in parked {
            self.schedule.hold(name);
        }
        self.book.set_fleet(&view, self.wall());
        self.rollout.set_revision(&view.revision.id);
        let automatic = |device: &str| {
            let view = view.devices.get(device);
            view.is_some_and(|v| v.apply == crate::model::ApplyMode::Auto && v.broken.is_none())
        };
        self.rollout.retain(automatic);
        // What was in doubt of another revision no longer holds this one up.
        self.blocks.in_doubt.clear();
        self.timers.unfinished = now;
        self.timers.check = now;
        self.fleet = Some(view);
        self.parts.board.set_unready(None);
        self.say_stopped();
    }

    /// Says that the rollout is stopped, when that was found and not decided just now.
    fn say_stopped(&self) {
        if let Some(stop) = self.rollout.stopped() {
            self.emit(&Event::RolloutStopped {
                revision: self.revision().to_owned(),
                device: stop.device.clone(),
                reason: stop.why.clone(),
            });
        }
    }

    fn reported(&mut self, job: Job, report: Report, now: Moment) {
        let (device, granted, revision) = match job {
            Job::Pass {
                device,
                granted,
                revision,
            } => (device, granted, revision),
            Job::Settle { device } => {
                self.blocks.untried.remove(&device);
                self.timers.unfinished = now;
                (device, false, self.revision().to_owned())
            }
            Job::Refresh
            | Job::Unfinished
            | Job::Check
            | Job::Write
            | Job::TriggerFile
            | Job::Tidy => return,
        };
        let (outcome, wants, next) = (report.outcome, report.wants_apply, report.next);
        let status = DeviceStatus {
            name: device.clone(),
            ..report.status
        };
        self.book.report(status, self.wall());
        if next == Next::Held {
            self.holds.entry(device.clone()).or_default().parked = true;
            self.timers.check = now;
        }
        self.schedule.finish(&device, next, now);
        if revision != self.revision() {
            return;
        }
        if granted {
            self.granted_pass_over(&device, outcome);
        } else {
            // A permission granted meanwhile (or taken back by a stop) is given anew.
            self.rollout.withdraw(&device);
            let wants = wants && self.is_auto(&device) && !self.is_held(&device);
            let was_in_line = self.was_in_line(&device);
            self.rollout.note_wish(&device, wants, was_in_line);
        }
    }

    fn granted_pass_over(&mut self, device: &str, outcome: Option<Outcome>) {
        if self.rollout.finish(device, outcome) {
            self.emit(&Event::RolloutStopped {
                revision: self.revision().to_owned(),
                device: device.to_owned(),
                reason: outcome.map_or("panic", Outcome::as_str).to_owned(),
            });
        }
    }

    /// It has been in line with this revision before.
    fn was_in_line(&self, device: &str) -> bool {
        let status = self.book.get(device);
        let applied = status.and_then(|status| status.last_applied.as_ref());
        applied.is_some_and(|applied| applied.revision == self.revision())
    }

    /// Settles what others left behind, except what is being changed right now.
    fn unfinished(&mut self, found: Result<Vec<Attempt>, String>, now: Moment) {
        self.asked = true;
        let open = match found {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(
                    error,
                    "unfinished attempts cannot be read, nothing is applied"
                );
                self.blocks.stopped = Some(Some(error));
                self.timers.unfinished = now + UNFINISHED_KNOWN;
                return;
            }
        };
        let first = !std::mem::replace(&mut self.listed, true);
        self.blocks.in_doubt.clear();
        for attempt in open {
            if self.is_being_changed(&attempt.device) {
                continue;
            }
            if attempt.revision == self.revision() {
                self.blocks.in_doubt.insert(attempt.device.clone());
            }
            if first {
                let detail = "a change that was not finished is being settled";
                let wall = self.wall();
                self.book
                    .doubt(&attempt.device, UnknownReason::InDoubt, detail, wall);
            }
            self.settle(attempt, first, now);
        }
        if !self.blocks.in_doubt.is_empty() {
            self.timers.unfinished = now + UNFINISHED_KNOWN;
        }
    }

    /// By a pass of ours, with permission: the attempt is that pass's own.
    fn is_being_changed(&self, device: &str) -> bool {
        self.jobs
            .any(|job| matches!(job, Job::Pass { device: d, granted: true, .. } if d == device))
    }

    /// Once in a while: the passes over a device in doubt settle, too.
    fn settle(&mut self, attempt: Attempt, first: bool, now: Moment) {
        let device = attempt.device.clone();
        let last = self.blocks.settled.get(&device);
        let recent = last.is_some_and(|at| now.saturating_sub(*at) < SETTLE_AGAIN);
        if recent || self.is_stopping() || self.is_parked(&device) {
            return;
        }
        if !self.schedule.occupy(&device) {
            return;
        }
        if first {
            self.blocks.untried.insert(device.clone());
        }
        self.blocks.settled.insert(device.clone(), now);
        let reconciler = Arc::clone(&self.parts.reconciler);
        self.jobs.spawn(Job::Settle { device }, async move {
            Done::Reported(Box::new(reconciler.settle(attempt).await))
        });
    }

    fn is_parked(&self, device: &str) -> bool {
        self.holds.get(device).is_some_and(|held| held.parked)
    }

    fn checked(&mut self, checked: Checked, now: Moment) {
        self.checked = true;
        if let Some(stopped) = checked.stopped {
            self.blocks.stopped = Some(stopped);
            self.blocks.probed = Some(now);
        }
        if let (Some(progress), None) = (checked.progress, &self.saved) {
            self.saved = Some(progress.clone());
            self.rollout = Rollout::new(self.options.waves, progress);
            let revision = self.revision().to_owned();
            if !revision.is_empty() {
                self.rollout.set_revision(&revision);
                self.schedule.wish_all(now);
                self.say_stopped();
            }
        }
        if let Some(holds) = checked.holds {
            self.take_holds(holds, now);
        }
    }

    /// Compares the holds in the store with what we knew.
    fn take_holds(&mut self, holds: Vec<Hold>, now: Moment) {
        let mut before = std::mem::take(&mut self.holds);
        for hold in holds {
            let name = hold.device.clone();
            let known = before.remove(&name).unwrap_or_default();
            if hold.reason.stops_reading() {
                self.schedule.hold(&name);
            }
            self.book.set_hold(&name, Some(hold.reason.as_str()));
            let held = Held {
                parked: known.parked || hold.reason.stops_reading(),
                hold: Some(hold),
                seen: true,
            };
            self.holds.insert(name.clone(), held);
            if self.is_held(&name) {
                self.rollout.withdraw(&name);
            }
        }
        for (name, held) in before {
            if held.seen {
                self.book.set_hold(&name, None);
                self.schedule.release(&name, now);
                self.schedule.hurry(&name, now);
                self.emit(&Event::Released { device: name });
            } else {
                // Ours, and not in the store (yet): it stays.
                self.holds.insert(name, held);
            }
        }
    }

    /// A panic fails that attempt and holds that device; the loop goes on.
    fn panicked(&mut self, job: Job, message: String, now: Moment) {
        let device = match &job {
            Job::Pass { device, .. } | Job::Settle { device } => device.clone(),
            Job::Refresh
            | Job::Unfinished
            | Job::Check
            | Job::Write
            | Job::TriggerFile
            | Job::Tidy => String::new(),
        };
        self.emit(&Event::Panicked {
            device: device.clone(),
            message: message.clone(),
        });
        match job {
            Job::Pass {
                granted, revision, ..
            } => {
                self.hold_after_panic(&device, message, now);
                if granted && revision == self.revision() && self.rollout.stop(&device, "panic") {
                    self.emit(&Event::RolloutStopped {
                        revision,
                        device,
                        reason: "panic".to_owned(),
                    });
                }
            }
            Job::Settle { .. } => {
                self.blocks.untried.remove(&device);
                self.hold_after_panic(&device, message, now);
            }
            Job::Refresh => self.refresh_failed(format!("our own code failed: {message}")),
            Job::Unfinished => self.unfinished(Err(message), now),
            Job::Check => self.blocks.stopped = Some(Some(message)),
            Job::Write => self.written(Err(message), now),
            Job::TriggerFile | Job::Tidy => {}
        }
    }

    fn hold_after_panic(&mut self, device: &str, message: String, now: Moment) {
        let at = self.wall();
        let hold = Hold {
            device: device.to_owned(),
            reason: HoldReason::Panic,
            note: message.clone(),
            by: "netkeel".to_owned(),
            at,
            until_moved_from: None,
        };
        self.book
            .doubt(device, UnknownReason::Internal, &message, at);
        self.book.set_hold(device, Some(hold.reason.as_str()));
        self.rollout.withdraw(device);
        self.schedule.finish(device, Next::Held, now);
        let held = Held {
            hold: Some(hold.clone()),
            seen: false,
            parked: true,
        };
        self.holds.insert(device.to_owned(), held);
        self.notes.push_back(Note::Hold(hold));
        self.emit(&Event::Held {
            device: device.to_owned(),
            reason: HoldReason::Panic,
            detail: message,
        });
    }

    /// Says so when applies are stopped for all, or go on.
    fn note_blocks(&mut self) {
        let now = self.stopped_for_all();
        if now == self.blocks.said {
            return;
        }
        match &now {
            Some(reason) => self.emit(&Event::AppliesStopped {
                reason: reason.clone(),
            }),
            None => self.emit(&Event::AppliesResumed),
        }
        self.blocks.said = now;
    }
}

fn panic_text(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "cancelled".to_owned();
    };
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

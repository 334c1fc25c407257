//! Who may be changed now, and why not.

use std::time::Duration;

use super::Permission;
use super::schedule::Moment;
use super::state::State;
use crate::model::{ApplyMode, Skip};

/// A journal that took a write this long ago is trusted to take the next.
const PROBE_FRESH: Duration = Duration::from_secs(10);

impl State {
    /// Lets the next devices of the rollout go, if anything may be applied at all.
    pub(super) fn grant(&mut self, now: Moment) {
        if !self.rollout.has_next() || self.blocked().is_some() {
            return;
        }
        let fresh = self
            .blocks
            .probed
            .is_some_and(|at| now.saturating_sub(at) <= PROBE_FRESH);
        if !fresh {
            self.timers.check = now;
            self.look_after_state(now);
            return;
        }
        while let Some(device) = self.rollout.grant() {
            // Before all that only want to be looked at.
            self.schedule.hurry(&device, Moment::ZERO);
        }
    }

    /// What a pass over this device may do now.
    pub(super) fn permission(&self, device: &str) -> Permission {
        if self.is_held(device) {
            return Permission::Observe(Skip::Hold);
        }
        if !self.is_auto(device) {
            return Permission::Observe(Skip::Observe);
        }
        if self.blocked().is_some() || self.rollout.stopped().is_some() {
            return Permission::Observe(Skip::Stopped);
        }
        if self.rollout.is_granted(device) {
            return Permission::Apply;
        }
        Permission::Observe(Skip::Wave)
    }

    pub(super) fn is_auto(&self, device: &str) -> bool {
        let fleet = self.fleet.as_ref();
        let view = fleet.and_then(|fleet| fleet.devices.get(device));
        view.is_some_and(|view| view.apply == ApplyMode::Auto)
    }

    /// On hold, and the hold has not ended with the branch moving.
    pub(super) fn is_held(&self, device: &str) -> bool {
        let Some(held) = self.holds.get(device) else {
            return false;
        };
        let until = held
            .hold
            .as_ref()
            .and_then(|h| h.until_moved_from.as_deref());
        until.is_none_or(|from| from == self.revision())
    }

    /// Why nothing may be applied anywhere now.
    pub(super) fn blocked(&self) -> Option<String> {
        if self.saved.is_none() || !self.listed {
            return Some("starting".to_owned());
        }
        if let Some(device) = self.blocks.untried.first() {
            return Some(format!(
                "an unfinished attempt on `{device}` is being settled"
            ));
        }
        if let Some(device) = self.blocks.in_doubt.first() {
            return Some(format!(
                "an attempt of this revision is in doubt on `{device}`"
            ));
        }
        self.stopped_for_all()
    }

    /// The part of it that a person has to settle.
    pub(super) fn stopped_for_all(&self) -> Option<String> {
        let fleet = self.fleet.as_ref()?;
        if fleet.revision.is_worktree() {
            return Some("the working tree is not committed".to_owned());
        }
        if let Some(from) = &fleet.rewritten {
            return Some(format!(
                "the watched branch was rewritten (it was at {from})"
            ));
        }
        self.blocks.stopped.clone().flatten()
    }
}

//! Who may be changed next: a pure value.
//!
//! A revision goes to one device, then to growing batches; each batch begins only when all
//! of the one before succeeded, and the first failure stops the rollout until the branch
//! moves (looking goes on). A device that was in line with this revision and has been
//! changed by somebody since is a *correction*: those go one at a time, beside the waves.
//!
//! Nothing is granted twice in a row to the same device: after a pass with permission it
//! must be seen to want a change again by a pass without.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::Outcome;

/// How large the batches are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waves {
    /// Batches at all; without them all devices of a revision may go at once.
    pub enabled: bool,
    /// Devices of the first batch.
    pub first: usize,
    /// Each batch is this many times as large as the one before.
    pub growth: usize,
}

impl Default for Waves {
    /// 1, 4, 16, 64, …
    fn default() -> Self {
        Self {
            enabled: true,
            first: 1,
            growth: 4,
        }
    }
}

/// Corrections under way at once: an out-of-band change on many devices is more likely
/// somebody's work than many accidents.
const CORRECTIONS: usize = 1;

/// Why a rollout stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Where.
    pub device: String,
    /// How it ended there.
    pub why: String,
}

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The revision.
    pub revision: String,
    /// Devices it has been applied to with success.
    pub succeeded: usize,
    /// The failure that stopped it.
    pub stopped: Option<Stop>,
}

/// Kinds of permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Wave,
    Correction,
}

/// The rollout of the current revision.
#[derive(Debug, Default)]
pub struct Rollout {
    waves: Waves,
    progress: Progress,
    wave: BTreeSet<String>,
    corrections: BTreeSet<String>,
    wants_wave: BTreeSet<String>,
    wants_correction: BTreeSet<String>,
}

impl Rollout {
    /// A rollout that continues what was written down before a restart, if the branch is
    /// still there.
    #[must_use]
    pub fn new(waves: Waves, progress: Progress) -> Self {
        Self {
            waves,
            progress,
            ..Self::default()
        }
    }

    /// The branch is at this revision: everything begins anew if it moved.
    pub fn set_revision(&mut self, revision: &str) {
        if self.progress.revision == revision {
            return;
        }
        *self = Self::new(
            self.waves,
            Progress {
                revision: revision.to_owned(),
                ..Progress::default()
            },
        );
    }

    /// What to write down.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The failure that stopped it.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stop> {
        self.progress.stopped.as_ref()
    }

    /// A look without permission found that the device wants a change, or does not.
    /// `was_in_line`: it has been in line with this revision before.
    pub fn note_wish(&mut self, device: &str, wants: bool, was_in_line: bool) {
        self.forget_wish(device);
        if !wants || self.is_granted(device) {
            return;
        }
        let wishes = if was_in_line {
            &mut self.wants_correction
        } else {
            &mut self.wants_wave
        };
        wishes.insert(device.to_owned());
    }

    /// The device is gone, on hold, or no longer automatic.
    pub fn withdraw(&mut self, device: &str) {
        self.forget_wish(device);
        self.wave.remove(device);
        self.corrections.remove(device);
    }

    /// Only these devices are left.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        for set in [
            &mut self.wave,
            &mut self.corrections,
            &mut self.wants_wave,
            &mut self.wants_correction,
        ] {
            set.retain(|device| keep(device));
        }
    }

    /// Somebody would be granted permission now.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.pick().is_some()
    }

    /// Grants permission to the next device, if one may go.
    pub fn grant(&mut self) -> Option<String> {
        let (device, grant) = self.pick()?;
        self.forget_wish(&device);
        match grant {
            Grant::Wave => self.wave.insert(device.clone()),
            Grant::Correction => self.corrections.insert(device.clone()),
        };
        Some(device)
    }

    /// This device may be changed in its next pass.
    #[must_use]
    pub fn is_granted(&self, device: &str) -> bool {
        self.wave.contains(device) || self.corrections.contains(device)
    }

    /// A pass with permission is over. Says whether that stopped the rollout just now.
    pub fn finish(&mut self, device: &str, outcome: Option<Outcome>) -> bool {
        let in_wave = self.wave.contains(device);
        self.withdraw(device);
        match outcome {
            Some(Outcome::Applied) => {
                self.progress.succeeded += usize::from(in_wave);
                false
            }
            Some(
                failed @ (Outcome::RolledBack
                | Outcome::Failed
                | Outcome::Unknown
                | Outcome::Refused),
            ) => self.stop(device, failed.as_str()),
            // Nothing was touched: it was in line, or is looked at again first.
            None | Some(Outcome::Unchanged | Outcome::Stale | Outcome::Skipped(_)) => false,
        }
    }

    /// Stops the rollout; false if it was stopped already.
    pub fn stop(&mut self, device: &str, why: &str) -> bool {
        if self.progress.stopped.is_some() {
            return false;
        }
        self.progress.stopped = Some(Stop {
            device: device.to_owned(),
            why: why.to_owned(),
        });
        true
    }

    fn pick(&self) -> Option<(String, Grant)> {
        if self.progress.stopped.is_some() {
            return None;
        }
        let correction = self.wants_correction.first();
        if let Some(device) = correction.filter(|_| self.corrections.len() < CORRECTIONS) {
            return Some((device.clone(), Grant::Correction));
        }
        let device = self.wants_wave.first().filter(|_| self.has_slot())?;
        Some((device.clone(), Grant::Wave))
    }

    fn has_slot(&self) -> bool {
        let reached = self.progress.succeeded + self.wave.len();
        !self.waves.enabled || reached < self.reach(self.progress.succeeded)
    }

    /// How many devices in all may have it once `succeeded` have: the end of the batch
    /// that is under way.
    fn reach(&self, succeeded: usize) -> usize {
        let mut batch = self.waves.first.max(1);
        let mut end = batch;
        while end <= succeeded {
            batch = batch.saturating_mul(self.waves.growth.max(1));
            end = end.saturating_add(batch);
        }
        end
    }

    fn forget_wish(&mut self, device: &str) {
        self.wants_wave.remove(device);
        self.wants_correction.remove(device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Skip;

    fn rollout(wanting: usize) -> Rollout {
        let mut rollout = Rollout::new(Waves::default(), Progress::default());
        rollout.set_revision("a");
        for n in 0..wanting {
            rollout.note_wish(&format!("r{n:03}"), true, false);
        }
        rollout
    }

    fn batch(rollout: &mut Rollout) -> Vec<String> {
        std::iter::from_fn(|| rollout.grant()).collect()
    }

    #[test]
    fn one_then_growing_batches_each_after_the_one_before() {
        let mut r = rollout(30);
        let mut sizes = Vec::new();
        loop {
            let granted = batch(&mut r);
            if granted.is_empty() {
                break;
            }
            sizes.push(granted.len());
            for (n, device) in granted.iter().enumerate() {
                assert!(
                    batch(&mut r).is_empty(),
                    "{n} of {} are done",
                    granted.len()
                );
                r.finish(device, Some(Outcome::Applied));
            }
        }
        assert_eq!(sizes, [1, 4, 16, 9]);
    }

    #[test]
    fn the_first_failure_stops_it_until_the_branch_moves() {
        for outcome in [
            Outcome::RolledBack,
            Outcome::Failed,
            Outcome::Unknown,
            Outcome::Refused,
        ] {
            let mut r = rollout(9);
            let first = r.grant().unwrap();
            assert!(r.finish(&first, Some(outcome)));
            r.note_wish("r005", true, true);
            assert_eq!(r.grant(), None);
            assert_eq!(r.stopped().unwrap().device, first);
            r.set_revision("a");
            assert_eq!(r.grant(), None, "the same revision stays stopped");
            r.set_revision("b");
            r.note_wish("r005", true, false);
            assert_eq!(r.grant().as_deref(), Some("r005"));
        }
    }

    #[test]
    fn a_stop_and_the_progress_survive_a_restart() {
        let mut r = rollout(9);
        let first = r.grant().unwrap();
        r.finish(&first, Some(Outcome::Applied));
        let json = serde_json::to_string(r.progress()).unwrap();
        let mut again = Rollout::new(Waves::default(), serde_json::from_str(&json).unwrap());
        again.set_revision("a");
        for n in 1..9 {
            again.note_wish(&format!("r{n:03}"), true, false);
        }
        assert_eq!(
            batch(&mut again).len(),
            4,
            "the second batch, not the first"
        );
        again.stop("r001", "rolled_back");
        let mut stopped = Rollout::new(Waves::default(), again.progress().clone());
        stopped.set_revision("a");
        stopped.note_wish("r002", true, false);
        assert_eq!(stopped.grant(), None);
    }

    #[test]
    fn what_touched_nothing_neither_counts_nor_stops() {
        for outcome in [
            None,
            Some(Outcome::Unchanged),
            Some(Outcome::Stale),
            Some(Outcome::Skipped(Skip::Leased)),
        ] {
            let mut r = rollout(9);
            let first = r.grant().unwrap();
            assert!(!r.finish(&first, outcome));
            assert_eq!(batch(&mut r).len(), 1, "still the first batch");
            assert!(!r.is_granted(&first), "it must be seen to want it again");
        }
    }

    #[test]
    fn corrections_go_one_at_a_time_beside_the_waves() {
        let mut r = rollout(1);
        for device in ["x1", "x2"] {
            r.note_wish(device, true, true);
        }
        assert_eq!(batch(&mut r), ["x1", "r000"]);
        r.finish("x1", Some(Outcome::Applied));
        assert_eq!(batch(&mut r), ["x2"]);
        assert_eq!(
            r.progress().succeeded,
            0,
            "a correction proves nothing of the revision"
        );
    }

    #[test]
    fn without_batches_all_go_at_once() {
        let waves = Waves {
            enabled: false,
            ..Waves::default()
        };
        let mut r = Rollout::new(waves, Progress::default());
        for n in 0..50 {
            r.note_wish(&format!("r{n}"), true, false);
        }
        assert_eq!(batch(&mut r).len(), 50);
    }

    #[test]
    fn a_device_that_is_gone_or_held_gives_its_slot_back() {
        let mut r = rollout(2);
        assert_eq!(batch(&mut r), ["r000"]);
        r.withdraw("r000");
        assert_eq!(batch(&mut r), ["r001"]);
        r.retain(|device| device != "r001");
        assert!(!r.has_next());
    }

    #[test]
    fn a_device_in_line_again_no_longer_waits() {
        let mut r = rollout(2);
        r.note_wish("r000", false, false);
        assert_eq!(batch(&mut r), ["r001"]);
    }
}

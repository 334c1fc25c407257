//! When to look at which device: a pure value.
//!
//! A device is in the schedule once. The earlier of two wishes wins; a wish for a device
//! that is being worked on is held back and honoured once, afterwards. Regular looks are
//! spread over the interval by a hash of the name, failures are tried again later and
//! later, and limits bound how many devices of a site, behind a jump host, and in all are
//! worked on at once.
//!
//! Moments are durations since the loop began: nothing here reads a clock.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Next;

/// Time since the loop began.
pub type Moment = Duration;

/// How many devices may be worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// Of one site: its uplink and its AAA servers are shared.
    pub site: usize,
    /// Behind one jump host: each device is a channel on it.
    pub jump: usize,
}

impl Default for Limits {
    /// 64 in all, 32 per site, 8 per jump host (OpenSSH's `MaxSessions` is 10).
    fn default() -> Self {
        Self {
            total: 64,
            site: 32,
            jump: 8,
        }
    }
}

/// The times the schedule works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Every device is looked at about this often.
    pub interval: Duration,
    /// Wishes within this time of the first are one.
    pub debounce: Duration,
    /// First wait after a failure; doubles each time.
    pub retry_first: Duration,
    /// Longest wait after failures.
    pub retry_most: Duration,
    /// Look once, and not again by the interval.
    pub once: bool,
    /// For the spread and the jitter.
    pub seed: u64,
}

/// Where a device is, for the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Site.
    pub site: Option<String>,
    /// Jump host.
    pub jump: Option<String>,
}

#[derive(Debug, Default)]
struct Entry {
    place: Place,
    /// In the queue of its place.
    due: Option<Moment>,
    running: bool,
    /// The place it occupies while running; the inventory may move it meanwhile.
    occupies: Place,
    /// A wish that came while it was running.
    again: Option<Moment>,
    failures: u32,
    held: bool,
    gone: bool,
    laps: u64,
}

/// The schedule.
#[derive(Debug)]
pub struct Schedule {
    timing: Timing,
    limits: Limits,
    entries: BTreeMap<String, Entry>,
    /// `due` of every entry that has one, in order, by place.
    queues: BTreeMap<Place, BTreeSet<(Moment, String)>>,
    /// The first of every queue whose place has room: starting a device costs the same
    /// however many wait.
    heads: BTreeSet<(Moment, Place)>,
    busy: usize,
    busy_sites: BTreeMap<String, usize>,
    busy_jumps: BTreeMap<String, usize>,
}

impl Schedule {
    /// An empty schedule.
    #[must_use]
    pub fn new(timing: Timing, limits: Limits) -> Self {
        Self {
            timing,
            limits,
            entries: BTreeMap::new(),
            queues: BTreeMap::new(),
            heads: BTreeSet::new(),
            busy: 0,
            busy_sites: BTreeMap::new(),
            busy_jumps: BTreeMap::new(),
        }
    }

    /// Sets which devices there are. New ones are due at once; one that is gone while it
    /// is being worked on leaves when that is over.
    pub fn set_fleet(&mut self, fleet: BTreeMap<String, Place>, now: Moment) {
        let gone: Vec<String> = self
            .entries
            .keys()
            .filter(|name| !fleet.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            self.set_due(&name, None);
            match self.entries.get_mut(&name) {
                Some(entry) if entry.running => entry.gone = true,
                _ => drop(self.entries.remove(&name)),
            }
        }
        for (name, place) in fleet {
            let known = self.entries.contains_key(&name);
            let due = self.entries.get(&name).and_then(|entry| entry.due);
            self.set_due(&name, None);
            let entry = self.entries.entry(name.clone()).or_default();
            (entry.gone, entry.place) = (false, place);
            self.set_due(&name, if known { due } else { Some(now) });
        }
    }

    /// Somebody wishes a look at a device; others may wish the same within the debounce.
    pub fn wish(&mut self, name: &str, now: Moment) {
        self.due_by(name, now + self.timing.debounce);
    }

    /// The same for all devices.
    pub fn wish_all(&mut self, now: Moment) {
        for name in self.names() {
            self.wish(&name, now);
        }
    }

    /// A look as soon as the limits allow.
    pub fn hurry(&mut self, name: &str, now: Moment) {
        self.due_by(name, now);
    }

    /// The same for all devices.
    pub fn hurry_all(&mut self, now: Moment) {
        for name in self.names() {
            self.hurry(&name, now);
        }
    }

    /// Not to be looked at until released.
    pub fn hold(&mut self, name: &str) {
        if let Some(entry) = self.entries.get_mut(name) {
            (entry.held, entry.again) = (true, None);
            self.set_due(name, None);
        }
    }

    /// Ends a hold; the device is due at once.
    pub fn release(&mut self, name: &str, now: Moment) {
        if let Some(entry) = self.entries.get_mut(name)
            && std::mem::take(&mut entry.held)
        {
            entry.failures = 0;
            self.hurry(name, now);
        }
    }

    /// The next device to work on now, longest due first. It counts as running until
    /// [`Schedule::finish`].
    pub fn start(&mut self, now: Moment) -> Option<String> {
        if self.busy >= self.limits.total {
            return None;
        }
        let (due, place) = self.heads.first()?;
        if *due > now {
            return None;
        }
        let (_, name) = self.queues.get(place)?.first()?.clone();
        self.occupy(&name);
        Some(name)
    }

    /// Takes a device out of turn (to settle an attempt), whatever the limits. False when
    /// it is being worked on already.
    pub fn occupy(&mut self, name: &str) -> bool {
        self.set_due(name, None);
        let entry = self
            .entries
            .entry(name.to_owned())
            .or_insert_with(|| Entry {
                gone: true,
                ..Entry::default()
            });
        if entry.running {
            return false;
        }
        (entry.running, entry.again) = (true, None);
        entry.occupies = entry.place.clone();
        let place = entry.place.clone();
        self.busy += 1;
        if let Some(site) = &place.site {
            *self.busy_sites.entry(site.clone()).or_default() += 1;
        }
        if let Some(jump) = &place.jump {
            *self.busy_jumps.entry(jump.clone()).or_default() += 1;
        }
        self.room_changed(&place);
        true
    }

    /// A device is done with, and this is when to look again.
    pub fn finish(&mut self, name: &str, next: Next, now: Moment) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.running) else {
            return;
        };
        entry.running = false;
        entry.laps += 1;
        let (again, held, gone) = (entry.again.take(), entry.held, entry.gone);
        let place = std::mem::take(&mut entry.occupies);
        entry.failures = match next {
            Next::Retry => entry.failures.saturating_add(1),
            Next::Interval | Next::After(_) | Next::Held => 0,
        };
        self.vacate(&place);
        if gone {
            self.entries.remove(name);
            return;
        }
        if held || next == Next::Held {
            self.hold(name);
            return;
        }
        let regular = self.regular(name, next, now);
        self.set_due(name, earlier(again, regular));
    }

    /// When something becomes due next. What is due already waits for room, and room comes
    /// with a [`Schedule::finish`].
    #[must_use]
    pub fn next_due(&self, now: Moment) -> Option<Moment> {
        let after = (now + Duration::from_nanos(1), Place::default());
        self.heads.range(after..).next().map(|(due, _)| *due)
    }

    /// Devices that are due and wait for room.
    #[must_use]
    pub fn waiting(&self, now: Moment) -> usize {
        let due = |queue: &BTreeSet<(Moment, String)>| {
            queue.iter().take_while(|(due, _)| *due <= now).count()
        };
        self.queues.values().map(due).sum()
    }

    /// Devices being worked on.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.busy
    }

    /// This device is being worked on.
    #[must_use]
    pub fn is_running(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.running)
    }

    /// Nothing is running and nothing will be due.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.busy == 0 && self.queues.is_empty()
    }

    fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    fn due_by(&mut self, name: &str, moment: Moment) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        if entry.held || entry.gone {
            return;
        }
        if entry.running {
            entry.again = earlier(entry.again, Some(moment));
        } else {
            let due = earlier(entry.due, Some(moment));
            self.set_due(name, due);
        }
    }

    fn set_due(&mut self, name: &str, due: Option<Moment>) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let old = std::mem::replace(&mut entry.due, due);
        if old == due {
            return;
        }
        let place = entry.place.clone();
        self.unhead(&place);
        let queue = self.queues.entry(place.clone()).or_default();
        if let Some(old) = old {
            queue.remove(&(old, name.to_owned()));
        }
        if let Some(new) = due {
            queue.insert((new, name.to_owned()));
        }
        if queue.is_empty() {
            self.queues.remove(&place);
        }
        self.head(&place);
    }

    /// Takes a queue's first out of the heads, before the queue or its room changes.
    fn unhead(&mut self, place: &Place) {
        if let Some((due, _)) = self.queues.get(place).and_then(BTreeSet::first) {
            self.heads.remove(&(*due, place.clone()));
        }
    }

    /// Puts it back, if there is one and the place has room.
    fn head(&mut self, place: &Place) {
        if !self.has_room(place) {
            return;
        }
        if let Some((due, _)) = self.queues.get(place).and_then(BTreeSet::first) {
            self.heads.insert((*due, place.clone()));
        }
    }

    /// A site or jump host became full or has room again, which concerns every queue that
    /// shares it.
    fn room_changed(&mut self, place: &Place) {
        let at = |busy: &BTreeMap<String, usize>, key: &Option<String>, limit: usize| {
            key.as_ref()
                .is_some_and(|key| busy.get(key).copied().unwrap_or(0).abs_diff(limit) <= 1)
        };
        let site = at(&self.busy_sites, &place.site, self.limits.site);
        let jump = at(&self.busy_jumps, &place.jump, self.limits.jump);
        if !site && !jump {
            return;
        }
        let shares = |other: &&Place| {
            (site && other.site == place.site) || (jump && other.jump == place.jump)
        };
        let sharing: Vec<Place> = self.queues.keys().filter(shares).cloned().collect();
        for place in sharing {
            self.unhead(&place);
            self.head(&place);
        }
    }

    fn has_room(&self, place: &Place) -> bool {
        let below = |busy: &BTreeMap<String, usize>, key: &Option<String>, limit: usize| {
            key.as_ref()
                .is_none_or(|key| busy.get(key).copied().unwrap_or(0) < limit)
        };
        below(&self.busy_sites, &place.site, self.limits.site)
            && below(&self.busy_jumps, &place.jump, self.limits.jump)
    }

    fn vacate(&mut self, place: &Place) {
        let leave = |busy: &mut BTreeMap<String, usize>, key: &Option<String>| {
            let Some(key) = key else { return };
            match busy.get_mut(key) {
                Some(n) if *n > 1 => *n -= 1,
                _ => drop(busy.remove(key)),
            }
        };
        leave(&mut self.busy_sites, &place.site);
        leave(&mut self.busy_jumps, &place.jump);
        self.busy -= 1;
        self.room_changed(place);
    }

    fn regular(&self, name: &str, next: Next, now: Moment) -> Option<Moment> {
        match next {
            Next::Held => None,
            _ if self.timing.once => None,
            Next::Interval => Some(self.slot(name, now)),
            Next::Retry => Some(now + self.backoff(name)),
            Next::After(pause) => Some(now + pause),
        }
    }

    /// The device's own place in the interval, at least half an interval from now, and a
    /// little later each time by chance.
    fn slot(&self, name: &str, now: Moment) -> Moment {
        let interval = self.timing.interval.max(Duration::from_millis(1));
        let phase = share(interval, mix(self.timing.seed, name, 0));
        let earliest = now + interval / 2;
        let behind = earliest.saturating_sub(phase);
        let rounds = behind.as_nanos().div_ceil(interval.as_nanos());
        let slot = phase + interval * u32::try_from(rounds).unwrap_or(u32::MAX);
        slot + share(interval / 20, self.chance(name))
    }

    /// Never shorter than it says, up to a quarter longer, so that what failed together
    /// does not come back together.
    fn backoff(&self, name: &str) -> Duration {
        let failures = self.entries.get(name).map_or(1, |entry| entry.failures);
        let doublings = failures.saturating_sub(1).min(31);
        let first = self.timing.retry_first.min(self.timing.interval);
        let wait = first
            .saturating_mul(1 << doublings)
            .min(self.timing.retry_most);
        wait + share(wait / 4, self.chance(name))
    }

    fn chance(&self, name: &str) -> u64 {
        let laps = self.entries.get(name).map_or(0, |entry| entry.laps);
        mix(self.timing.seed, name, laps)
    }
}

fn earlier(a: Option<Moment>, b: Option<Moment>) -> Option<Moment> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A part of `whole`, chosen by `random`.
fn share(whole: Duration, random: u64) -> Duration {
    whole.mul_f64(f64::from((random >> 32) as u32) / f64::from(u32::MAX))
}

/// FNV-1a over the name, then the finisher of splitmix64: the same on every machine and
/// in every version, unlike the standard library's hasher.
fn mix(seed: u64, name: &str, lap: u64) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut z: u64 = fnv ^ seed.rotate_left(17) ^ lap.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

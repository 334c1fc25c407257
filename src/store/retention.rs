//! What to forget: a pure decision, so that it can be tested without a database.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Attempts kept per device, newest first; unfinished ones are always kept.
    pub attempts: usize,
    /// Configurations seen within this time are kept, and so is every one that is
    /// referred to.
    pub configs: jiff::SignedDuration,
}

impl Default for Retention {
    /// 200 attempts: months, even on a busy device. A year of configurations: the longest
    /// question an audit asks.
    fn default() -> Self {
        Self {
            attempts: 200,
            configs: jiff::SignedDuration::from_hours(365 * 24),
        }
    }
}

/// What the decision needs to know of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEntry {
    /// Its id.
    pub id: String,
    /// Its device.
    pub device: String,
    /// When it began.
    pub started: Timestamp,
    /// It has ended.
    pub finished: bool,
    /// Configurations it refers to.
    pub configs: Vec<String>,
}

/// One line of the record of who had which configuration when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenEntry {
    /// The device.
    pub device: String,
    /// Running or intended.
    pub kind: String,
    /// Since when.
    pub at: Timestamp,
    /// Tells two of one microsecond apart.
    pub seq: i64,
    /// Which text.
    pub hash: String,
}

/// All that the store holds, as far as forgetting is concerned.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// All attempts.
    pub attempts: Vec<AttemptEntry>,
    /// All sightings.
    pub seen: Vec<SeenEntry>,
    /// Hash and time of the last put of every stored text.
    pub configs: Vec<(String, Timestamp)>,
    /// Hashes the device records refer to.
    pub referenced: BTreeSet<String>,
}

/// What to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// Attempts, by id.
    pub attempts: BTreeSet<String>,
    /// Sightings.
    pub seen: BTreeSet<SeenEntry>,
    /// Texts, by hash.
    pub configs: BTreeSet<String>,
}

/// Decides what goes.
#[must_use]
pub fn forget(held: &Inventory, keep: Retention, now: Timestamp) -> Forget {
    let horizon = now.saturating_sub(keep.configs).unwrap_or(Timestamp::MIN);
    let attempts = old_attempts(&held.attempts, keep.attempts);
    let seen = old_sightings(&held.seen, horizon);
    let mut wanted = held.referenced.clone();
    let kept = held.attempts.iter().filter(|a| !attempts.contains(&a.id));
    wanted.extend(kept.flat_map(|a| a.configs.iter().cloned()));
    let sighted = held.seen.iter().filter(|s| !seen.contains(*s));
    wanted.extend(sighted.map(|s| s.hash.clone()));
    // A text put recently may be about to be referred to by another process.
    let old = held.configs.iter().filter(|(_, put)| *put < horizon);
    let configs = old
        .filter(|(hash, _)| !wanted.contains(hash))
        .map(|(hash, _)| hash.clone())
        .collect();
    Forget {
        attempts,
        seen,
        configs,
    }
}

fn old_attempts(all: &[AttemptEntry], keep: usize) -> BTreeSet<String> {
    let mut by_device: BTreeMap<&str, Vec<&AttemptEntry>> = BTreeMap::new();
    for attempt in all {
        by_device.entry(&attempt.device).or_default().push(attempt);
    }
    let mut old = BTreeSet::new();
    for attempts in by_device.values_mut() {
        attempts.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        let beyond = attempts.iter().skip(keep).filter(|a| a.finished);
        old.extend(beyond.map(|a| a.id.clone()));
    }
    old
}

/// Sightings that ended before the horizon. The newest of a device and kind says what it
/// has now, and the last one before the horizon what it had there, so both stay.
fn old_sightings(all: &[SeenEntry], horizon: Timestamp) -> BTreeSet<SeenEntry> {
    let mut by_key: BTreeMap<(&str, &str), Vec<&SeenEntry>> = BTreeMap::new();
    for entry in all {
        let key = (entry.device.as_str(), entry.kind.as_str());
        by_key.entry(key).or_default().push(entry);
    }
    let mut old = BTreeSet::new();
    for entries in by_key.values_mut() {
        entries.sort_by_key(|e| (e.at, e.seq));
        let ended = entries.windows(2).filter(|pair| pair[1].at < horizon);
        old.extend(ended.map(|pair| pair[0].clone()));
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn attempt(n: i64, finished: bool) -> AttemptEntry {
        AttemptEntry {
            id: format!("a{n:03}"),
            device: "r1".to_owned(),
            started: at(n),
            finished,
            configs: vec![format!("h{n}")],
        }
    }

    fn seen(day: i64, hash: &str) -> SeenEntry {
        SeenEntry {
            device: "r1".to_owned(),
            kind: "running".to_owned(),
            at: at(day),
            seq: 0,
            hash: hash.to_owned(),
        }
    }

    #[test]
    fn keeps_the_newest_attempts_and_every_unfinished_one() {
        let held = Inventory {
            attempts: vec![
                attempt(1, false),
                attempt(2, true),
                attempt(3, true),
                attempt(4, true),
            ],
            ..Inventory::default()
        };
        let keep = Retention {
            attempts: 2,
            ..Retention::default()
        };
        let gone = forget(&held, keep, at(10));
        assert_eq!(gone.attempts, BTreeSet::from(["a002".to_owned()]));
    }

    #[test]
    fn a_text_goes_only_when_old_and_referred_to_by_nobody() {
        let held = Inventory {
            attempts: vec![attempt(1, true)],
            seen: vec![seen(1, "first"), seen(2, "second"), seen(3, "third")],
            configs: ["h1", "first", "second", "third", "orphan", "applied"]
                .into_iter()
                .map(|h| (h.to_owned(), at(1)))
                .chain([("young".to_owned(), at(999))])
                .collect(),
            referenced: BTreeSet::from(["applied".to_owned()]),
        };
        let gone = forget(&held, Retention::default(), at(1000));
        assert_eq!(
            gone.seen,
            BTreeSet::from([seen(1, "first"), seen(2, "second")])
        );
        let texts: Vec<_> = gone.configs.iter().map(String::as_str).collect();
        assert_eq!(texts, ["first", "orphan", "second"]);
    }

    #[test]
    fn what_a_device_had_at_the_horizon_is_still_known() {
        let held = Inventory {
            seen: vec![seen(1, "a"), seen(100, "b"), seen(900, "c")],
            ..Inventory::default()
        };
        // The horizon is day 635: `b` was in force then.
        let gone = forget(&held, Retention::default(), at(1000));
        assert_eq!(gone.seen, BTreeSet::from([seen(1, "a")]));
    }
}

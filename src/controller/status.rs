//! The status document as the loop keeps it: what each pass reported, since when, and
//! what has become too old to tell.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{DeviceView, FleetView};
use crate::model::{Compliance, DeviceRecord, DeviceStatus, FleetStatus, UnknownReason};

/// The status of every device of the fleet.
#[derive(Debug, Default)]
pub struct StatusBook {
    revision: Option<String>,
    devices: BTreeMap<String, DeviceStatus>,
    /// From the store, for devices the inventory has not named (yet).
    remembered: BTreeMap<String, DeviceStatus>,
    dirty: bool,
}

impl StatusBook {
    /// What was known before a restart.
    pub fn remember(&mut self, records: Vec<DeviceRecord>) {
        for record in records {
            let status = DeviceStatus {
                drift_since: record.drift_since,
                unsaved: record.unsaved,
                ..record.status
            };
            self.remembered.insert(status.name.clone(), status);
        }
    }

    /// Takes over the fleet of a revision. A device that left is remembered, in case it
    /// comes back.
    pub fn set_fleet(&mut self, fleet: &FleetView, now: Timestamp) {
        self.revision = Some(fleet.revision.id.clone());
        let mut before = std::mem::take(&mut self.devices);
        for (name, view) in &fleet.devices {
            let known = before.remove(name).or_else(|| self.remembered.remove(name));
            let mut status = known.unwrap_or_else(|| never_seen(name));
            status.apply = view.apply;
            status.site.clone_from(&view.site);
            status.platform = view.platform.clone().or(status.platform);
            note_fault(&mut status, view, now);
            self.devices.insert(name.clone(), status);
        }
        self.remembered.append(&mut before);
        self.dirty = true;
    }

    /// Takes over what a pass reported.
    pub fn report(&mut self, new: DeviceStatus, now: Timestamp) {
        let Some(known) = self.devices.get_mut(&new.name) else {
            return;
        };
        let drifts = new.drift.is_some_and(|drift| !drift.is_zero());
        let status = DeviceStatus {
            since: since(known, &new, now),
            platform: new.platform.or(known.platform.take()),
            last_seen: new.last_seen.max(known.last_seen),
            last_applied: new.last_applied.or(known.last_applied.take()),
            outcome: new.outcome.or(known.outcome.take()),
            apply: known.apply,
            site: known.site.take(),
            drift_since: match (new.drift, drifts) {
                (Some(_), false) => None,
                (Some(_), true) => new.drift_since.or(known.drift_since).or(Some(now)),
                (None, _) => known.drift_since,
            },
            ..new
        };
        *known = status;
        self.dirty = true;
    }

    /// A device about which nothing can be said now, and why.
    pub fn doubt(&mut self, name: &str, reason: UnknownReason, detail: &str, now: Timestamp) {
        if let Some(status) = self.devices.get_mut(name) {
            make_unknown(status, reason, now);
            status.detail = Some(detail.to_owned());
            self.dirty = true;
        }
    }

    /// Notes why a device is on hold, or that it is not.
    pub fn set_hold(&mut self, name: &str, reason: Option<&str>) {
        if let Some(status) = self.devices.get_mut(name)
            && status.hold.as_deref() != reason
        {
            status.hold = reason.map(str::to_owned);
            self.dirty = true;
        }
    }

    /// Verdicts older than `limit` are none.
    pub fn expire(&mut self, limit: Duration, now: Timestamp) {
        for status in self.devices.values_mut() {
            let limit = jiff::SignedDuration::try_from(limit);
            let limit = limit.unwrap_or(jiff::SignedDuration::MAX);
            let over = status.last_seen.map(|seen| seen.saturating_add(limit));
            let over = over.and_then(Result::ok);
            let old = over.map_or(status.last_seen.is_none(), |over| now > over);
            if old && status.status != Compliance::Unknown {
                let over = over.unwrap_or(now);
                make_unknown(status, UnknownReason::Stale, over);
                status.detail = None;
                self.dirty = true;
            }
        }
    }

    /// One device.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&DeviceStatus> {
        self.devices.get(name)
    }

    /// How many devices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Something changed since the last document.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The document.
    pub fn document(&mut self, now: Timestamp) -> FleetStatus {
        self.dirty = false;
        FleetStatus {
            schema: 1,
            revision: self.revision.clone(),
            generated_at: Some(now),
            devices: self.devices.values().cloned().collect(),
        }
    }
}

fn never_seen(name: &str) -> DeviceStatus {
    DeviceStatus {
        name: name.to_owned(),
        cause: Some(UnknownReason::NotSeen.as_str().to_owned()),
        ..DeviceStatus::default()
    }
}

/// A fault in the repository is this device's status until it is mended.
fn note_fault(status: &mut DeviceStatus, view: &DeviceView, now: Timestamp) {
    let intent = UnknownReason::Intent.as_str();
    if let Some(fault) = &view.broken {
        make_unknown(status, UnknownReason::Intent, now);
        status.detail = Some(fault.clone());
    } else if status.cause.as_deref() == Some(intent) {
        status.cause = Some(UnknownReason::NotSeen.as_str().to_owned());
        status.detail = None;
    }
}

fn make_unknown(status: &mut DeviceStatus, reason: UnknownReason, now: Timestamp) {
    if status.status != Compliance::Unknown || status.since.is_none() {
        status.since = Some(now);
    }
    status.status = Compliance::Unknown;
    status.cause = Some(reason.as_str().to_owned());
    (status.drift, status.violations) = (None, None);
    status.rules.clear();
}

/// Changes only when the status does. The worker knows the moment more exactly, unless it
/// has not heard that the status was something else in between (stale, for example).
fn since(known: &DeviceStatus, new: &DeviceStatus, now: Timestamp) -> Option<Timestamp> {
    if known.status == new.status && known.since.is_some() {
        return known.since;
    }
    let exact = new
        .since
        .filter(|at| known.since.is_none_or(|before| *at > before));
    Some(exact.unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DriftCounts, Revision};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn view(devices: &[(&str, Option<&str>)]) -> FleetView {
        let device = |broken: Option<&str>| DeviceView {
            site: Some("lon".to_owned()),
            broken: broken.map(str::to_owned),
            ..DeviceView::default()
        };
        FleetView {
            revision: Revision {
                id: "abc".to_owned(),
                reference: "main".to_owned(),
                author: String::new(),
                time: at(0),
                summary: String::new(),
            },
            rewritten: None,
            devices: devices
                .iter()
                .map(|(name, broken)| ((*name).to_owned(), device(*broken)))
                .collect(),
        }
    }

    fn seen(second: i64, status: Compliance, extra: usize) -> DeviceStatus {
        DeviceStatus {
            name: "r1".to_owned(),
            status,
            drift: Some(DriftCounts {
                extra,
                ..DriftCounts::default()
            }),
            last_seen: Some(at(second)),
            ..DeviceStatus::default()
        }
    }

    fn book() -> StatusBook {
        let mut book = StatusBook::default();
        book.set_fleet(&view(&[("r1", None)]), at(1));
        book
    }

    #[test]
    fn a_device_never_looked_at_is_unknown_and_says_so() {
        let mut book = book();
        let document = book.document(at(2));
        let r1 = &document.devices[0];
        assert_eq!(
            (r1.status, r1.cause.as_deref()),
            (Compliance::Unknown, Some("not_seen"))
        );
        assert_eq!(
            (document.schema, document.revision.as_deref()),
            (1, Some("abc"))
        );
    }

    #[test]
    fn since_changes_only_when_the_status_does() {
        let mut book = book();
        let drifting = Compliance::NonCompliant;
        for (second, status, extra, since, drift_since) in [
            (10, Compliance::Compliant, 0, 10, None),
            (20, Compliance::Compliant, 0, 10, None),
            (30, drifting, 1, 30, Some(30)),
            (40, drifting, 5, 30, Some(30)),
            (50, Compliance::Compliant, 0, 50, None),
        ] {
            book.report(seen(second, status, extra), at(second));
            let r1 = book.get("r1").unwrap();
            assert_eq!(
                (r1.since, r1.drift_since),
                (Some(at(since)), drift_since.map(at))
            );
        }
    }

    #[test]
    fn an_old_verdict_is_none_and_a_new_one_starts_anew() {
        let mut book = book();
        let limit = Duration::from_secs(100);
        let mut status = seen(10, Compliance::Compliant, 0);
        status.since = Some(at(5));
        book.report(status.clone(), at(10));
        book.expire(limit, at(110));
        assert_eq!(book.get("r1").unwrap().status, Compliance::Compliant);
        book.expire(limit, at(111));
        let r1 = book.get("r1").unwrap();
        assert_eq!(
            (r1.status, r1.cause.as_deref()),
            (Compliance::Unknown, Some("stale"))
        );
        assert_eq!((r1.since, r1.drift), (Some(at(110)), None));
        // The worker's record says "compliant since 5"; we know better.
        status.last_seen = Some(at(120));
        book.report(status, at(120));
        assert_eq!(book.get("r1").unwrap().since, Some(at(120)));
    }

    #[test]
    fn a_restart_forgets_neither_since_nor_last_seen() {
        let mut book = StatusBook::default();
        let mut status = seen(10, Compliance::NonCompliant, 2);
        status.since = Some(at(7));
        book.remember(vec![DeviceRecord {
            status,
            drift_since: Some(at(3)),
            unsaved: Some(true),
            ..DeviceRecord::default()
        }]);
        book.set_fleet(&view(&[("r1", None), ("r2", None)]), at(20));
        let r1 = book.get("r1").unwrap();
        assert_eq!((r1.since, r1.last_seen), (Some(at(7)), Some(at(10))));
        assert_eq!((r1.drift_since, r1.unsaved), (Some(at(3)), Some(true)));
        book.report(seen(30, Compliance::NonCompliant, 2), at(30));
        let r1 = book.get("r1").unwrap();
        assert_eq!((r1.since, r1.drift_since), (Some(at(7)), Some(at(3))));
    }

    #[test]
    fn whether_it_is_saved_is_what_the_last_pass_knows() {
        let mut book = book();
        let mut status = seen(10, Compliance::Compliant, 0);
        for unsaved in [Some(true), Some(false), None] {
            status.unsaved = unsaved;
            book.report(status.clone(), at(10));
            assert_eq!(book.get("r1").unwrap().unsaved, unsaved);
        }
    }

    #[test]
    fn a_fault_in_the_repository_is_the_devices_status_until_mended() {
        let mut book = book();
        book.report(seen(10, Compliance::Compliant, 0), at(10));
        book.set_fleet(&view(&[("r1", Some("r1.j2:3: undefined"))]), at(20));
        let r1 = book.get("r1").unwrap();
        assert_eq!(
            (r1.status, r1.cause.as_deref()),
            (Compliance::Unknown, Some("intent"))
        );
        assert_eq!(r1.detail.as_deref(), Some("r1.j2:3: undefined"));
        book.set_fleet(&view(&[("r1", None)]), at(30));
        assert_eq!(book.get("r1").unwrap().detail, None);
    }

    #[test]
    fn a_device_that_left_is_not_in_the_document_but_not_forgotten() {
        let mut book = book();
        book.report(seen(10, Compliance::Compliant, 0), at(10));
        book.set_fleet(&view(&[]), at(20));
        assert!(book.document(at(20)).devices.is_empty());
        book.report(seen(21, Compliance::Compliant, 0), at(21));
        assert!(book.document(at(21)).devices.is_empty(), "a late report");
        book.set_fleet(&view(&[("r1", None)]), at(30));
        assert_eq!(book.get("r1").unwrap().last_seen, Some(at(10)));
    }
}

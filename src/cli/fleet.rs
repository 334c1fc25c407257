//! The fleet's status from the state, without talking to anybody.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::app::App;
use super::error::{CliError, Result};
use super::repository::source_spec;
use crate::controller::daemon::{FAULTS_META, HEAD_META, UNUSABLE_META};
use crate::controller::status::StatusBook;
use crate::controller::{DeviceView, FleetView};
use crate::intent;
use crate::model::{DeviceRecord, FleetStatus, Revision, Store, UnknownReason};
use crate::settings::Settings;
use crate::source::{Mirror, SourceError};

/// Meta key of the age, in seconds, at which the daemon's verdicts are too old: it may have
/// been started with another `--interval` than the settings have.
pub(super) const STALE_META: &str = "stale_after";

/// Devices that cannot be looked at, and why, as the daemon prepared a revision.
type Faults = (String, BTreeMap<String, String>);

/// What is remembered of every device of the revision last looked at; verdicts that are too
/// old are `unknown`, as the daemon says it.
pub(crate) fn status(app: &App, settings: &Settings, store: &dyn Store) -> Result<FleetStatus> {
    let records = store.devices()?;
    let faults = store.get_meta(FAULTS_META)?;
    let faults: Option<Faults> = faults.and_then(|text| serde_json::from_str(&text).ok());
    // The verdicts are about the revision that was prepared last; the branch may have moved
    // to one that is not usable, or that nobody has accepted yet.
    let prepared = faults.as_ref().map(|(revision, _)| revision.clone());
    let head = match prepared {
        Some(revision) => Some(revision),
        None => store.get_meta(HEAD_META)?,
    };
    if head.is_none() && records.is_empty() {
        let text = "there is no state yet: no revision and no device was looked at";
        return Err(
            CliError::usage(text).hint("`netkeel run` looks; `netkeel plan` remembers nothing")
        );
    }
    let mut view = match head {
        Some(head) => view(app, settings, &head, &records)?,
        None if app.common.filter.is_some() => {
            return Err(CliError::usage("--filter: no revision was looked at yet"));
        }
        None => FleetView {
            devices: remembered(&records),
            ..nothing("")
        },
    };
    tell_faults(&mut view, faults, &records);
    Ok(document(records, &view, store, settings, app.now())?)
}

/// Devices that could not be looked at: those whose intent was found wrong when the revision
/// was prepared, and those whose secrets were when they were to be logged in to.
fn tell_faults(view: &mut FleetView, faults: Option<Faults>, records: &[DeviceRecord]) {
    let mut faults = match faults {
        Some((revision, faults)) if revision == view.revision.id => faults,
        Some(_) | None => BTreeMap::new(),
    };
    for record in records {
        let status = &record.status;
        if status.cause.as_deref() == Some(UnknownReason::Intent.as_str()) {
            let detail = status.detail.clone().unwrap_or_default();
            faults.entry(status.name.clone()).or_insert(detail);
        }
    }
    for (name, device) in &mut view.devices {
        device.broken = faults.remove(name);
    }
}

/// What is wrong with the revision the branch is at, if the daemon could not use it and goes
/// on with the one before.
pub(crate) fn unusable(store: &dyn Store) -> Result<Option<String>> {
    let head = store.get_meta(HEAD_META)?;
    let found = store.get_meta(UNUSABLE_META)?;
    let found = found.and_then(|text| serde_json::from_str::<(String, String)>(&text).ok());
    Ok(found
        .filter(|(revision, _)| head.as_ref() == Some(revision))
        .map(|(_, why)| why))
}

/// When verdicts are too old, as the daemon that made them was told.
fn stale_after(
    store: &dyn Store,
    settings: &Settings,
) -> Result<Duration, crate::model::StoreError> {
    let told = store.get_meta(STALE_META)?;
    let told = told.and_then(|text| text.parse::<u64>().ok());
    Ok(told.map_or_else(|| settings.run.stale_after(), Duration::from_secs))
}

fn document(
    records: Vec<DeviceRecord>,
    view: &FleetView,
    store: &dyn Store,
    settings: &Settings,
    now: Timestamp,
) -> Result<FleetStatus, crate::model::StoreError> {
    let mut book = StatusBook::default();
    book.remember(records);
    book.set_fleet(view, now);
    let holds = store.holds()?;
    for name in view.devices.keys() {
        let hold = holds.iter().find(|hold| hold.device == *name);
        book.set_hold(name, hold.map(|hold| hold.reason.as_str()));
    }
    book.expire(stale_after(store, settings)?, now);
    let mut document = book.document(now);
    document.revision = document.revision.filter(|id| !id.is_empty());
    Ok(document)
}

/// The devices of a revision, from the mirror as it is. Without the mirror (another `--state`
/// than the repository's) those remembered.
fn view(app: &App, settings: &Settings, head: &str, records: &[DeviceRecord]) -> Result<FleetView> {
    let filter = app.filter()?;
    let read = || -> Result<_, SourceError> {
        let spec = source_spec(settings).map_err(|e| SourceError::Setup(e.text()))?;
        let mirror = Mirror::open(spec)?;
        Ok((mirror.resolve(head)?, mirror.files(head)?))
    };
    match read() {
        Ok((revision, files)) => {
            let inventory = intent::load(&files)?;
            let devices = inventory
                .devices
                .into_values()
                .filter(|d| filter.matches(d));
            let known = devices.map(|device| {
                let view = DeviceView {
                    platform: None,
                    site: device.keel.site,
                    jump: None,
                    apply: device.keel.apply,
                    broken: None,
                };
                (device.name, view)
            });
            let mut devices: BTreeMap<_, _> = known.collect();
            if app.common.filter.is_none() {
                devices.extend(inventory.broken.into_iter().map(|(name, faults)| {
                    let broken = faults.first().map(ToString::to_string);
                    (
                        name,
                        DeviceView {
                            broken,
                            ..DeviceView::default()
                        },
                    )
                }));
            }
            Ok(FleetView {
                revision,
                rewritten: None,
                devices,
            })
        }
        Err(error) if app.common.filter.is_some() => {
            Err(CliError::failure(error).while_doing("--filter needs the inventory"))
        }
        Err(_) => Ok(FleetView {
            devices: remembered(records),
            ..nothing(head)
        }),
    }
}

fn remembered(records: &[DeviceRecord]) -> BTreeMap<String, DeviceView> {
    let view = |record: &DeviceRecord| DeviceView {
        platform: record.status.platform.clone(),
        site: record.status.site.clone(),
        apply: record.status.apply,
        ..DeviceView::default()
    };
    records
        .iter()
        .map(|record| (record.status.name.clone(), view(record)))
        .collect()
}

fn nothing(revision: &str) -> FleetView {
    FleetView {
        revision: Revision {
            id: revision.to_owned(),
            reference: String::new(),
            author: String::new(),
            time: Timestamp::UNIX_EPOCH,
            summary: String::new(),
        },
        rewritten: None,
        devices: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Compliance, DeviceStatus, DriftCounts, Hold, HoldReason};
    use crate::store::SqliteStore;

    #[test]
    fn old_verdicts_are_unknown_and_holds_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let store = SqliteStore::open(folder.path(), now).unwrap().store;
        let record = |name: &str, seen: &str| DeviceRecord {
            status: DeviceStatus {
                name: name.to_owned(),
                status: Compliance::Compliant,
                drift: Some(DriftCounts::default()),
                last_seen: Some(seen.parse().expect("a time")),
                ..DeviceStatus::default()
            },
            ..DeviceRecord::default()
        };
        let records = vec![
            record("r1", "2026-11-20T11:59:00Z"),
            record("r2", "2026-11-20T08:00:00Z"),
        ];
        let hold = Hold {
            device: "r1".into(),
            reason: HoldReason::Manual,
            note: "line card".into(),
            by: "ada".into(),
            at: now,
            until_moved_from: None,
        };
        store.hold(&hold).unwrap();
        let view = FleetView {
            devices: remembered(&records),
            ..nothing("")
        };
        let status = document(records, &view, &store, &Settings::default(), now).unwrap();
        assert_eq!(status.revision, None);
        let [r1, r2] = status.devices.as_slice() else {
            panic!("two devices")
        };
        assert_eq!(
            (r1.status, r1.hold.as_deref()),
            (Compliance::Compliant, Some("hold"))
        );
        assert_eq!(
            (r2.status, r2.cause.as_deref()),
            (Compliance::Unknown, Some("stale"))
        );
        assert!(r2.drift.is_none());
    }
}

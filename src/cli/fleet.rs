//! The fleet's status from the state, without talking to anybody.

use std::time::Duration;

use jiff::Timestamp;

use super::app::App;
use super::error::{CliError, Result};
use super::stage::source_spec;
use crate::controller::daemon::HEAD_META;
use crate::intent;
use crate::model::{Compliance, DeviceRecord, DeviceStatus, FleetStatus, Store, UnknownReason};
use crate::settings::Settings;
use crate::source::Mirror;

/// What is remembered of every device; verdicts that are too old are `unknown`.
pub(crate) fn status(app: &App, settings: &Settings, store: &dyn Store) -> Result<FleetStatus> {
    let revision = store.get_meta(HEAD_META)?;
    let mut records = store.devices()?;
    if let Some(text) = &app.common.filter {
        let head = revision.as_deref().ok_or_else(|| {
            CliError::usage(format!("--filter '{text}': no revision was looked at yet"))
        })?;
        let names = matching(app, settings, head)?;
        records.retain(|record| names.contains(&record.status.name));
    }
    let holds = store.holds()?;
    let now = app.now();
    let devices = records.into_iter().map(|record| {
        let mut device = aged(record, settings.run.stale_after(), now);
        let hold = holds.iter().find(|hold| hold.device == device.name);
        device.hold = hold.map(|hold| hold.reason.as_str().to_owned());
        device
    });
    Ok(FleetStatus {
        schema: 1,
        revision,
        generated_at: Some(now),
        devices: devices.collect(),
    })
}

/// Names the filter matches in the inventory of the revision last looked at.
fn matching(app: &App, settings: &Settings, head: &str) -> Result<Vec<String>> {
    let filter = app.filter()?;
    let read = || {
        let mirror = Mirror::open(source_spec(settings)?).map_err(CliError::failure)?;
        mirror.files(head).map_err(CliError::failure)
    };
    let files = read().map_err(|e| e.while_doing("--filter needs the inventory"))?;
    let inventory = intent::load(&files)?;
    let devices = inventory.devices.into_values();
    Ok(devices
        .filter(|d| filter.matches(d))
        .map(|d| d.name)
        .collect())
}

/// A verdict that is too old is none.
fn aged(record: DeviceRecord, stale_after: Duration, now: Timestamp) -> DeviceStatus {
    let mut status = record.status;
    let age = status.last_seen.map(|seen| now.duration_since(seen));
    let stale = age.is_some_and(|age| age.unsigned_abs() > stale_after && age.is_positive());
    if stale && status.status != Compliance::Unknown {
        status.status = Compliance::Unknown;
        status.cause = Some(UnknownReason::Stale.as_str().to_owned());
        status.drift = None;
        status.violations = None;
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DriftCounts;

    #[test]
    fn an_old_verdict_is_unknown() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let seen = |text: &str| DeviceRecord {
            status: DeviceStatus {
                status: Compliance::Compliant,
                drift: Some(DriftCounts::default()),
                last_seen: Some(text.parse().expect("a time")),
                ..DeviceStatus::default()
            },
            ..DeviceRecord::default()
        };
        let limit = Duration::from_secs(600);
        assert_eq!(
            aged(seen("2026-11-20T11:50:00Z"), limit, now).status,
            Compliance::Compliant
        );
        let old = aged(seen("2026-11-20T11:49:59Z"), limit, now);
        assert_eq!(old.status, Compliance::Unknown);
        assert_eq!(old.cause.as_deref(), Some("stale"));
        assert!(old.drift.is_none());
        let ahead = aged(seen("2026-11-20T13:00:00Z"), limit, now);
        assert_eq!(ahead.status, Compliance::Compliant);
    }
}

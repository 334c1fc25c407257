//! The gauges of devices, rendered from the status document at each scrape: a device that
//! is gone has no series left, and nothing is kept twice.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::catalog as c;
use super::text::{Page, Sample};
use crate::model::{Compliance, DeviceStatus, FleetStatus, HoldReason, Severity};

/// Appends all metrics that come from the status document.
pub(super) fn render(page: &mut Page, fleet: &FleetStatus) {
    let all = &fleet.devices;
    per_device(page, all);
    verdicts(page, all);
    fleet_wide(page, all);
}

fn per_device(page: &mut Page, all: &[DeviceStatus]) {
    let info: Vec<_> = all.iter().map(info).collect();
    page.metric(&c::DEVICE_INFO, &info);
    let known: Vec<_> = all.iter().map(|d| one(d, flag(is_known(d)))).collect();
    page.metric(&c::DEVICE_DATA_KNOWN, &known);
    let seen: Vec<_> = all
        .iter()
        .filter_map(|d| Some(one(d, seconds(d.last_seen?))))
        .collect();
    page.metric(&c::DEVICE_LAST_FETCH, &seen);
    let suspended: Vec<_> = all
        .iter()
        .filter_map(|d| {
            let reason = hold_reason(d.hold.as_deref()?).as_str();
            Some(Sample::new([d.name.as_str(), reason], 1.0))
        })
        .collect();
    page.metric(&c::DEVICE_SUSPENDED, &suspended);
}

/// What is absent as soon as it is not known.
fn verdicts(page: &mut Page, all: &[DeviceStatus]) {
    let known: Vec<&DeviceStatus> = all.iter().filter(|d| is_known(d)).collect();
    let compliant: Vec<_> = known
        .iter()
        .map(|d| one(d, flag(d.status == Compliance::Compliant)))
        .collect();
    page.metric(&c::DEVICE_COMPLIANT, &compliant);
    let drift: Vec<_> = known.iter().flat_map(|d| drift(d)).collect();
    page.metric(&c::DEVICE_DRIFT_LINES, &drift);
    let since: Vec<_> = known
        .iter()
        .filter_map(|d| Some(one(d, seconds(d.drift_since?))))
        .collect();
    page.metric(&c::DEVICE_DRIFT_SINCE, &since);
    let unsaved: Vec<_> = known
        .iter()
        .filter_map(|d| Some(one(d, flag(d.unsaved?))))
        .collect();
    page.metric(&c::DEVICE_UNSAVED, &unsaved);
    let violations: Vec<_> = known.iter().flat_map(|d| violations(d)).collect();
    page.metric(&c::DEVICE_VIOLATIONS, &violations);
}

fn fleet_wide(page: &mut Page, all: &[DeviceStatus]) {
    let held = all.iter().filter_map(|d| d.hold.as_deref());
    let contested = held.filter(|h| hold_reason(h) == HoldReason::Contested);
    page.metric(
        &c::CONTESTED_DEVICES,
        &[Sample::new([], count(contested.count()))],
    );
    let mut failing: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for device in all.iter().filter(|d| is_known(d)) {
        for (rule, severity) in &device.rules {
            *failing.entry((rule.as_str(), *severity)).or_default() += 1;
        }
    }
    let failing: Vec<_> = failing
        .iter()
        .map(|((rule, severity), n)| Sample::new([*rule, severity.as_str()], count(*n)))
        .collect();
    page.metric(&c::RULE_FAILING, &failing);
}

fn info(device: &DeviceStatus) -> Sample<'_> {
    let site = device.site.as_deref().unwrap_or_default();
    let platform = device.platform.as_deref().unwrap_or_default();
    let mode = device.apply.as_str();
    Sample::new([device.name.as_str(), site, platform, mode], 1.0)
}

fn drift(device: &DeviceStatus) -> Vec<Sample<'_>> {
    let Some(drift) = device.drift else {
        return Vec::new();
    };
    let kinds = [
        ("missing", drift.missing),
        ("extra", drift.extra),
        ("changed", drift.changed),
        ("reordered", drift.reordered),
    ];
    let sample = |(kind, n)| Sample::new([device.name.as_str(), kind], count(n));
    kinds.into_iter().map(sample).collect()
}

/// Only severities that have some, and only the words we know: label values stay bounded.
fn violations(device: &DeviceStatus) -> Vec<Sample<'_>> {
    let Some(counts) = &device.violations else {
        return Vec::new();
    };
    Severity::ALL
        .iter()
        .filter_map(|severity| {
            let n = counts.get(severity.as_str()).copied().filter(|n| *n > 0)?;
            Some(Sample::new(
                [device.name.as_str(), severity.as_str()],
                count(n),
            ))
        })
        .collect()
}

fn one(device: &DeviceStatus, value: f64) -> Sample<'_> {
    Sample::new([device.name.as_str()], value)
}

fn is_known(device: &DeviceStatus) -> bool {
    device.status != Compliance::Unknown
}

/// The reason a hold's text begins with (`auth`, or `auth: login refused`); a word we do
/// not know counts as a person's hold, so that label values stay bounded.
fn hold_reason(text: &str) -> HoldReason {
    let word = text.split(':').next().unwrap_or_default().trim();
    [
        HoldReason::Auth,
        HoldReason::HostKey,
        HoldReason::Contested,
        HoldReason::Quarantined,
        HoldReason::RolledBack,
        HoldReason::Panic,
    ]
    .into_iter()
    .find(|reason| reason.as_str() == word)
    .unwrap_or(HoldReason::Manual)
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// Counts are far below the 2^53 a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "counts of lines and devices")]
fn count(n: usize) -> f64 {
    n as f64
}

/// Whole seconds: nobody alerts on less, and the number stays short.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit exactly")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

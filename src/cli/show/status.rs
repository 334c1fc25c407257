//! The fleet's status as a table, and what exit code it means.

use jiff::Timestamp;
use std::fmt::Write as _;

use super::plan::drift;
use super::{Table, ago, count};
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::ui::Paint;
use crate::model::{Compliance, DeviceStatus, FleetStatus, Severity, UnknownReason};

/// A table of all devices and a line that sums them up.
/// On a terminal of `width` columns the least important ones are left out until it fits.
pub(crate) fn fleet(
    status: &FleetStatus,
    now: Timestamp,
    paint: Paint,
    width: Option<usize>,
) -> String {
    let titles = [
        "DEVICE",
        "PLATFORM",
        "STATUS",
        "SINCE",
        "DRIFT",
        "VIOLATIONS",
        "LAST SEEN",
        "APPLIED",
        "APPLY",
        "HOLD",
    ];
    let mut table = Table::new(&titles);
    for device in &status.devices {
        table.row(row(device, now, paint));
    }
    let mut text = table.within(
        width,
        &["APPLIED", "LAST SEEN", "PLATFORM", "SINCE", "APPLY"],
    );
    for device in &status.devices {
        let good = device.status == Compliance::Compliant;
        if let Some(detail) = device.detail.as_ref().filter(|_| !good) {
            let _ = writeln!(text, "{}: {detail}", paint.bold(&device.name));
        }
    }
    text.push_str(&summary(status, paint));
    text
}

fn row(device: &DeviceStatus, now: Timestamp, paint: Paint) -> Vec<(String, String)> {
    let plain = Table::plain;
    let since = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| ago(at, now));
    let word = match (device.status, &device.cause) {
        (Compliance::Unknown, Some(cause)) => format!("unknown ({cause})"),
        (Compliance::NonCompliant, Some(cause)) => format!("noncompliant ({cause})"),
        (status, _) => compliance(status).to_owned(),
    };
    let shown = match device.status {
        Compliance::Compliant => paint.green(&word),
        Compliance::NonCompliant => paint.red(&word),
        Compliance::Unknown => paint.yellow(&word),
    };
    let applied = device.last_applied.as_ref().map_or_else(
        || "-".to_owned(),
        |last| format!("{} {}", short(&last.revision), ago(last.at, now)),
    );
    vec![
        plain(&device.name),
        plain(device.platform.as_deref().unwrap_or("-")),
        (shown, word),
        plain(&since(device.since)),
        plain(&device.drift.as_ref().map_or_else(|| "?".to_owned(), drift)),
        plain(&violations(device)),
        plain(&since(device.last_seen)),
        plain(&applied),
        plain(device.apply.as_str()),
        plain(device.hold.as_deref().unwrap_or("-")),
    ]
}

/// The word of a status.
pub(crate) fn compliance(status: Compliance) -> &'static str {
    match status {
        Compliance::Compliant => "compliant",
        Compliance::NonCompliant => "noncompliant",
        Compliance::Unknown => "unknown",
    }
}

/// `1 high, 2 low`; `-` for none, `?` when nobody knows.
fn violations(device: &DeviceStatus) -> String {
    let Some(counts) = &device.violations else {
        return "?".to_owned();
    };
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter_map(|severity| {
            let number = counts
                .get(severity.as_str())
                .copied()
                .filter(|number| *number > 0)?;
            Some(format!("{number} {}", severity.as_str()))
        })
        .collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The beginning of a revision's id; a state from before the first has none.
pub(super) fn short(revision: &str) -> &str {
    match revision {
        "" => "-",
        id => id.get(..10).unwrap_or(id),
    }
}

/// `5 devices at 0123456789: 3 compliant, 1 noncompliant, 1 unknown`.
fn summary(status: &FleetStatus, paint: Paint) -> String {
    let of = |wanted: Compliance| status.devices.iter().filter(|d| d.status == wanted).count();
    let some = |style: fn(Paint, &str) -> String, number: usize, word: &str| {
        let text = format!("{number} {word}");
        if number == 0 {
            text
        } else {
            style(paint, &text)
        }
    };
    let at = status.revision.as_deref().map_or("no revision yet", short);
    format!(
        "{} at {at}: {}, {}, {}\n",
        count(status.devices.len(), "device"),
        some(Paint::green, of(Compliance::Compliant), "compliant"),
        some(Paint::red, of(Compliance::NonCompliant), "noncompliant"),
        some(Paint::yellow, of(Compliance::Unknown), "unknown"),
    )
}

/// What the status means for the exit code.
pub(crate) fn exit(status: &FleetStatus, common: &Common) -> Exit {
    let mut exit = Exit::Fine;
    for device in &status.devices {
        let drifts = device.drift.is_some_and(|counts| !counts.is_zero());
        if common.detailed_exitcode && drifts {
            exit = exit.and(Exit::Changes);
        }
        if common.strict_data && device.status == Compliance::Unknown {
            exit = exit.and(Exit::Data);
        }
        if device.status == Compliance::Unknown {
            let is = |reason: UnknownReason| device.cause.as_deref() == Some(reason.as_str());
            if is(UnknownReason::Intent) {
                exit = exit.and(Exit::Usage);
            } else if is(UnknownReason::Internal) {
                exit = exit.and(Exit::Failure);
            }
        }
        let counts = device.violations.iter().flatten();
        for (severity, _) in counts.filter(|(_, number)| **number > 0) {
            let severity = Severity::ALL.into_iter().find(|s| s.as_str() == severity);
            if severity.is_some_and(|severity| common.fail_on.matters(severity)) {
                exit = exit.and(Exit::Violation);
            }
        }
    }
    exit
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{ApplyMode, DriftCounts};

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().expect("a time")
    }

    fn fleet_of_three() -> FleetStatus {
        let seen = Some("2026-11-20T11:59:50Z".parse().expect("a time"));
        let good = DeviceStatus {
            name: "r1".into(),
            platform: Some("ios".into()),
            status: Compliance::Compliant,
            since: seen,
            drift: Some(DriftCounts::default()),
            violations: Some(BTreeMap::new()),
            last_seen: seen,
            apply: ApplyMode::Auto,
            ..DeviceStatus::default()
        };
        let drifting = DeviceStatus {
            name: "r2".into(),
            status: Compliance::NonCompliant,
            cause: Some("out_of_band".into()),
            drift: Some(DriftCounts {
                reordered: 2,
                ..DriftCounts::default()
            }),
            violations: Some(BTreeMap::from([("high".into(), 1), ("low".into(), 2)])),
            ..good.clone()
        };
        let gone = DeviceStatus {
            name: "r3".into(),
            cause: Some("unreachable".into()),
            hold: Some("auth".into()),
            detail: Some("cannot connect to 10.0.0.3:22".into()),
            ..DeviceStatus::default()
        };
        FleetStatus {
            schema: 1,
            revision: Some("0123456789abcdef".into()),
            generated_at: Some(now()),
            devices: vec![good, drifting, gone],
        }
    }

    #[test]
    fn a_table_for_people() {
        let text = fleet(&fleet_of_three(), now(), Paint::PLAIN, None);
        let expected = "\
DEVICE  PLATFORM  STATUS                      SINCE     DRIFT        VIOLATIONS     LAST SEEN  APPLIED  APPLY    HOLD
r1      ios       compliant                   10 s ago  nothing      -              10 s ago   -        auto     -
r2      ios       noncompliant (out_of_band)  10 s ago  2 reordered  1 high, 2 low  10 s ago   -        auto     -
r3      -         unknown (unreachable)       -         ?            ?              -          -        observe  auth
r3: cannot connect to 10.0.0.3:22
3 devices at 0123456789: 1 compliant, 1 noncompliant, 1 unknown
";
        assert_eq!(text, expected);
        let narrow = fleet(&fleet_of_three(), now(), Paint::PLAIN, Some(80));
        let widest = narrow.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{narrow}");
        assert!(narrow.contains("r3      unknown (unreachable)"), "{narrow}");
    }

    #[test]
    fn a_wrong_intent_and_our_own_failures_are_told_unasked() {
        let mut status = fleet_of_three();
        status.devices[2].cause = Some("internal".into());
        let common = Common {
            fail_on: crate::cli::args::FailOn::Never,
            ..Common::default()
        };
        assert_eq!(exit(&status, &common), Exit::Failure);
        status.devices[2].cause = Some("intent".into());
        assert_eq!(exit(&status, &common), Exit::Usage);
    }

    #[test]
    fn the_exit_code_tells_only_what_was_asked() {
        use crate::cli::args::FailOn;
        let status = fleet_of_three();
        let flags = |fail_on, detailed_exitcode, strict_data| Common {
            fail_on,
            detailed_exitcode,
            strict_data,
            ..Common::default()
        };
        assert_eq!(
            exit(&status, &flags(FailOn::Never, false, false)),
            Exit::Fine
        );
        assert_eq!(
            exit(&status, &flags(FailOn::Critical, true, false)),
            Exit::Changes
        );
        assert_eq!(
            exit(&status, &flags(FailOn::Critical, true, true)),
            Exit::Data
        );
        assert_eq!(
            exit(&status, &flags(FailOn::High, true, true)),
            Exit::Violation
        );
    }
}

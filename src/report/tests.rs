//! What one sees in the log and at `/metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::model::{
    ApplyMode, AttemptId, Compliance, DeviceStatus, DriftCounts, HoldReason, Mode, Outcome, Phase,
    RefusalKind, RollbackCause, Severity, UnknownReason,
};

fn device(name: &str) -> DeviceStatus {
    DeviceStatus {
        name: name.to_owned(),
        platform: Some("frr".to_owned()),
        site: Some("lon".to_owned()),
        status: Compliance::Compliant,
        drift: Some(DriftCounts::default()),
        violations: Some(BTreeMap::new()),
        last_seen: Some(Timestamp::from_second(1_000).unwrap()),
        apply: ApplyMode::Auto,
        ..DeviceStatus::default()
    }
}

fn page(devices: Vec<DeviceStatus>) -> String {
    let reporter = Reporter::new();
    reporter.set_status(&FleetStatus {
        devices,
        ..FleetStatus::default()
    });
    reporter.metrics_text()
}

/// The sample lines that name a device.
fn about<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let tag = format!("device=\"{name}\"");
    page.lines().filter(|line| line.contains(&tag)).collect()
}

#[test]
fn a_device_in_line_has_these_series() {
    assert_eq!(
        about(&page(vec![device("r1")]), "r1"),
        [
            r#"netkeel_device_info{device="r1",site="lon",platform="frr",mode="auto"} 1"#,
            r#"netkeel_device_data_known{device="r1"} 1"#,
            r#"netkeel_device_last_fetch_success_timestamp_seconds{device="r1"} 1000"#,
            r#"netkeel_device_compliant{device="r1"} 1"#,
            r#"netkeel_device_drift_lines{device="r1",kind="missing"} 0"#,
            r#"netkeel_device_drift_lines{device="r1",kind="extra"} 0"#,
            r#"netkeel_device_drift_lines{device="r1",kind="changed"} 0"#,
            r#"netkeel_device_drift_lines{device="r1",kind="reordered"} 0"#,
        ]
    );
}

#[test]
fn a_device_out_of_line_says_how_far_since_when_and_what_is_broken() {
    let mut r1 = device("r1");
    r1.status = Compliance::NonCompliant;
    r1.drift = Some(DriftCounts {
        extra: 3,
        ..DriftCounts::default()
    });
    r1.drift_since = Some(Timestamp::from_second(900).unwrap());
    r1.violations = Some(BTreeMap::from([
        ("high".to_owned(), 2),
        ("low".to_owned(), 0),
        ("made up".to_owned(), 7),
    ]));
    r1.rules = BTreeMap::from([("ntp".to_owned(), Severity::High)]);
    r1.unsaved = Some(true);
    r1.hold = Some("contested: somebody keeps reverting us".to_owned());
    let page = page(vec![r1]);
    for line in [
        r#"netkeel_device_compliant{device="r1"} 0"#,
        r#"netkeel_device_drift_lines{device="r1",kind="extra"} 3"#,
        r#"netkeel_device_drift_since_timestamp_seconds{device="r1"} 900"#,
        r#"netkeel_device_violations{device="r1",severity="high"} 2"#,
        r#"netkeel_rule_failing_devices{rule="ntp",severity="high"} 1"#,
        r#"netkeel_device_unsaved{device="r1"} 1"#,
        r#"netkeel_device_suspended{device="r1",reason="contested"} 1"#,
        "netkeel_contested_devices 1",
    ] {
        assert!(
            page.lines().any(|l| l == line),
            "{line} is missing in\n{page}"
        );
    }
    let violations = about(&page, "r1")
        .into_iter()
        .filter(|l| l.contains("violations"));
    assert_eq!(
        violations.count(),
        1,
        "label values come from our own words only"
    );
}

#[test]
fn an_unknown_device_has_no_verdict_whatever_is_left_in_its_record() {
    let mut r1 = device("r1");
    r1.status = Compliance::Unknown;
    r1.unsaved = Some(true);
    r1.rules = BTreeMap::from([("ntp".to_owned(), Severity::High)]);
    let page = page(vec![r1]);
    let names: Vec<_> = about(&page, "r1")
        .into_iter()
        .filter_map(|line| line.split('{').next())
        .collect();
    assert_eq!(
        names,
        [
            "netkeel_device_info",
            "netkeel_device_data_known",
            "netkeel_device_last_fetch_success_timestamp_seconds",
        ]
    );
    assert!(page.contains("netkeel_device_data_known{device=\"r1\"} 0\n"));
    assert!(!page.contains("netkeel_rule_failing_devices"));
}

#[test]
fn a_removed_device_leaves_no_series() {
    let reporter = Reporter::new();
    let fleet = |devices| FleetStatus {
        devices,
        ..FleetStatus::default()
    };
    reporter.set_status(&fleet(vec![device("r1"), device("r2")]));
    assert!(!about(&reporter.metrics_text(), "r1").is_empty());
    reporter.set_status(&fleet(vec![device("r2")]));
    assert!(about(&reporter.metrics_text(), "r1").is_empty());
}

fn every_event() -> Vec<Event> {
    let mut all = fleet_events();
    all.extend(device_events());
    all
}

const TOOK: Duration = Duration::from_millis(1500);

fn fleet_events() -> Vec<Event> {
    let text = |t: &str| t.to_owned();
    vec![
        Event::RevisionResolved {
            revision: text("abc"),
            moved: true,
        },
        Event::SourceFailed {
            error: text("refused\nor\u{1b}[31m worse"),
        },
        Event::BranchRewritten {
            from: text("a"),
            to: text("b"),
        },
        Event::PhaseDone {
            phase: Phase::Render,
            took: TOOK,
        },
        Event::RolloutStopped {
            revision: text("abc"),
            device: text("r1"),
            reason: text("rolled back"),
        },
        Event::AppliesStopped {
            reason: text("disk full"),
        },
        Event::AppliesResumed,
    ]
}

fn device_events() -> Vec<Event> {
    let text = |t: &str| t.to_owned();
    let (device, attempt) = (text("r1"), AttemptId(text("a1")));
    vec![
        Event::AttemptStarted {
            device: device.clone(),
            attempt: attempt.clone(),
            revision: text("abc"),
            actor: text("daemon"),
        },
        Event::AttemptFinished {
            device: device.clone(),
            attempt,
            site: text("lon"),
            mode: Mode::Merge,
            outcome: Outcome::RolledBack,
            cause: Some(RollbackCause::PostCheck),
            took: TOOK,
            detail: text("bgp"),
        },
        Event::Fetched {
            device: device.clone(),
            platform: text("frr"),
            transport: text("ssh"),
            took: TOOK,
        },
        Event::FetchFailed {
            device: device.clone(),
            platform: String::new(),
            reason: UnknownReason::HostKey,
            error: text("key"),
        },
        Event::Compared {
            device: device.clone(),
            compliance: Compliance::NonCompliant,
            drift: DriftCounts {
                missing: 2,
                ..DriftCounts::default()
            },
        },
        Event::PlanRefused {
            device: device.clone(),
            kind: RefusalKind::LargeDeletion,
            detail: text("31 %"),
        },
        Event::Held {
            device: device.clone(),
            reason: HoldReason::Auth,
            detail: text("refused"),
        },
        Event::LeaseLost {
            device: device.clone(),
            epoch: 3,
        },
        Event::Released {
            device: device.clone(),
        },
        Event::Panicked {
            device,
            message: text("index"),
        },
    ]
}

fn names(page: &str) -> BTreeSet<&str> {
    let types = page.lines().filter_map(|l| l.strip_prefix("# TYPE "));
    types.filter_map(|l| l.split(' ').next()).collect()
}

#[test]
fn every_metric_of_the_catalog_can_be_seen_and_no_other() {
    let reporter = Reporter::new();
    for event in every_event() {
        reporter.emit(&event);
    }
    let mut r1 = device("r1");
    r1.drift_since = r1.last_seen;
    r1.unsaved = Some(false);
    r1.hold = Some("auth".to_owned());
    r1.violations = Some(BTreeMap::from([("low".to_owned(), 1)]));
    r1.rules = BTreeMap::from([("ntp".to_owned(), Severity::Low)]);
    reporter.set_status(&FleetStatus {
        devices: vec![r1],
        ..FleetStatus::default()
    });
    let page = reporter.metrics_text();
    let catalog: BTreeSet<_> = catalog::ALL.iter().map(|m| m.name).collect();
    assert_eq!(names(&page), catalog);
    for metric in catalog::ALL {
        let line = format!("# TYPE {} {}\n", metric.name, metric.kind.as_str());
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn events_are_counted_under_the_enums_words() {
    let reporter = Reporter::new();
    for event in every_event() {
        reporter.emit(&event);
    }
    reporter.set_load(Load {
        queued: 3,
        busy: 2,
        limit: 64,
    });
    let page = reporter.metrics_text();
    for line in [
        r#"netkeel_fetch_total{platform="frr",result="ok"} 1"#,
        r#"netkeel_fetch_total{platform="unknown",result="hostkey"} 1"#,
        r#"netkeel_fetch_duration_seconds_count{platform="frr",transport="ssh"} 1"#,
        r#"netkeel_reconcile_duration_seconds_count{phase="render"} 1"#,
        r#"netkeel_apply_total{mode="merge",result="rolled_back",site="lon"} 1"#,
        r#"netkeel_rollback_total{cause="post_check",site="lon"} 1"#,
        r#"netkeel_apply_refusals_total{reason="large_deletion"} 1"#,
        "netkeel_git_sync_failures_total 1",
        "netkeel_panics_total 1",
        "netkeel_lease_lost_total 1",
        "netkeel_applies_stopped 0",
        "netkeel_rollout_stopped 1",
        "netkeel_queue_depth 3",
        "netkeel_workers_busy 2",
        "netkeel_workers_limit 64",
    ] {
        assert!(
            page.lines().any(|l| l == line),
            "{line} is missing in\n{page}"
        );
    }
}

#[test]
fn the_manual_lists_exactly_the_metrics_there_are() {
    let manual = include_str!("../../docs/metrics.md");
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let listed: Vec<String> = manual
        .lines()
        .filter_map(row)
        .filter(|name| name.starts_with("netkeel_") || name.starts_with("process_"))
        .collect();
    let there: Vec<_> = catalog::ALL.iter().map(|m| m.name).collect();
    assert_eq!(listed, there);
    for metric in catalog::ALL {
        let labels = metric.labels.join(", ");
        let row = format!(
            "| `{}` | {} | {labels} | {} |",
            metric.name,
            metric.kind.as_str(),
            metric.help
        );
        assert!(
            manual.contains(&row),
            "docs/metrics.md should have the row\n{row}"
        );
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tests beside this one use the same log statements without a subscriber. A statement
/// that another thread is just using for the first time may stay switched off until asked
/// again.
fn written(buffer: &Buffer, events: &[Event]) -> String {
    for _ in 0..1000 {
        buffer.0.lock().unwrap().clear();
        events.iter().for_each(log::write);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        if text.lines().count() == events.len() {
            return text;
        }
        tracing::callsite::rebuild_interest_cache();
        std::thread::yield_now();
    }
    panic!("each event is one line");
}

#[test]
fn each_event_is_one_line_with_fields() {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let events = every_event();
    let text = tracing::subscriber::with_default(subscriber, || written(&buffer, &events));
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), events.len());
    for (line, event) in lines.iter().zip(&events) {
        // The word in the log is the word in the event's own JSON.
        let expected = serde_json::to_value(event).unwrap();
        assert_eq!(line["event"], expected["event"]);
        assert_eq!(line.get("device"), expected.get("device"), "{line}");
        assert_ne!(line["message"], "");
    }
    assert_eq!(lines[1]["error"], "refused\\nor\\u{1b}[31m worse");
    assert_eq!(lines[1]["level"], "WARN");
    assert_eq!(lines[8 /* attempt_finished */]["outcome"], "rolled_back");
    assert_eq!(lines[8 /* attempt_finished */]["reason"], "post_check");
}

//! Counters and histograms, in a registry of their own.

use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry,
};

use super::catalog::{self as c, Kind, Metric};
use crate::model::{Event, Outcome, RollbackCause};

/// From a simulated device (milliseconds) to a slow chassis (minutes).
const FETCH_BUCKETS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0];
/// From a pure comparison (well under a millisecond) to a slow fetch.
const PHASE_BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0,
];
/// A change takes seconds; one that waits for a device's timer takes minutes.
const APPLY_BUCKETS: [f64; 9] = [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0];

/// What the loop is doing, for the gauges of load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Devices due and waiting.
    pub queued: usize,
    /// Devices being worked on.
    pub busy: usize,
    /// Most that may be.
    pub limit: usize,
}

pub(super) struct Metrics {
    pub(super) registry: Registry,
    fetch_duration: HistogramVec,
    fetch: CounterVec,
    phase: HistogramVec,
    queue_depth: Gauge,
    busy: Gauge,
    limit: Gauge,
    apply: CounterVec,
    apply_duration: Histogram,
    refusals: CounterVec,
    rollback: CounterVec,
    applies_stopped: Gauge,
    rollout_stopped: Gauge,
    last_sync: Gauge,
    sync_failures: Counter,
    lease_lost: Counter,
    panics: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let r = Registry::new();
        let build = gauges(&r, &c::BUILD_INFO);
        let revision = option_env!("NETKEEL_BUILD_REVISION").unwrap_or("unknown");
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), revision])
            .set(1.0);
        Self {
            fetch_duration: histograms(&r, &c::FETCH_DURATION, &FETCH_BUCKETS),
            fetch: counters(&r, &c::FETCH),
            phase: histograms(&r, &c::RECONCILE_DURATION, &PHASE_BUCKETS),
            queue_depth: gauges(&r, &c::QUEUE_DEPTH).with_label_values(NONE),
            busy: gauges(&r, &c::WORKERS_BUSY).with_label_values(NONE),
            limit: gauges(&r, &c::WORKERS_LIMIT).with_label_values(NONE),
            apply: counters(&r, &c::APPLY),
            apply_duration: histograms(&r, &c::APPLY_DURATION, &APPLY_BUCKETS)
                .with_label_values(NONE),
            refusals: counters(&r, &c::APPLY_REFUSALS),
            rollback: counters(&r, &c::ROLLBACK),
            applies_stopped: gauges(&r, &c::APPLIES_STOPPED).with_label_values(NONE),
            rollout_stopped: gauges(&r, &c::ROLLOUT_STOPPED).with_label_values(NONE),
            last_sync: gauges(&r, &c::GIT_LAST_SYNC).with_label_values(NONE),
            sync_failures: counters(&r, &c::GIT_SYNC_FAILURES).with_label_values(NONE),
            lease_lost: counters(&r, &c::LEASE_LOST).with_label_values(NONE),
            panics: counters(&r, &c::PANICS).with_label_values(NONE),
            registry: r,
        }
    }

    pub(super) fn set_load(&self, load: Load) {
        let set = |gauge: &Gauge, n: usize| {
            gauge.set(f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
        };
        set(&self.queue_depth, load.queued);
        set(&self.busy, load.busy);
        set(&self.limit, load.limit);
    }

    /// Counts one event; `now` in seconds since 1970.
    pub(super) fn count(&self, event: &Event, now: f64) {
        match event {
            Event::RevisionResolved { moved, .. } => {
                self.last_sync.set(now);
                if *moved {
                    self.rollout_stopped.set(0.0);
                }
            }
            Event::SourceFailed { .. } => self.sync_failures.inc(),
            Event::Fetched { .. } | Event::FetchFailed { .. } | Event::PhaseDone { .. } => {
                self.count_look(event);
            }
            Event::PlanRefused { kind, .. } => {
                self.refusals.with_label_values(&[kind.as_str()]).inc();
            }
            Event::AttemptFinished { .. } => self.count_attempt(event),
            Event::AppliesStopped { .. } => self.applies_stopped.set(1.0),
            Event::AppliesResumed => self.applies_stopped.set(0.0),
            Event::RolloutStopped { .. } => self.rollout_stopped.set(1.0),
            Event::LeaseLost { .. } => self.lease_lost.inc(),
            Event::Panicked { .. } => self.panics.inc(),
            Event::BranchRewritten { .. }
            | Event::Compared { .. }
            | Event::AttemptStarted { .. }
            | Event::Held { .. }
            | Event::Released { .. } => {}
        }
    }

    fn count_look(&self, event: &Event) {
        if let Event::Fetched {
            platform,
            transport,
            took,
            ..
        } = event
        {
            self.fetch.with_label_values(&[named(platform), "ok"]).inc();
            self.fetch_duration
                .with_label_values(&[named(platform), transport.as_str()])
                .observe(took.as_secs_f64());
            self.phase
                .with_label_values(&["fetch"])
                .observe(took.as_secs_f64());
        }
        if let Event::FetchFailed {
            platform, reason, ..
        } = event
        {
            self.fetch
                .with_label_values(&[named(platform), reason.as_str()])
                .inc();
        }
        if let Event::PhaseDone { phase, took } = event {
            self.phase
                .with_label_values(&[phase.as_str()])
                .observe(took.as_secs_f64());
        }
    }

    fn count_attempt(&self, event: &Event) {
        let Event::AttemptFinished {
            site,
            mode,
            outcome,
            cause,
            took,
            ..
        } = event
        else {
            return;
        };
        let mode = match mode {
            crate::model::Mode::Merge => "merge",
            crate::model::Mode::Replace => "replace",
        };
        self.apply
            .with_label_values(&[site.as_str(), mode, outcome.as_str()])
            .inc();
        self.apply_duration.observe(took.as_secs_f64());
        if *outcome == Outcome::RolledBack {
            let cause = cause.map_or("unstated", RollbackCause::as_str);
            self.rollback
                .with_label_values(&[site.as_str(), cause])
                .inc();
        }
    }
}

/// A label value for what may be missing.
fn named(platform: &str) -> &str {
    if platform.is_empty() {
        "unknown"
    } else {
        platform
    }
}

const NONE: &[&str] = &[];
/// Names and labels are constants, checked by the tests of the catalog.
const VALID: &str = "the catalog's names and labels are valid and unique";

fn opts(metric: &Metric, kind: Kind) -> Opts {
    debug_assert_eq!(metric.kind, kind, "{}", metric.name);
    Opts::new(metric.name, metric.help)
}

fn gauges(registry: &Registry, metric: &Metric) -> GaugeVec {
    let made = GaugeVec::new(opts(metric, Kind::Gauge), metric.labels).expect(VALID);
    registry.register(Box::new(made.clone())).expect(VALID);
    made
}

fn counters(registry: &Registry, metric: &Metric) -> CounterVec {
    let made = CounterVec::new(opts(metric, Kind::Counter), metric.labels).expect(VALID);
    registry.register(Box::new(made.clone())).expect(VALID);
    made
}

fn histograms(registry: &Registry, metric: &Metric, buckets: &[f64]) -> HistogramVec {
    let opts = HistogramOpts::from(opts(metric, Kind::Histogram)).buckets(buckets.to_vec());
    let made = HistogramVec::new(opts, metric.labels).expect(VALID);
    registry.register(Box::new(made.clone())).expect(VALID);
    made
}

//! Every metric there is: name, kind, labels, meaning. Code, `/metrics` and
//! `docs/metrics.md` all come from (or are compared with) this list.

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows.
    Counter,
    /// Counts in buckets.
    Histogram,
}

impl Kind {
    /// The word of Prometheus' text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels, in the order they are given in code.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        labels,
        help,
    }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        labels,
        help,
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        labels,
        help,
    }
}

macro_rules! catalog {
    ($($(#[$doc:meta])* $id:ident = $make:ident($name:literal, [$($label:literal),*], $help:literal);)+) => {
        $(pub(super) const $id: Metric = $make($name, &[$($label),*], $help);)+
        /// All of them.
        pub const ALL: &[Metric] = &[$($id),+];
    };
}

catalog! {
    BUILD_INFO = gauge("netkeel_build_info", ["version", "revision"],
        "Always 1; the version and source revision of this program.");
    DEVICE_INFO = gauge("netkeel_device_info", ["device", "site", "platform", "mode"],
        "Always 1; what joins the other device metrics with site, platform and apply mode.");
    DEVICE_COMPLIANT = gauge("netkeel_device_compliant", ["device"],
        "1: neither drift nor a failing rule of medium or above; 0: either; absent: unknown or stale.");
    DEVICE_DATA_KNOWN = gauge("netkeel_device_data_known", ["device"],
        "1: the device was read and compared recently; 0: it was not.");
    DEVICE_DRIFT_LINES = gauge("netkeel_device_drift_lines", ["device", "kind"],
        "Lines that differ from the intent: missing, extra, changed or reordered; absent when unknown.");
    DEVICE_DRIFT_SINCE = gauge("netkeel_device_drift_since_timestamp_seconds", ["device"],
        "Since when the device has differed from its intent; absent when it does not.");
    DEVICE_UNSAVED = gauge("netkeel_device_unsaved", ["device"],
        "1: the running configuration is not saved to startup; absent when unknown.");
    DEVICE_VIOLATIONS = gauge("netkeel_device_violations", ["device", "severity"],
        "Failing rules after waivers, by severity; a severity without any is absent.");
    DEVICE_LAST_FETCH = gauge("netkeel_device_last_fetch_success_timestamp_seconds", ["device"],
        "When the device was last read completely; absent if it never was.");
    DEVICE_SUSPENDED = gauge("netkeel_device_suspended", ["device", "reason"],
        "1: the device is on hold for this reason; absent otherwise.");
    CONTESTED_DEVICES = gauge("netkeel_contested_devices", [],
        "Devices on which somebody keeps reverting what Netkeel applies.");
    RULE_FAILING = gauge("netkeel_rule_failing_devices", ["rule", "severity"],
        "Devices on which the rule fails; a rule that fails nowhere is absent.");
    FETCH_DURATION = histogram("netkeel_fetch_duration_seconds", ["platform", "transport"],
        "Time to read a device, from connecting to the complete configuration.");
    FETCH = counter("netkeel_fetch_total", ["platform", "result"],
        "Attempts to read a device, by result: ok or the class of the failure.");
    RECONCILE_DURATION = histogram("netkeel_reconcile_duration_seconds", ["phase"],
        "Time spent in each phase: source, render, fetch, compare, policy.");
    QUEUE_DEPTH = gauge("netkeel_queue_depth", [],
        "Devices that are due and wait for a worker.");
    WORKERS_BUSY = gauge("netkeel_workers_busy", [],
        "Devices being worked on now.");
    WORKERS_LIMIT = gauge("netkeel_workers_limit", [],
        "Devices that may be worked on at once.");
    APPLY = counter("netkeel_apply_total", ["site", "mode", "result"],
        "Attempts to change a device, by result.");
    APPLY_DURATION = histogram("netkeel_apply_duration_seconds", [],
        "Time from the journal's first entry to the outcome of a change.");
    APPLY_REFUSALS = counter("netkeel_apply_refusals_total", ["reason"],
        "Plans held by a rail.");
    ROLLBACK = counter("netkeel_rollback_total", ["site", "cause"],
        "Changes that were undone, by cause.");
    APPLIES_STOPPED = gauge("netkeel_applies_stopped", [],
        "1: nothing is applied anywhere (journal, state, branch); 0 otherwise.");
    ROLLOUT_STOPPED = gauge("netkeel_rollout_stopped", [],
        "1: the rollout of the current revision was stopped by a failure; 0 otherwise.");
    GIT_LAST_SYNC = gauge("netkeel_git_last_sync_success_timestamp_seconds", [],
        "When the repository was last looked at with success; 0 if it never was.");
    GIT_SYNC_FAILURES = counter("netkeel_git_sync_failures_total", [],
        "Failed looks at the repository.");
    LEASE_LOST = counter("netkeel_lease_lost_total", [],
        "Leases found lost: another process had the device in the meantime.");
    PANICS = counter("netkeel_panics_total", [],
        "Panics caught in workers.");
    PROCESS_CPU = counter("process_cpu_seconds_total", [],
        "User and system CPU time of this process.");
    PROCESS_OPEN_FDS = gauge("process_open_fds", [],
        "Open file descriptors.");
    PROCESS_MAX_FDS = gauge("process_max_fds", [],
        "Most file descriptors that may be open.");
    PROCESS_RESIDENT = gauge("process_resident_memory_bytes", [],
        "Resident memory.");
    PROCESS_VIRTUAL = gauge("process_virtual_memory_bytes", [],
        "Virtual memory.");
    PROCESS_START = gauge("process_start_time_seconds", [],
        "When this process began, in seconds since 1970.");
    PROCESS_THREADS = gauge("process_threads", [],
        "Threads of this process.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for metric in ALL {
            let counts = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), counts, "{}", metric.name);
            let ours = metric.name.starts_with("netkeel_") || metric.name.starts_with("process_");
            assert!(ours && metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn device_metrics_carry_only_the_device_and_a_closed_word() {
        let closed = ["kind", "severity", "reason"];
        let device = ALL.iter().filter(|m| m.name.starts_with("netkeel_device_"));
        for metric in device.filter(|m| m.name != DEVICE_INFO.name) {
            let (first, rest) = metric.labels.split_first().unwrap();
            assert_eq!(*first, "device");
            assert!(
                rest.iter().all(|label| closed.contains(label)),
                "{}",
                metric.name
            );
        }
    }
}

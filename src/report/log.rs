//! One event, one log line: the message is constant, the facts are fields.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::model::{Compliance, Event, Outcome};

/// Libraries whose chatter below a warning says nothing about the network.
const QUIET: &str = "russh=warn,hyper=warn,hyper_util=warn,notify=warn";

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not a filter.
    #[error("`{filter}` is not a log level or filter")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is one already.
    #[error("the log was started twice")]
    Twice(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends the log to standard error: for people, or one JSON object per line. `filter` is a
/// level (`info`) or directives (`info,netkeel::device=debug`).
///
/// # Errors
/// When the filter cannot be read, or the log was started before.
pub fn init(json: bool, filter: &str) -> Result<(), LogError> {
    let directives = format!("{QUIET},{filter}");
    let filter = EnvFilter::try_new(directives).map_err(|source| LogError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        lines
            .json()
            .flatten_event(true)
            .with_target(false)
            .try_init()
    } else {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        lines.with_ansi(colours).with_target(false).try_init()
    }
    .map_err(LogError::Twice)
}

/// A log line, all of it; absent fields are not written.
#[derive(Default)]
struct Line<'a> {
    event: &'static str,
    message: &'static str,
    device: Option<&'a str>,
    platform: Option<&'a str>,
    revision: Option<&'a str>,
    attempt: Option<&'a str>,
    actor: Option<&'a str>,
    reason: Option<&'a str>,
    outcome: Option<&'a str>,
    compliance: Option<&'static str>,
    drift: Option<u64>,
    epoch: Option<u64>,
    seconds: Option<f64>,
    error: Option<Cow<'a, str>>,
    detail: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Error,
    Warn,
    Info,
    Debug,
}

macro_rules! write_line {
    ($level:ident, $line:expr) => {
        tracing::event!(
            target: "netkeel",
            tracing::Level::$level,
            event = $line.event,
            device = $line.device,
            platform = $line.platform,
            revision = $line.revision,
            attempt = $line.attempt,
            actor = $line.actor,
            reason = $line.reason,
            outcome = $line.outcome,
            compliance = $line.compliance,
            drift = $line.drift,
            epoch = $line.epoch,
            seconds = $line.seconds,
            error = $line.error.as_deref(),
            detail = $line.detail.as_deref(),
            "{}",
            $line.message
        )
    };
}

/// Writes one event.
pub(super) fn write(event: &Event) {
    let (weight, line) = line(event);
    match weight {
        Weight::Error => write_line!(ERROR, line),
        Weight::Warn => write_line!(WARN, line),
        Weight::Info => write_line!(INFO, line),
        Weight::Debug => write_line!(DEBUG, line),
    }
}

fn line(event: &Event) -> (Weight, Line<'_>) {
    match event {
        Event::RevisionResolved { .. }
        | Event::SourceFailed { .. }
        | Event::BranchRewritten { .. }
        | Event::AppliesStopped { .. }
        | Event::AppliesResumed
        | Event::RolloutStopped { .. }
        | Event::PhaseDone { .. } => of_fleet(event),
        Event::Fetched { .. }
        | Event::FetchFailed { .. }
        | Event::Compared { .. }
        | Event::PlanRefused { .. }
        | Event::Held { .. }
        | Event::Released { .. }
        | Event::LeaseLost { .. }
        | Event::Panicked { .. } => of_device(event),
        Event::AttemptStarted { .. } | Event::AttemptFinished { .. } => of_attempt(event),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "`line` has matched them all"
)]
fn of_fleet(event: &Event) -> (Weight, Line<'_>) {
    let said = |event, message| Line {
        event,
        message,
        ..Line::default()
    };
    match event {
        Event::RevisionResolved { revision, moved } => {
            let weight = if *moved { Weight::Info } else { Weight::Debug };
            let mut line = said("revision_resolved", "repository is at this revision");
            line.revision = Some(revision);
            (weight, line)
        }
        Event::SourceFailed { error } => {
            let mut line = said("source_failed", "repository could not be looked at");
            line.error = Some(clean(error));
            (Weight::Warn, line)
        }
        Event::BranchRewritten { from, to } => {
            let mut line = said(
                "branch_rewritten",
                "watched branch was rewritten, applies stop",
            );
            line.revision = Some(to);
            line.detail = Some(Cow::Owned(format!("it was at {from}")));
            (Weight::Error, line)
        }
        Event::AppliesStopped { reason } => {
            let mut line = said(
                "applies_stopped",
                "nothing is applied until this is settled",
            );
            line.detail = Some(clean(reason));
            (Weight::Error, line)
        }
        Event::RolloutStopped {
            revision,
            device,
            reason,
        } => {
            let mut line = said(
                "rollout_stopped",
                "revision failed on a device, rollout stops",
            );
            (line.revision, line.device) = (Some(revision.as_str()), Some(device.as_str()));
            line.detail = Some(clean(reason));
            (Weight::Error, line)
        }
        Event::PhaseDone { phase, took } => {
            let mut line = said("phase_done", "phase is over");
            (line.reason, line.seconds) = (Some(phase.as_str()), Some(took.as_secs_f64()));
            (Weight::Debug, line)
        }
        _ => (Weight::Info, said("applies_resumed", "applies go on")),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "`line` has matched them all"
)]
fn of_device(event: &Event) -> (Weight, Line<'_>) {
    let said = |event, message, device| Line {
        event,
        message,
        device: Some(device),
        ..Line::default()
    };
    match event {
        Event::Fetched {
            device,
            platform,
            took,
            ..
        } => {
            let mut line = said("fetched", "device was read", device.as_str());
            (line.platform, line.seconds) = (Some(platform.as_str()), Some(took.as_secs_f64()));
            (Weight::Debug, line)
        }
        Event::FetchFailed {
            device,
            platform,
            reason,
            error,
        } => {
            let mut line = said("fetch_failed", "device could not be read", device.as_str());
            line.platform = (!platform.is_empty()).then_some(platform);
            (line.reason, line.error) = (Some(reason.as_str()), Some(clean(error)));
            (Weight::Warn, line)
        }
        Event::Compared {
            device,
            compliance,
            drift,
        } => {
            let mut line = said(
                "compared",
                "device was compared with its intent",
                device.as_str(),
            );
            let (weight, word) = verdict(*compliance);
            (line.compliance, line.drift) = (Some(word), Some(drift.total() as u64));
            (weight, line)
        }
        Event::PlanRefused {
            device,
            kind,
            detail,
        } => {
            let mut line = said("plan_refused", "plan is held by a rail", device.as_str());
            (line.reason, line.detail) = (Some(kind.as_str()), Some(clean(detail)));
            (Weight::Warn, line)
        }
        Event::Held {
            device,
            reason,
            detail,
        } => {
            let mut line = said("held", "device is left alone from now on", device.as_str());
            (line.reason, line.detail) = (Some(reason.as_str()), Some(clean(detail)));
            (Weight::Warn, line)
        }
        Event::LeaseLost { device, epoch } => {
            let mut line = said(
                "lease_lost",
                "another process had the device",
                device.as_str(),
            );
            line.epoch = Some(*epoch);
            (Weight::Warn, line)
        }
        Event::Panicked { device, message } => {
            let mut line = said("panicked", "our own code failed", device.as_str());
            line.error = Some(clean(message));
            (Weight::Error, line)
        }
        Event::Released { device } => (
            Weight::Info,
            said("released", "hold has ended", device.as_str()),
        ),
        _ => (Weight::Info, Line::default()),
    }
}

fn verdict(compliance: Compliance) -> (Weight, &'static str) {
    match compliance {
        Compliance::Compliant => (Weight::Debug, "compliant"),
        Compliance::NonCompliant => (Weight::Info, "noncompliant"),
        Compliance::Unknown => (Weight::Info, "unknown"),
    }
}

fn of_attempt(event: &Event) -> (Weight, Line<'_>) {
    if let Event::AttemptStarted {
        device,
        attempt,
        revision,
        actor,
    } = event
    {
        let line = Line {
            event: "attempt_started",
            message: "device is about to be changed",
            device: Some(device),
            attempt: Some(&attempt.0),
            revision: Some(revision.as_str()).filter(|id| !id.is_empty()),
            actor: Some(actor),
            ..Line::default()
        };
        return (Weight::Info, line);
    }
    let Event::AttemptFinished {
        device,
        attempt,
        outcome,
        cause,
        took,
        detail,
        ..
    } = event
    else {
        return (Weight::Info, Line::default());
    };
    let line = Line {
        event: "attempt_finished",
        message: "attempt is over",
        device: Some(device),
        attempt: Some(&attempt.0),
        outcome: Some(outcome.as_str()),
        reason: cause.map(crate::model::RollbackCause::as_str),
        seconds: Some(took.as_secs_f64()),
        detail: Some(clean(detail)),
        ..Line::default()
    };
    let weight = match outcome {
        Outcome::Unchanged | Outcome::Applied | Outcome::Skipped(_) => Weight::Info,
        Outcome::RolledBack | Outcome::Refused | Outcome::Stale | Outcome::Failed => Weight::Warn,
        Outcome::Unknown => Weight::Error,
    };
    (weight, line)
}

/// What came from a device or a server may carry line breaks and escape sequences; a log
/// line stays one line.
fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        let safe = text.chars().flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        });
        Cow::Owned(safe.collect())
    } else {
        Cow::Borrowed(text)
    }
}

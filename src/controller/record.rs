//! What a look at a device means for its record. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    ApplyMode, Compliance, Decision, DeviceRecord, Finding, HoldReason, Outcome, Plan, Refusal,
    RefusalKind, Severity, UnknownReason, Verdict,
};

/// Starts a status for a device the store has never heard of.
pub(super) fn fresh(name: &str, platform: Option<&str>, apply: ApplyMode) -> DeviceRecord {
    let mut record = DeviceRecord::default();
    name.clone_into(&mut record.status.name);
    record.status.platform = platform.map(str::to_owned);
    record.status.apply = apply;
    record.status.cause = Some(UnknownReason::NotSeen.as_str().to_owned());
    record
}

/// The device could not be looked at, or is in doubt.
pub(super) fn unknown(record: &mut DeviceRecord, reason: UnknownReason, text: &str, at: Timestamp) {
    set_compliance(record, Compliance::Unknown, at);
    record.status.cause = Some(reason.as_str().to_owned());
    record.status.detail = Some(text.to_owned());
    record.status.drift = None;
    record.status.violations = None;
}

/// The device was read and compared.
pub(super) fn compared(
    record: &mut DeviceRecord,
    plan: Option<&Plan>,
    findings: &[Finding],
    at: Timestamp,
) {
    let drift = plan.map(|plan| plan.drift).unwrap_or_default();
    let violations = violations(findings);
    let failing = Severity::ALL
        .into_iter()
        .filter(|severity| *severity >= Severity::Medium)
        .any(|severity| violations.contains_key(severity.as_str()));
    let verdict = if drift.is_zero() && !failing {
        Compliance::Compliant
    } else {
        Compliance::NonCompliant
    };
    set_compliance(record, verdict, at);
    record.drift_since = match (drift.is_zero(), record.drift_since) {
        (true, _) => None,
        (false, since) => Some(since.unwrap_or(at)),
    };
    record.status.set_cause(plan.and_then(|plan| plan.cause));
    record.status.drift = Some(drift);
    record.status.violations = Some(violations);
    record.status.rules = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| (finding.rule.clone(), finding.severity))
        .collect();
    record.status.drift_since = record.drift_since;
    record.status.unsaved = record.unsaved;
    record.status.last_seen = Some(at);
    record.status.detail = plan
        .and_then(refusal_text)
        .or_else(|| failing_text(findings));
    record.status.last_applied.clone_from(&record.last_applied);
}

fn set_compliance(record: &mut DeviceRecord, verdict: Compliance, at: Timestamp) {
    if record.status.status != verdict || record.status.since.is_none() {
        record.status.since = Some(at);
    }
    record.status.status = verdict;
}

/// Failing rules by severity.
pub(super) fn violations(findings: &[Finding]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.verdict == Verdict::Fail) {
        *counts
            .entry(finding.severity.as_str().to_owned())
            .or_insert(0) += 1;
    }
    counts
}

fn refusal_text(plan: &Plan) -> Option<String> {
    let Decision::Refused(refusals) = &plan.decision else {
        return None;
    };
    let texts: Vec<String> = refusals
        .iter()
        .map(|r| format!("{}: {}", r.kind.as_str(), r.detail))
        .collect();
    Some(texts.join("; "))
}

fn failing_text(findings: &[Finding]) -> Option<String> {
    let failing: Vec<&str> = findings
        .iter()
        .filter(|f| f.verdict == Verdict::Fail)
        .map(|f| f.rule.as_str())
        .collect();
    (!failing.is_empty()).then(|| format!("policy: {}", failing.join(", ")))
}

/// When a section counts as contested.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContestRule {
    pub(super) after: usize,
    pub(super) within: Duration,
}

/// The rails that need history: what failed before, what somebody keeps reverting.
pub(super) fn refusals(
    record: &DeviceRecord,
    plan: &Plan,
    contest: ContestRule,
    now: Timestamp,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if record.failed.as_ref() == Some(&(plan.revision.clone(), plan.base.clone())) {
        refusals.push(Refusal {
            kind: RefusalKind::FailedBefore,
            detail: "this change failed here; waiting for another revision or running \
                     configuration"
                .to_owned(),
        });
    }
    let contested: Vec<&str> = plan
        .sections
        .iter()
        .filter(|section| reversals(record, section, contest.within, now) >= contest.after)
        .map(String::as_str)
        .collect();
    if !contested.is_empty() {
        refusals.push(Refusal {
            kind: RefusalKind::Contested,
            detail: format!(
                "somebody keeps changing `{}` back; talk to them, then `netkeel release`",
                contested.join("`, `")
            ),
        });
    }
    refusals
}

fn reversals(record: &DeviceRecord, section: &str, within: Duration, now: Timestamp) -> usize {
    record
        .reversals
        .iter()
        .filter(|(at, name)| name == section && age(*at, now) <= within)
        .count()
}

fn age(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// Remembers that we put sections back that somebody had changed, and forgets old ones.
pub(super) fn note_reversal(
    record: &mut DeviceRecord,
    plan: &Plan,
    contest: ContestRule,
    now: Timestamp,
) {
    record
        .reversals
        .retain(|(at, _)| age(*at, now) <= contest.within);
    if record.applied_config.is_some() && plan.cause == Some(crate::model::Cause::OutOfBand) {
        record
            .reversals
            .extend(plan.sections.iter().map(|section| (now, section.clone())));
    }
}

/// Whether an ending makes the same change hopeless until something moves.
pub(super) fn is_failure(outcome: Outcome) -> bool {
    match outcome {
        Outcome::RolledBack | Outcome::Failed | Outcome::Unknown => true,
        Outcome::Unchanged
        | Outcome::Applied
        | Outcome::Refused
        | Outcome::Stale
        | Outcome::Skipped(_) => false,
    }
}

/// Whether a hold reason belongs to a class of unknown.
pub(super) fn reason_of(hold: HoldReason) -> UnknownReason {
    match hold {
        HoldReason::Auth => UnknownReason::Auth,
        HoldReason::HostKey => UnknownReason::HostKey,
        HoldReason::Panic => UnknownReason::Internal,
        HoldReason::Manual
        | HoldReason::Contested
        | HoldReason::Quarantined
        | HoldReason::RolledBack => UnknownReason::InDoubt,
    }
}

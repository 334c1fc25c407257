//! What was done to a device, and what it looked like.

use jiff::Timestamp;
use std::fmt::Write as _;

use super::{ago, clock, count};
use crate::cli::ui::Paint;
use crate::model::{Attempt, Fingerprint, Outcome};

/// Attempts, newest first, each with its steps when `verbose`; then changes seen.
pub(crate) fn device(
    name: &str,
    attempts: &[Attempt],
    seen: &[(Timestamp, Fingerprint)],
    now: Timestamp,
    paint: Paint,
    verbose: bool,
) -> String {
    let mut text = format!("{}\n", paint.bold(name));
    let _ = writeln!(text, "{}:", count(attempts.len(), "attempt"));
    for attempt in attempts {
        text.push_str(&one(attempt, now, paint, verbose));
    }
    let _ = writeln!(text, "{} seen:", count(seen.len(), "configuration"));
    for (at, hash) in seen {
        let _ = writeln!(
            text,
            "  {}  {}  {}",
            clock(*at),
            hash.short(),
            ago(*at, now)
        );
    }
    text
}

fn one(attempt: &Attempt, now: Timestamp, paint: Paint, verbose: bool) -> String {
    let outcome = match attempt.outcome {
        None => paint.yellow("under way"),
        Some(outcome @ (Outcome::Applied | Outcome::Unchanged)) => paint.green(outcome.as_str()),
        Some(
            outcome @ (Outcome::RolledBack
            | Outcome::Refused
            | Outcome::Stale
            | Outcome::Failed
            | Outcome::Unknown),
        ) => paint.red(outcome.as_str()),
        Some(outcome @ Outcome::Skipped(_)) => outcome.as_str().to_owned(),
    };
    let revision = super::status::short(&attempt.revision);
    let mut text = format!(
        "  {}  {}  {}  {outcome}\n      revision {revision}  plan {}  by {}{}\n",
        attempt.id,
        clock(attempt.started),
        ago(attempt.started, now),
        attempt.plan,
        attempt.actor,
        if attempt.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", attempt.reason)
        },
    );
    if !attempt.detail.is_empty() {
        let _ = writeln!(text, "      {}", attempt.detail);
    }
    if verbose {
        for step in &attempt.steps {
            let kind = serde_json::to_value(step.kind).unwrap_or_default();
            let kind = kind.as_str().unwrap_or_default().to_owned();
            let _ = writeln!(text, "      {}  {kind:10}  {}", clock(step.at), step.note);
        }
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cli::show::plan::tests::example;
    use crate::model::{Actor, AttemptId, Decision, Step, StepKind};

    /// An attempt that was applied.
    pub(crate) fn attempt(device: &str, id: &str) -> Attempt {
        let at: Timestamp = "2026-11-20T11:58:00Z".parse().expect("a time");
        let body = example(device, Decision::Ready);
        Attempt {
            id: AttemptId(id.into()),
            device: device.into(),
            epoch: 1,
            revision: body.revision.clone(),
            plan: body.id.clone(),
            body,
            actor: Actor::User("ada".into()),
            reason: "netkeel apply".into(),
            started: at,
            before: None,
            intended: None,
            after: None,
            steps: vec![Step {
                at,
                kind: StepKind::Load,
                note: "2 lines".into(),
                txn: None,
            }],
            outcome: Some(Outcome::Applied),
            detail: "confirmed".into(),
            finished: Some(at),
        }
    }

    #[test]
    fn who_did_what_when() {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let seen = [(now, Fingerprint::of([b"x".as_slice()]))];
        let text = device(
            "r1",
            &[attempt("r1", "a-1")],
            &seen,
            now,
            Paint::PLAIN,
            true,
        );
        assert_eq!(
            text,
            format!(
                "r1\n1 attempt:\n  a-1  2026-11-20 11:58:00Z  2 min ago  applied\n      revision \
                 0123456789  plan p-r1  by ada: netkeel apply\n      confirmed\n      2026-11-20 \
                 11:58:00Z  load        2 lines\n1 configuration seen:\n  2026-11-20 12:00:00Z  \
                 {}  0 s ago\n",
                seen[0].1.short()
            )
        );
    }
}

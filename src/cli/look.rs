//! One look at many devices: what `plan`, `apply` and `accept deletion` show. Nothing is
//! changed; the decision is the controller's own.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::app::{App, now, who};
use super::args::Common;
use super::changes::{Change, changes};
use super::error::Result;
use super::exit::Exit;
use super::show;
use super::ui::Paint;
use crate::config::Document;
use crate::controller::context::Context;
use crate::controller::observe::{Observed, Trouble, observe};
use crate::controller::prepare::Fleet;
use crate::model::{Decision, Finding, Hold, HoldReason, Level, Plan, UnknownReason, Verdict};

/// What a look at one device showed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Looked {
    /// The device.
    pub(crate) device: String,
    /// The decision; `None` without an intent, or without a look.
    pub(crate) plan: Option<Plan>,
    /// What the rules say.
    pub(crate) findings: Vec<Finding>,
    /// Why there was no look.
    pub(crate) unknown: Option<Unknown>,
}

/// The lines that differ, by device.
pub(crate) type Changes = BTreeMap<String, Vec<Change>>;

/// Why a device is unknown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unknown {
    /// Its class.
    pub(crate) reason: UnknownReason,
    /// For a person.
    pub(crate) detail: String,
}

impl Looked {
    fn unknown(device: &str, reason: UnknownReason, detail: impl Into<String>) -> Self {
        Self {
            device: device.to_owned(),
            plan: None,
            findings: Vec::new(),
            unknown: Some(Unknown {
                reason,
                detail: detail.into(),
            }),
        }
    }

    /// The plan, if it may be carried out.
    pub(crate) fn ready(&self) -> Option<&Plan> {
        self.plan
            .as_ref()
            .filter(|plan| plan.decision == Decision::Ready)
    }
}

/// Looks at all of `names`, as many at once as the settings allow.
pub(crate) async fn look(
    app: &mut App,
    ctx: &Arc<Context>,
    fleet: &Arc<Fleet>,
    names: &[String],
) -> Result<Vec<Looked>> {
    Ok(look_closely(app, ctx, fleet, names, false).await?.0)
}

/// The same; with `changes` also the lines that differ.
pub(crate) async fn look_closely(
    app: &mut App,
    ctx: &Arc<Context>,
    fleet: &Arc<Fleet>,
    names: &[String],
    changes: bool,
) -> Result<(Vec<Looked>, Changes)> {
    let holds = ctx.store(|store| store.holds()).await?;
    unsettled(app, ctx, names).await?;
    let mut bar = app.ui.progress(names.len(), "looking");
    let permits = Arc::new(Semaphore::new(ctx.settings.limits.concurrency));
    let mut looks: JoinSet<(Looked, Vec<Change>)> = JoinSet::new();
    let mut under_way = HashMap::new();
    for name in names {
        let (ctx, fleet, permits) = (Arc::clone(ctx), Arc::clone(fleet), Arc::clone(&permits));
        let (name, hold) = (
            name.clone(),
            holds.iter().find(|h| h.device == *name).cloned(),
        );
        let key = name.clone();
        let task = looks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let mut differing = Vec::new();
            let looked = one(&ctx, &fleet, &name, hold, changes.then_some(&mut differing)).await;
            (looked, differing)
        });
        under_way.insert(task.id(), key);
    }
    let mut seen = BTreeMap::new();
    let mut differing = Changes::new();
    while let Some(ended) = looks.join_next().await {
        bar.step();
        let (looked, changes) = ended.unwrap_or_else(|panic| {
            // A fault of ours with one device is that device's trouble, not the fleet's.
            let name = under_way
                .get(&panic.id())
                .map(String::as_str)
                .unwrap_or_default();
            let looked = Looked::unknown(name, UnknownReason::Internal, panic.to_string());
            (looked, Vec::new())
        });
        differing.insert(looked.device.clone(), changes);
        seen.insert(looked.device.clone(), looked);
    }
    let looked = names.iter().filter_map(|name| seen.remove(name)).collect();
    Ok((looked, differing))
}

/// Notes what a dead process left open on these devices.
async fn unsettled(app: &mut App, ctx: &Context, names: &[String]) -> Result<()> {
    for attempt in ctx.store(|store| store.unfinished()).await? {
        if names.contains(&attempt.device) {
            let (device, id) = (&attempt.device, &attempt.id);
            app.ui.note(&format!(
                "note: attempt {id} on `{device}` is not settled yet"
            ))?;
        }
    }
    Ok(())
}

async fn one(
    ctx: &Context,
    fleet: &Fleet,
    name: &str,
    hold: Option<Hold>,
    changes: Option<&mut Vec<Change>>,
) -> Looked {
    if let Some(hold) = hold.filter(|hold| hold.reason.stops_reading()) {
        return held(name, &hold);
    }
    let key = name.to_owned();
    let record = match ctx.store(move |store| store.device(&key)).await {
        Ok(record) => record.unwrap_or_default(),
        Err(e) => {
            let text = super::error::one_line(&e);
            return Looked::unknown(name, UnknownReason::Internal, text);
        }
    };
    match observe(ctx, fleet, name, &record).await {
        Ok(observed) => {
            if let Some(changes) = changes {
                *changes = differing(&observed);
            }
            observed.session.close().await;
            Looked {
                device: name.to_owned(),
                plan: observed.plan,
                findings: observed.findings,
                unknown: None,
            }
        }
        Err(trouble) => {
            remember(ctx, name, &trouble).await;
            Looked::unknown(name, trouble.reason, trouble.text)
        }
    }
}

/// A device nobody may log in to.
fn held(name: &str, hold: &Hold) -> Looked {
    let reason = match hold.reason {
        HoldReason::Auth => UnknownReason::Auth,
        HoldReason::HostKey => UnknownReason::HostKey,
        HoldReason::Manual
        | HoldReason::Contested
        | HoldReason::Quarantined
        | HoldReason::RolledBack
        | HoldReason::Panic => UnknownReason::Internal,
    };
    let text = format!("on hold: {} (`netkeel release {name}`)", hold.note);
    Looked::unknown(name, reason, text)
}

/// The lines that differ.
fn differing(observed: &Observed) -> Vec<Change> {
    let dialect = &*observed.pack.dialect;
    let Some(text) = &observed.intended else {
        return Vec::new();
    };
    let intended = Document::parse(text, dialect);
    changes(
        &observed.device,
        &observed.running.document,
        &intended,
        dialect,
    )
}

/// A refused login holds the device for everybody: the same command in a loop must not
/// lock an account.
async fn remember(ctx: &Context, name: &str, trouble: &Trouble) {
    let Some(reason) = trouble.hold else { return };
    let hold = Hold {
        device: name.to_owned(),
        reason,
        note: trouble.text.clone(),
        by: who(),
        at: now(),
        until_moved_from: None,
    };
    if let Err(error) = ctx.store(move |store| store.hold(&hold)).await {
        tracing::error!(device = name, error = %super::error::one_line(&error), "hold not written");
    }
}

/// Everything as text.
pub(crate) fn text(looked: &[Looked], paint: Paint, verbose: bool) -> String {
    let plans: Vec<Plan> = looked.iter().filter_map(|l| l.plan.clone()).collect();
    let mut text = show::plan::plans(&plans, paint, verbose);
    for device in looked {
        for finding in device
            .findings
            .iter()
            .filter(|f| f.verdict == Verdict::Fail)
        {
            let word = paint.red(finding.severity.as_str());
            let place = finding
                .place
                .as_deref()
                .map(|p| format!(" ({p})"))
                .unwrap_or_default();
            let (name, rule, message) = (&device.device, &finding.rule, &finding.message);
            let _ = writeln!(text, "{name}: {word} {rule}{place}: {message}");
        }
    }
    for device in looked
        .iter()
        .filter(|l| l.plan.is_none() && l.unknown.is_none())
    {
        let _ = writeln!(
            text,
            "{}: has no intent; only policies apply",
            device.device
        );
    }
    for device in looked {
        if let Some(unknown) = &device.unknown {
            let word = paint.yellow(&format!("unknown ({})", unknown.reason.as_str()));
            let own = format!("`{}`: ", device.device);
            let detail = unknown.detail.strip_prefix(&own).unwrap_or(&unknown.detail);
            let _ = writeln!(text, "{}: {word}: {detail}", device.device);
        }
    }
    text
}

/// What all of it means for the exit code.
pub(crate) fn exit(looked: &[Looked], common: &Common) -> Exit {
    let mut exit = Exit::Fine;
    for device in looked {
        match device.plan.as_ref().map(|plan| &plan.decision) {
            Some(Decision::Refused(_)) => {
                exit = exit.and(Exit::Refused);
                if common.detailed_exitcode {
                    exit = exit.and(Exit::Changes);
                }
            }
            Some(Decision::Ready) if common.detailed_exitcode => exit = exit.and(Exit::Changes),
            Some(Decision::Ready | Decision::Unchanged) | None => {}
        }
        let failing = device
            .findings
            .iter()
            .filter(|f| f.verdict == Verdict::Fail);
        if failing
            .into_iter()
            .any(|f| common.fail_on.matters(f.severity))
        {
            exit = exit.and(Exit::Violation);
        }
        match device.unknown.as_ref().map(|unknown| unknown.reason) {
            Some(UnknownReason::Intent) => exit = exit.and(Exit::Usage),
            Some(UnknownReason::Internal) => exit = exit.and(Exit::Failure),
            Some(_) if common.strict_data => exit = exit.and(Exit::Data),
            Some(_) | None => {}
        }
    }
    exit
}

/// Warnings of the fleet's devices beside the result (errors are in the looks).
pub(crate) fn warnings(app: &mut App, fleet: &Fleet, names: &[String]) -> Result<()> {
    for problem in super::stage::problems(fleet, names) {
        if problem.level == Level::Warning {
            app.ui.note(&format!("warning: {problem}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::plan::tests::example;
    use crate::model::{Refusal, RefusalKind, Severity};

    fn planned(decision: Decision) -> Looked {
        Looked {
            device: "r1".into(),
            plan: Some(example("r1", decision)),
            findings: Vec::new(),
            unknown: None,
        }
    }

    #[test]
    fn exit_codes_follow_the_table() {
        let quiet = Common::default();
        let all = Common {
            detailed_exitcode: true,
            strict_data: true,
            ..Common::default()
        };
        let refusal = Refusal {
            kind: RefusalKind::EmptyIntent,
            detail: String::new(),
        };
        let refused = planned(Decision::Refused(vec![refusal]));
        let broken = Looked::unknown("r2", UnknownReason::Intent, "bad template");
        let gone = Looked::unknown("r3", UnknownReason::Unreachable, "no route");
        let mut failing = planned(Decision::Unchanged);
        failing.findings.push(Finding {
            rule: "x".into(),
            severity: Severity::High,
            verdict: Verdict::Fail,
            message: "mend it".into(),
            place: None,
        });
        for (looked, without, with) in [
            (planned(Decision::Unchanged), Exit::Fine, Exit::Fine),
            (planned(Decision::Ready), Exit::Fine, Exit::Changes),
            (refused.clone(), Exit::Refused, Exit::Refused),
            (broken.clone(), Exit::Usage, Exit::Usage),
            (gone, Exit::Fine, Exit::Data),
            (failing, Exit::Violation, Exit::Violation),
        ] {
            assert_eq!(
                exit(std::slice::from_ref(&looked), &quiet),
                without,
                "{looked:?}"
            );
            assert_eq!(exit(&[looked], &all), with);
        }
        assert_eq!(exit(&[refused, broken], &all), Exit::Usage);
    }

    #[test]
    fn an_unknown_device_says_why() {
        let gone = Looked::unknown("r3", UnknownReason::Unreachable, "no route to 10.0.0.3");
        let text = text(&[gone], Paint::PLAIN, false);
        assert_eq!(text, "r3: unknown (unreachable): no route to 10.0.0.3\n");
    }
}

//! `netkeel apply`

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::app::{App, until_signal, who};
use super::args::Common;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::look::{self, Looked};
use super::{show, stage};
use crate::controller::context::Context;
use crate::controller::prepare::Fleet;
use crate::controller::worker::{Order, pass};
use crate::controller::{Permission, Report};
use crate::model::{Actor, ApplyMode, FleetStatus, Outcome, Plan, PlanId, Skip, Store as _};
use crate::store::SqliteStore;

/// Show the plans, ask, and carry out exactly what was shown, or nothing.
///
/// A device that is no longer as its plan expects is left alone (`stale`). Every change is
/// made on trial: seen over a second session, then confirmed and saved; otherwise undone.
/// Only devices with `apply: manual` or `auto` are changed. Nothing is ever applied from a
/// working tree: commit first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel apply r1
  netkeel apply --filter site=lon --yes
  netkeel apply --plan 3f9c2a7be1d0 --yes      # this plan, or nothing")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Carry out only this plan (as `netkeel plan` showed it).
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Somebody watches and can reach the device by other means: allows changes on platforms
    /// that cannot undo by themselves. Implied on a terminal.
    #[arg(long)]
    attended: bool,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// How many devices at once.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: u16,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let (ctx, store) = app.daemon_context(&settings)?;
    let intent = app
        .intent(&settings, stage::Origin::Branch, Some(&ctx.store))
        .await?;
    if let Some(from) = &intent.rewritten {
        return Err(CliError::usage(format!(
            "`{}` was rewritten: it was at {from}, which is not behind it any more",
            intent.revision.reference
        ))
        .with_exit(Exit::Refused)
        .hint("look at it, then `netkeel accept branch --why …`"));
    }
    refuse_if_stopped(&store)?;
    let fleet = Arc::new(app.fleet(&ctx, intent).await?);
    let names = stage::selected(&fleet, &args.hosts)?;
    let looked = look::look(app, &ctx, &fleet, &names).await?;
    let plans = chosen(&looked, args.plan.as_deref())?;
    if !app.ui.json {
        app.ui.line(&stage::described(&fleet.revision))?;
        let text = look::text(&looked, app.ui.paint(), app.common.verbose > 0);
        app.ui.print(&text)?;
    }
    look::warnings(app, &fleet, &names)?;
    if plans.is_empty() {
        let document = json!({ "schema": 1, "revision": fleet.revision, "attempts": [] });
        if app.ui.json {
            app.ui.document(&document)?;
        } else {
            app.ui.line("nothing to apply")?;
        }
        return Ok(look::exit(&looked, &app.common));
    }
    let question = format!("Apply this to {}?", show::count(plans.len(), "device"));
    if !args.yes && !app.ui.confirm(&question)? {
        return Err(CliError::usage("nothing was applied").hint("answer yes, or use `--yes`"));
    }
    let (reports, interrupted) = carry_out(app, &ctx, &fleet, plans, &args).await?;
    let exit = tell(app, &fleet, &reports)?.and(afterwards(&looked, &reports, &app.common));
    Ok(if interrupted {
        exit.and(Exit::Interrupted)
    } else {
        exit
    })
}

/// What the rest means for the exit code: devices that were not tried as they were seen,
/// the others as they are now.
fn afterwards(looked: &[Looked], reports: &[Report], common: &Common) -> Exit {
    let tried = |device: &str| reports.iter().any(|report| report.device == device);
    let others: Vec<Looked> = looked
        .iter()
        .filter(|l| !tried(&l.device))
        .cloned()
        .collect();
    let now = FleetStatus {
        devices: reports.iter().map(|report| report.status.clone()).collect(),
        ..FleetStatus::default()
    };
    look::exit(&others, common).and(show::status::exit(&now, common))
}

/// What stops every apply, here as in the daemon: a journal that cannot be written, a state
/// file that was damaged and that nobody has looked at yet.
pub(super) fn refuse_if_stopped(store: &SqliteStore) -> Result<()> {
    store.check_writable()?;
    match store.set_aside_pending()? {
        None => Ok(()),
        Some(name) => Err(CliError::usage(format!(
            "a damaged state file was set aside as `{name}`: nothing is applied"
        ))
        .with_exit(Exit::Refused)
        .hint("look at it, then `netkeel accept state --why …`")),
    }
}

/// The plans that may be carried out; with `--plan` exactly that one.
fn chosen(looked: &[Looked], id: Option<&str>) -> Result<Vec<Plan>> {
    let Some(id) = id else {
        let ready = looked.iter().filter_map(Looked::ready);
        return Ok(ready
            .filter(|p| p.apply != ApplyMode::Observe)
            .cloned()
            .collect());
    };
    let plan = looked
        .iter()
        .filter_map(|l| l.plan.as_ref())
        .find(|p| p.id.0 == id);
    let Some(plan) = plan else {
        return Err(CliError::failure(format!(
            "plan {id} is stale: the device, the revision or the platform pack is not what it \
             was made from"
        ))
        .hint("`netkeel plan` shows the plan as it is now"));
    };
    if plan.apply == ApplyMode::Observe {
        return Err(
            CliError::usage(format!("`{}` is only observed", plan.device))
                .with_exit(Exit::Refused)
                .hint("set `data.netkeel.apply: manual` for it in the inventory"),
        );
    }
    let ready = looked
        .iter()
        .filter_map(Looked::ready)
        .find(|p| p.id.0 == id);
    Ok(ready.into_iter().cloned().collect())
}

/// Plans being carried out.
struct Work<'a> {
    ctx: &'a Arc<Context>,
    fleet: &'a Arc<Fleet>,
    waiting: std::vec::IntoIter<Plan>,
    under_way: JoinSet<Report>,
    reports: Vec<Report>,
    /// Nothing new is started: something failed, or somebody asked.
    stopping: bool,
    interrupted: bool,
}

impl Work<'_> {
    fn start_more(&mut self, app: &mut App, args: &Args) -> Result<()> {
        let attended = args.attended || app.ui.interactive();
        while !self.stopping && self.under_way.len() < usize::from(args.parallel) {
            let Some(plan) = self.waiting.next() else {
                break;
            };
            app.ui
                .note(&format!("{}: applying plan {}", plan.device, plan.id))?;
            let reason = args
                .why
                .clone()
                .unwrap_or_else(|| "netkeel apply".to_owned());
            let order = order(plan.id.clone(), reason, attended);
            let (ctx, fleet) = (Arc::clone(self.ctx), Arc::clone(self.fleet));
            self.under_way
                .spawn(async move { Box::pin(pass(&ctx, &fleet, &plan.device, &order)).await });
        }
        Ok(())
    }

    /// The first failure stops the rest: they would most likely fail alike.
    fn ended(&mut self, report: Report) {
        self.stopping |= !went_well(&report);
        self.reports.push(report);
    }

    /// The first time lets what is under way confirm or undo; the second time leaves it to
    /// the devices' own timers and the next start.
    fn asked_to_stop(&mut self, app: &mut App) -> Result<()> {
        if self.interrupted {
            self.under_way.abort_all();
            return app
                .ui
                .note("dropped; the devices' own timers undo what was not confirmed");
        }
        (self.interrupted, self.stopping) = (true, true);
        app.ui
            .note("stopping: what is under way is confirmed or undone first")
    }
}

async fn carry_out(
    app: &mut App,
    ctx: &Arc<Context>,
    fleet: &Arc<Fleet>,
    plans: Vec<Plan>,
    args: &Args,
) -> Result<(Vec<Report>, bool)> {
    let mut work = Work {
        ctx,
        fleet,
        waiting: plans.into_iter(),
        under_way: JoinSet::new(),
        reports: Vec::new(),
        stopping: false,
        interrupted: false,
    };
    loop {
        work.start_more(app, args)?;
        tokio::select! {
            joined = work.under_way.join_next() => match joined {
                None => break,
                Some(Ok(report)) => work.ended(report),
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => return Err(CliError::failure(error)),
            },
            asked = until_signal() => {
                asked?;
                work.asked_to_stop(app)?;
            }
        }
    }
    let left: Vec<String> = work.waiting.map(|plan| plan.device).collect();
    if !left.is_empty() {
        app.ui.note(&format!("not tried: {}", left.join(", ")))?;
    }
    Ok((work.reports, work.interrupted))
}

/// Exactly this plan, by the person at the command.
pub(super) fn order(only: PlanId, reason: String, attended: bool) -> Order {
    Order {
        permission: Permission::Apply,
        actor: Actor::User(who()),
        reason,
        only: Some(only),
        attended,
        then_hold: None,
    }
}

fn went_well(report: &Report) -> bool {
    matches!(report.outcome, Some(Outcome::Applied | Outcome::Unchanged))
}

/// Prints how each ended, and says the exit code.
pub(super) fn tell(app: &mut App, fleet: &Fleet, reports: &[Report]) -> Result<Exit> {
    let mut exit = Exit::Fine;
    for report in reports {
        exit = exit.and(meaning(report.outcome));
    }
    if app.ui.json {
        let attempts: Vec<_> = reports
            .iter()
            .map(|report| {
                json!({
                    "device": report.device,
                    "outcome": report.outcome.map(Outcome::as_str),
                    "detail": report.status.detail,
                })
            })
            .collect();
        app.ui.document(&json!({
            "schema": 1, "revision": fleet.revision, "attempts": attempts,
        }))?;
        return Ok(exit);
    }
    let paint = app.ui.paint();
    for report in reports {
        let word = word(report);
        let word = if went_well(report) {
            paint.green(word)
        } else {
            paint.red(word)
        };
        let why = skipped(report);
        let detail = why.as_deref().or(report.status.detail.as_deref());
        let detail = detail.unwrap_or_default();
        // The detail often begins with the very word.
        let plain = report.outcome.map_or("", Outcome::as_str);
        let detail = detail.strip_prefix(plain).unwrap_or(detail);
        let line = format!(
            "{}: {word}{}{detail}",
            report.device,
            if detail.starts_with(',') { "" } else { "  " }
        );
        app.ui.line(line.trim_end())?;
    }
    Ok(exit)
}

/// How it ended, in a word or a few.
fn word(report: &Report) -> &'static str {
    match report.outcome {
        Some(Outcome::Skipped(Skip::Hold)) => "skipped, the device is on hold (`netkeel release`)",
        Some(Outcome::Skipped(Skip::Leased)) => "skipped, another Netkeel is at work on it",
        Some(Outcome::Skipped(Skip::Observe)) => "skipped, the device is only observed",
        Some(outcome) => outcome.as_str(),
        None => "nothing done",
    }
}

/// Why a device was not even tried, for a person.
fn skipped(report: &Report) -> Option<String> {
    let Some(Outcome::Skipped(skip)) = report.outcome else {
        return None;
    };
    let device = &report.device;
    Some(match skip {
        Skip::Hold => format!(
            "on hold ({}): `netkeel release {device}` ends that",
            report.status.hold.as_deref().unwrap_or("hold")
        ),
        Skip::Leased => "another Netkeel process is at work on it: try again".to_owned(),
        Skip::Observe => "it is only observed (`apply: observe`)".to_owned(),
        Skip::Wave => "its turn in the rollout has not come".to_owned(),
        Skip::Stopped => "applies are stopped".to_owned(),
    })
}

/// What an outcome means for the exit code.
fn meaning(outcome: Option<Outcome>) -> Exit {
    match outcome {
        Some(Outcome::Applied | Outcome::Unchanged) => Exit::Fine,
        Some(Outcome::Refused | Outcome::Skipped(_)) => Exit::Refused,
        Some(Outcome::RolledBack | Outcome::Stale | Outcome::Failed | Outcome::Unknown) | None => {
            Exit::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::plan::tests::example;
    use crate::model::Decision;

    fn looked(device: &str, decision: Decision) -> Looked {
        let plan = Some(example(device, decision));
        Looked {
            device: device.into(),
            plan,
            findings: Vec::new(),
            unknown: None,
        }
    }

    #[test]
    fn only_what_was_shown_and_may_be_changed_is_chosen() {
        let mut observed = looked("r3", Decision::Ready);
        if let Some(plan) = &mut observed.plan {
            plan.apply = ApplyMode::Observe;
        }
        let all = [
            looked("r1", Decision::Ready),
            looked("r2", Decision::Unchanged),
            observed,
        ];
        let names = |plans: Vec<Plan>| plans.into_iter().map(|p| p.device).collect::<Vec<_>>();
        assert_eq!(names(chosen(&all, None).unwrap()), ["r1"]);
        assert_eq!(names(chosen(&all, Some("p-r1")).unwrap()), ["r1"]);
        assert!(chosen(&all, Some("p-r2")).unwrap().is_empty());
        assert_eq!(
            chosen(&all, Some("p-r3")).unwrap_err().exit(),
            Exit::Refused
        );
        let stale = chosen(&all, Some("p-r9")).unwrap_err();
        assert_eq!(stale.exit(), Exit::Failure);
        assert!(stale.text().contains("plan p-r9 is stale"));
    }

    #[test]
    fn anything_but_success_is_seen_in_the_exit_code() {
        assert_eq!(meaning(Some(Outcome::Applied)), Exit::Fine);
        assert_eq!(meaning(Some(Outcome::RolledBack)), Exit::Failure);
        assert_eq!(meaning(Some(Outcome::Skipped(Skip::Hold))), Exit::Refused);
        assert_eq!(meaning(None), Exit::Failure);
    }
}

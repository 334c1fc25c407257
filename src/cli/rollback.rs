//! `netkeel rollback`

use std::sync::Arc;

use super::app::{App, who};
use super::error::{CliError, Result};
use super::exit::Exit;
use super::look::{self, Looked};
use super::{apply, stage};
use crate::controller::Permission;
use crate::controller::context::Context;
use crate::controller::prepare::Fleet;
use crate::controller::worker::{Order, pass};
use crate::model::{Attempt, Decision, Hold, HoldReason, Manage, Outcome, Plan, Skip};

/// Bring a device back to what it was before the last change, or after an earlier one, and
/// hold it there until it is released or the branch moves.
///
/// It is a change like any other: planned, shown, made on trial, confirmed or undone. Only
/// the limit on deletions does not apply, since the plan is shown and asked about.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel rollback r1
  netkeel history r1                   # which attempts there were
  netkeel rollback r1 --to 019b2f3c    # as it was after that attempt")]
pub(crate) struct Args {
    /// The device.
    #[arg(value_name = "HOST")]
    host: String,
    /// As it was after this attempt (the beginning of its id is enough).
    #[arg(long, value_name = "ATTEMPT")]
    to: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Somebody watches; see `netkeel apply --help`.
    #[arg(long)]
    attended: bool,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// What a device is to become again.
#[derive(Debug, PartialEq, Eq)]
struct Goal {
    /// What is told about it.
    name: String,
    /// The revision that state belongs to; empty if it is from before the first.
    revision: String,
    /// The stored text.
    text: String,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let (ctx, store) = app.daemon_context(&settings)?;
    let goal = goal(&ctx, &args.host, args.to.as_deref()).await?;
    apply::refuse_if_stopped(&store)?;
    let intent = app
        .intent(&settings, stage::Origin::Branch, Some(&ctx.store))
        .await?;
    let head = intent.revision.id.clone();
    let mut fleet = app.fleet(&ctx, intent).await?;
    stage::selected(&fleet, std::slice::from_ref(&args.host))?;
    let intended = fleet.clone();
    aim(&mut fleet, &args.host, &goal);
    let fleet = Arc::new(fleet);
    let looked = look::look(app, &ctx, &fleet, std::slice::from_ref(&args.host)).await?;
    let exit = look::exit(&looked, &app.common);
    let plan = shown(app, &args, &goal, &looked)?;
    let there = plan
        .as_ref()
        .is_some_and(|p| p.decision == Decision::Unchanged);
    let Some(plan) = plan.filter(|p| p.decision == Decision::Ready) else {
        if there {
            let hold = hold_for(&ctx, &args, &goal, head);
            ctx.store(move |store| store.hold(&hold)).await?;
            app.ui
                .note(&format!("{} is already so, and on hold now", args.host))?;
        }
        return Ok(exit);
    };
    if !args.yes && !app.ui.confirm("Roll back?")? {
        return Err(CliError::usage("nothing was changed").hint("answer yes, or use `--yes`"));
    }
    let reason = args
        .why
        .clone()
        .unwrap_or_else(|| format!("rollback to {}", goal.name));
    let attended = args.attended || app.ui.interactive();
    let order = Order {
        then_hold: Some(hold_for(&ctx, &args, &goal, head)),
        ..apply::order(plan.id, reason, attended)
    };
    let report = Box::pin(pass(&ctx, &fleet, &args.host, &order)).await;
    if matches!(report.outcome, Some(Outcome::Applied | Outcome::Unchanged)) {
        // What is true now is not what the intent says: the status is to tell.
        let look = Order {
            permission: Permission::Observe(Skip::Hold),
            then_hold: None,
            ..order
        };
        Box::pin(pass(&ctx, &intended, &args.host, &look)).await;
    }
    apply::tell(app, &fleet, &[report])
}

/// What would be done, and whether that is nothing.
fn shown(app: &mut App, args: &Args, goal: &Goal, looked: &[Looked]) -> Result<Option<Plan>> {
    if !app.ui.json {
        app.ui
            .line(&format!("{}: back to {}", args.host, goal.name))?;
        let text = look::text(looked, app.ui.paint(), app.common.verbose > 0);
        app.ui.print(&text)?;
    }
    Ok(looked.first().and_then(|looked| looked.plan.clone()))
}

/// Finds the state to go back to.
async fn goal(ctx: &Context, host: &str, to: Option<&str>) -> Result<Goal> {
    const RECENT: usize = 1_000;
    let key = host.to_owned();
    let attempts = ctx.store(move |store| store.history(&key, RECENT)).await?;
    let (name, revision, hash) = match to {
        Some(id) => after(host, &attempts, id)?,
        None => before_last(host, &attempts)?,
    };
    let Some(hash) = hash else {
        return Err(CliError::failure(format!(
            "the configuration {name} was not recorded"
        )));
    };
    let text = ctx.store(move |store| store.config(&hash)).await?;
    let text = text
        .ok_or_else(|| CliError::failure(format!("the configuration {name} is no longer kept")))?;
    Ok(Goal {
        name,
        revision,
        text,
    })
}

type Found = (String, String, Option<crate::model::Fingerprint>);

fn after(host: &str, attempts: &[Attempt], id: &str) -> Result<Found> {
    let mut found = attempts.iter().filter(|a| a.id.0.starts_with(id));
    let Some(attempt) = found.next() else {
        return Err(CliError::usage(format!("`{host}` has no attempt `{id}`"))
            .hint(format!("`netkeel history {host}` lists them")));
    };
    if found.next().is_some() {
        return Err(CliError::usage(format!("`{id}` may be several attempts")));
    }
    let name = format!("after attempt {}", attempt.id);
    Ok((name, attempt.revision.clone(), attempt.after.clone()))
}

fn before_last(host: &str, attempts: &[Attempt]) -> Result<Found> {
    let applied = |a: &&Attempt| a.outcome == Some(Outcome::Applied);
    let Some(last) = attempts.iter().find(applied) else {
        return Err(
            CliError::usage(format!("nothing was ever applied to `{host}`"))
                .hint(format!("`netkeel history {host}` lists what was done")),
        );
    };
    let earlier = attempts
        .iter()
        .filter(applied)
        .find(|a| a.after.is_some() && a.after == last.before);
    let revision = earlier.map(|a| a.revision.clone()).unwrap_or_default();
    Ok((
        format!("before attempt {}", last.id),
        revision,
        last.before.clone(),
    ))
}

/// Puts the goal in the place of the intent.
fn aim(fleet: &mut Fleet, host: &str, goal: &Goal) {
    fleet.revision.id.clone_from(&goal.revision);
    if let Some(prepared) = fleet.devices.get_mut(host) {
        prepared.intended = Some(goal.text.clone());
        prepared.origins.clear();
        if prepared.device.is_some() && prepared.pack.is_some() {
            // What is wrong with its template does not matter to this.
            prepared.problems.clear();
        }
        if let Some(device) = &mut prepared.device {
            device.keel.manage = Manage::Full;
            device.keel.limits.delete_percent = 100;
        }
    }
}

fn hold_for(ctx: &Context, args: &Args, goal: &Goal, head: String) -> Hold {
    Hold {
        device: args.host.clone(),
        reason: HoldReason::RolledBack,
        note: format!("rolled back to {}", goal.name),
        by: who(),
        at: (ctx.now)(),
        until_moved_from: Some(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::history::tests::attempt;
    use crate::model::Fingerprint;

    fn print(text: &str) -> Option<Fingerprint> {
        Some(Fingerprint::of([text.as_bytes()]))
    }

    fn attempts() -> Vec<Attempt> {
        let mut newest = attempt("r1", "019c-3");
        newest.outcome = Some(Outcome::RolledBack);
        let mut last = attempt("r1", "019b-2");
        (last.before, last.after) = (print("one"), print("two"));
        last.revision = "second".into();
        let mut first = attempt("r1", "019a-1");
        (first.before, first.after) = (print("zero"), print("one"));
        first.revision = "first".into();
        vec![newest, last, first]
    }

    #[test]
    fn without_a_goal_the_last_change_that_stayed_is_undone() {
        let (name, revision, hash) = before_last("r1", &attempts()).unwrap();
        assert_eq!(name, "before attempt 019b-2");
        assert_eq!((revision.as_str(), hash), ("first", print("one")));
        let older = &attempts()[2..];
        let (name, revision, _) = before_last("r1", older).unwrap();
        assert_eq!(name, "before attempt 019a-1");
        assert_eq!(revision, "", "from before the first revision");
        assert!(before_last("r1", &[]).is_err());
    }

    #[test]
    fn a_goal_is_an_attempt_by_the_beginning_of_its_id() {
        assert_eq!(after("r1", &attempts(), "019a").unwrap().2, print("one"));
        assert!(
            after("r1", &attempts(), "019")
                .unwrap_err()
                .text()
                .contains("several")
        );
        assert!(
            after("r1", &attempts(), "xyz")
                .unwrap_err()
                .text()
                .contains("no attempt")
        );
    }
}

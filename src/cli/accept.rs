//! `netkeel accept`

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::app::{App, who};
use super::error::{CliError, Result};
use super::exit::Exit;
use super::{look, repository, stage};
use crate::controller::daemon::HEAD_META;
use crate::device::transport::Verdict;
use crate::device::transport::known_hosts::host_name;
use crate::model::{
    Acceptance, AcceptanceKind, Decision, HoldReason, Plan, Refusal, Revision, Store as _,
};
use crate::source::Mirror;

/// Accept something a safety rail stopped at. It is shown first, and recorded with who and
/// why.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel accept branch --why 'history cleaned of a password, agreed with Ada'
  netkeel accept host-key r1 --why 'new supervisor card, fingerprint read on the console'
  netkeel accept state --why 'disk was replaced'
  netkeel accept deletion 3f9c2a7be1d0 r1 --why 'r1 is emptied before it is moved'")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is accepted.
#[derive(Debug, Subcommand)]
enum What {
    /// A rewritten branch: the revision it is at now becomes the trusted one.
    Branch {
        #[command(flatten)]
        reason: Reason,
    },
    /// A changed host key: the one the device shows now becomes the known one.
    HostKey {
        /// The device.
        #[arg(value_name = "HOST")]
        host: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// A damaged state file that was set aside: what it held is lost, applies go on.
    State {
        #[command(flatten)]
        reason: Reason,
    },
    /// A plan that deletes a large part of a device, or has an empty intent.
    Deletion {
        /// The plan's id.
        #[arg(value_name = "PLAN")]
        plan: String,
        /// The device it is for; all are looked at if none is named.
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Why, and whether to ask.
#[derive(Debug, clap::Args)]
pub(super) struct Reason {
    /// Why; recorded.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

impl Args {
    /// The command's name, if `--filter` has no effect on it.
    pub(crate) fn unfiltered(&self) -> Option<&'static str> {
        match self.what {
            What::Branch { .. } => Some("accept branch"),
            What::HostKey { .. } => Some("accept host-key"),
            What::State { .. } => Some("accept state"),
            What::Deletion { .. } => None,
        }
    }
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    match args.what {
        What::Branch { reason } => branch(app, reason).await,
        What::HostKey { host, reason } => host_key(app, &host, reason).await,
        What::State { reason } => state(app, reason),
        What::Deletion {
            plan,
            hosts,
            reason,
        } => deletion(app, &plan, &hosts, reason).await,
    }
}

/// Asks, unless told not to; then it is an acceptance.
fn agreed(
    app: &mut App,
    kind: AcceptanceKind,
    subject: String,
    reason: Reason,
) -> Result<Acceptance> {
    if reason.why.trim().is_empty() {
        return Err(CliError::usage(
            "`--why` is empty: say why, others will ask",
        ));
    }
    if !reason.yes && !app.ui.confirm("Accept this?")? {
        return Err(CliError::usage("nothing was accepted").hint("answer yes, or use `--yes`"));
    }
    let (by, at) = (who(), app.now());
    Ok(Acceptance {
        kind,
        subject,
        by,
        why: reason.why,
        at,
    })
}

/// There is nothing to accept; `text` says why.
fn nothing(app: &mut App, text: &str) -> Result<Exit> {
    if app.ui.json {
        app.ui.note(text)?;
        app.ui.document(&json!({ "schema": 1, "accepted": null }))?;
    } else {
        app.ui.line(text)?;
    }
    Ok(Exit::Fine)
}

fn told(app: &mut App, acceptance: &Acceptance) -> Result<Exit> {
    if app.ui.json {
        app.ui
            .document(&json!({ "schema": 1, "accepted": acceptance }))?;
    } else {
        app.ui.line(&format!(
            "accepted by {}: {}",
            acceptance.by, acceptance.subject
        ))?;
    }
    Ok(Exit::Fine)
}

async fn branch(app: &mut App, reason: Reason) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.existing_store(&settings)?;
    let Some(known) = store.get_meta(HEAD_META)? else {
        return Err(CliError::usage(
            "no revision was looked at yet: there is nothing to accept",
        ));
    };
    let spec = repository::source_spec(&settings)?;
    let reference = spec.reference.clone();
    let old = known.clone();
    let looked = stage::blocking(move || {
        let mut mirror = Mirror::open(spec)?;
        let now = mirror.refresh(Some(&old))?;
        Ok((now, mirror.resolve(&old).ok()))
    });
    let (now, was) = looked.await?.map_err(repository::source_error)?;
    if now.fast_forward {
        let text = format!("`{reference}` was not rewritten: {known} is behind it");
        return nothing(app, &text);
    }
    app.ui.note(&format!(
        "`{reference}` was at  {}",
        summary(&known, was.as_ref())
    ))?;
    app.ui.note(&format!(
        "  and is now at  {}",
        summary(&now.revision.id, Some(&now.revision))
    ))?;
    let acceptance = agreed(
        app,
        AcceptanceKind::RewrittenBranch,
        now.revision.id,
        reason,
    )?;
    store.accept(&acceptance)?;
    store.set_meta(HEAD_META, &acceptance.subject)?;
    told(app, &acceptance)
}

fn summary(id: &str, revision: Option<&Revision>) -> String {
    match revision {
        Some(r) => format!("{id}  {} by {}: {}", r.time, r.author, r.summary),
        None => format!("{id}  (not in the repository any more)"),
    }
}

async fn host_key(app: &mut App, host: &str, reason: Reason) -> Result<Exit> {
    let settings = app.settings()?;
    let (ctx, connector) = app.context_and_connector(&settings)?;
    let intent = app
        .intent(&settings, stage::Origin::Branch, Some(&ctx.store))
        .await?;
    let mut inventory = crate::intent::load(&intent.files)?;
    let Some(device) = inventory.devices.remove(host) else {
        let place = stage::described(&intent.revision);
        return Err(CliError::usage(format!(
            "`{host}` is not in the inventory of {place}"
        )));
    };
    let target = ctx.target(&device).map_err(CliError::failure)?;
    let seen = connector.look(&target).await.map_err(CliError::failure)?;
    let hosts = connector.known_hosts();
    let why = match hosts.judge(&target.address, target.port, &seen.key)? {
        Verdict::Known => {
            let text = format!("the host key of `{host}` is the known one");
            return nothing(app, &text);
        }
        Verdict::Unknown(why) | Verdict::Refused(why) => why,
    };
    let place = host_name(&target.address, target.port);
    app.ui.note(&format!(
        "`{host}` ({place}) shows {} {}, {why}",
        seen.key.algorithm(),
        seen.fingerprint
    ))?;
    app.ui
        .note("compare it with what the device says of itself on its console")?;
    let subject = format!("{host} {}", seen.fingerprint);
    let acceptance = agreed(app, AcceptanceKind::HostKey, subject, reason)?;
    let store = Arc::clone(&ctx.store);
    store.accept(&acceptance)?;
    hosts
        .replace(&target.address, target.port, &seen.key)
        .map_err(|e| CliError::from(e).while_doing("known_hosts cannot be written"))?;
    let held = store.holds()?.into_iter().find(|hold| hold.device == host);
    if held.is_some_and(|hold| hold.reason == HoldReason::HostKey) {
        store.release_hold(host, &acceptance.by, acceptance.at)?;
    }
    told(app, &acceptance)
}

fn state(app: &mut App, reason: Reason) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.existing_store(&settings)?;
    let Some(name) = store.set_aside_pending()? else {
        return nothing(app, "no state file was set aside");
    };
    let path = settings.state.join(&name);
    let size = std::fs::metadata(&path).map_or(0, |about| about.len());
    app.ui
        .note(&format!("set aside: {} ({size} bytes)", path.display()))?;
    app.ui.note(
        "what it remembered is not known to this Netkeel: holds, unfinished attempts, what was \
         applied last. Devices are read again; holds must be set again.",
    )?;
    let acceptance = agreed(app, AcceptanceKind::CorruptState, name, reason)?;
    store.accept(&acceptance)?;
    told(app, &acceptance)
}

async fn deletion(app: &mut App, id: &str, hosts: &[String], reason: Reason) -> Result<Exit> {
    let settings = app.settings()?;
    let ctx = app.context(&settings)?;
    let intent = app
        .intent(&settings, stage::Origin::Branch, Some(&ctx.store))
        .await?;
    let fleet = Arc::new(app.fleet(&ctx, intent).await?);
    let names = stage::selected(&fleet, hosts)?;
    let looked = look::look(app, &ctx, &fleet, &names).await?;
    let found = looked
        .iter()
        .find(|l| l.plan.as_ref().is_some_and(|plan| plan.id.0 == id));
    let Some(found) = found else {
        return Err(CliError::failure(format!(
            "plan {id} is stale: no device would be changed by exactly this plan now"
        ))
        .hint("`netkeel plan` shows the plans as they are now"));
    };
    let plan = found.plan.as_ref().filter(|plan| acceptable(plan));
    let Some(plan) = plan else {
        let text = format!("plan {id} is not refused for what it deletes");
        return nothing(app, &text);
    };
    let text = look::text(std::slice::from_ref(found), app.ui.paint(), true);
    app.ui.note(&text)?;
    let (deleted, of) = plan.deletes;
    app.ui.note(&format!(
        "it deletes {deleted} of {of} lines of `{}`",
        plan.device
    ))?;
    let acceptance = agreed(
        app,
        AcceptanceKind::LargeDeletion,
        plan.id.0.clone(),
        reason,
    )?;
    ctx.store({
        let acceptance = acceptance.clone();
        move |store| store.accept(&acceptance)
    })
    .await?;
    told(app, &acceptance)
}

fn acceptable(plan: &Plan) -> bool {
    let Decision::Refused(refusals) = &plan.decision else {
        return false;
    };
    refusals.iter().any(Refusal::is_acceptable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::plan::tests::example;
    use crate::model::RefusalKind;

    #[test]
    fn only_what_a_person_can_judge_is_acceptable() {
        let refused = |kind| {
            let refusal = Refusal {
                kind,
                detail: String::new(),
            };
            example("r1", Decision::Refused(vec![refusal]))
        };
        assert!(acceptable(&refused(RefusalKind::LargeDeletion)));
        assert!(acceptable(&refused(RefusalKind::EmptyIntent)));
        assert!(!acceptable(&refused(RefusalKind::NotProved)));
        assert!(!acceptable(&example("r1", Decision::Ready)));
    }
}

//! `netkeel release`

use std::sync::Arc;

use serde_json::json;

use super::app::{App, claim, who};
use super::error::{CliError, Result};
use super::exit::Exit;
use crate::model::{Hold, HoldReason, Store as _};
use crate::store::SqliteStore;

/// End a hold, whoever set it: a person, a refused login, a changed host key, a fight over a
/// section, a rollback. The device is looked at again with the next pass.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel release r1
  netkeel release --all-refused     # after a password was put right")]
pub(crate) struct Args {
    /// The devices.
    #[arg(value_name = "HOST", required_unless_present = "all_refused")]
    hosts: Vec<String>,
    /// Every device held because its login was refused.
    #[arg(long)]
    all_refused: bool,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.existing_store(&settings)?;
    let held = store.holds()?;
    let wanted = |hold: &&Hold| {
        args.hosts.contains(&hold.device) || (args.all_refused && hold.reason == HoldReason::Auth)
    };
    let released: Vec<&Hold> = held.iter().filter(wanted).collect();
    for host in &args.hosts {
        if store.device(host)?.is_none() && !released.iter().any(|hold| hold.device == *host) {
            return Err(CliError::usage(format!("`{host}` is not known here"))
                .hint("`netkeel status` lists the devices"));
        }
    }
    for hold in &released {
        store.release_hold(&hold.device, &who(), app.now())?;
    }
    for host in args
        .hosts
        .iter()
        .chain(released.iter().map(|hold| &hold.device))
    {
        pardon(&store, host).await?;
    }
    crate::controller::forget_refused_logins(&*store)?;
    report(app, &args, &released)
}

/// What would put the device on hold again at once: a fight that was settled, a size that
/// was right after all.
async fn pardon(store: &Arc<SqliteStore>, host: &str) -> Result<()> {
    let lease = claim(store, host).await?;
    let changed = store.device(host).and_then(|record| match record {
        Some(mut record) if record.lines.is_some() || !record.reversals.is_empty() => {
            record.lines = None;
            record.reversals.clear();
            store.save_device(&lease, &record)
        }
        Some(_) | None => Ok(()),
    });
    store.release(&lease)?;
    Ok(changed?)
}

fn report(app: &mut App, args: &Args, released: &[&Hold]) -> Result<Exit> {
    if app.ui.json {
        app.ui
            .document(&json!({ "schema": 1, "released": released }))?;
        return Ok(Exit::Fine);
    }
    for hold in released {
        let (device, was) = (&hold.device, hold.reason.as_str());
        app.ui
            .line(&format!("{device} is released (was: {was}, {})", hold.note))?;
    }
    for host in args
        .hosts
        .iter()
        .filter(|h| !released.iter().any(|r| r.device == **h))
    {
        app.ui.line(&format!("{host} was not on hold"))?;
    }
    if released.is_empty() && args.hosts.is_empty() {
        app.ui
            .line("no device is held because of a refused login")?;
    }
    Ok(Exit::Fine)
}

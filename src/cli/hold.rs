//! `netkeel hold`

use serde_json::json;

use super::app::{App, who};
use super::error::Result;
use super::exit::Exit;
use crate::model::{Hold, HoldReason, Store as _};

/// Leave a device alone: it is read and reported, and nothing is applied until `release`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel hold r1 --reason 'line card swap tonight, ticket 4711'
  netkeel release r1")]
pub(crate) struct Args {
    /// The device.
    #[arg(value_name = "HOST")]
    host: String,
    /// Why; others read it in `status` and `history`.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs it.
pub(crate) fn run(app: &mut App, args: &Args) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.store(&settings)?;
    let hold = Hold {
        device: args.host.clone(),
        reason: HoldReason::Manual,
        note: args.reason.clone(),
        by: who(),
        at: app.now(),
        until_moved_from: None,
    };
    let known = store.device(&args.host)?.is_some();
    if let Some(earlier) = store.holds()?.into_iter().find(|h| h.device == args.host) {
        let text = format!(
            "`{}` was already held ({}) by {}: {}",
            args.host,
            earlier.reason.as_str(),
            earlier.by,
            earlier.note
        );
        app.ui.note(&text)?;
        if earlier.reason.stops_reading() {
            // A manual hold must not lift a stronger one: it would read the device again.
            app.ui
                .note("that hold is the stronger one and stays; `netkeel release` ends it")?;
            if app.ui.json {
                app.ui.document(&json!({ "schema": 1, "hold": earlier }))?;
            }
            return Ok(Exit::Fine);
        }
    }
    store.hold(&hold)?;
    if !known {
        app.ui.note(&format!(
            "note: `{}` has never been seen by this Netkeel",
            args.host
        ))?;
    }
    if app.ui.json {
        app.ui.document(&json!({ "schema": 1, "hold": hold }))?;
    } else {
        app.ui.line(&format!("{} is on hold", args.host))?;
    }
    Ok(Exit::Fine)
}

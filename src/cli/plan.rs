//! `netkeel plan`

use std::sync::Arc;

use serde_json::json;

use super::app::App;
use super::error::Result;
use super::exit::Exit;
use super::{look, stage};

/// Read devices and show what would change and why; nothing is written to any device.
///
/// Per device: the difference (`-` is on the device now, `+` is what would be written), the
/// commands with their reasons, the proof by replay, refusals, and the plan's id. Devices
/// with the same change are shown once. Inside a working tree its files are used as they
/// are now; `--repo` or `--ref` take a branch instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel plan
  netkeel plan r1 -v
  netkeel plan --ref main --filter site=lon --detailed-exitcode    # 3 if something would change
  netkeel plan --json | jq '.devices[].plan.id'")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let ctx = app.context(&settings)?;
    let origin = app.origin()?;
    let intent = app.intent(&settings, origin, Some(&ctx.store)).await?;
    let rewritten = intent.rewritten.clone();
    let fleet = Arc::new(app.fleet(&ctx, intent).await?);
    let names = stage::selected(&fleet, &args.hosts)?;
    let looked = look::look(app, &ctx, &fleet, &names).await?;
    if app.ui.json {
        let document = json!({ "schema": 1, "revision": fleet.revision, "devices": looked });
        app.ui.document(&document)?;
    } else {
        app.ui.line(&stage::described(&fleet.revision))?;
        let text = look::text(&looked, app.ui.paint(), app.common.verbose > 0);
        app.ui.print(&text)?;
    }
    look::warnings(app, &fleet, &names)?;
    let mut exit = look::exit(&looked, &app.common);
    if let Some(from) = rewritten {
        app.ui.note(&format!(
            "refused: rewritten_branch: `{}` was at {from}, which is not behind it any more; \
             nothing is applied until `netkeel accept branch`",
            fleet.revision.reference
        ))?;
        exit = exit.and(Exit::Refused);
    }
    Ok(exit)
}

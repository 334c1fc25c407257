//! `netkeel plan`

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::app::App;
use super::error::Result;
use super::exit::Exit;
use super::look::{Changes, Looked};
use super::provenance::{History, Sourced};
use super::{look, provenance, show, stage};
use crate::controller::prepare::Fleet;
use crate::source::Lines;

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
  netkeel plan r1 --origins            # which template, variable and commit each line is from
  netkeel plan --ref main --filter site=lon --detailed-exitcode    # 3 if something would change
  netkeel plan --json | jq '.devices[].plan.id'")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Show where each line that differs came from: templates, variables, commits.
    #[arg(long)]
    origins: bool,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let ctx = app.context(&settings)?;
    let origin = app.origin()?;
    let intent = app
        .intent(&settings, origin.clone(), Some(&ctx.store))
        .await?;
    let rewritten = intent.rewritten.clone();
    let history = History::if_wanted(args.origins, &settings, &origin, &intent)?;
    let fleet = Arc::new(app.fleet_with(&ctx, intent, args.origins).await?);
    let names = stage::selected(&fleet, &args.hosts)?;
    let (looked, changes) = look::look_closely(app, &ctx, &fleet, &names, args.origins).await?;
    let origins = match history {
        Some(history) => origins(app, &fleet, &changes, history).await?,
        None => Origins::new(),
    };
    show_all(app, &fleet, &looked, &origins)?;
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

type Origins = BTreeMap<String, Vec<Sourced>>;

fn show_all(app: &mut App, fleet: &Fleet, looked: &[Looked], origins: &Origins) -> Result<()> {
    if app.ui.json {
        let devices: Vec<_> = looked.iter().map(|l| document(l, origins)).collect();
        let document = json!({ "schema": 1, "revision": fleet.revision, "devices": devices });
        return app.ui.document(&document);
    }
    app.ui.line(&stage::described(&fleet.revision))?;
    let mut text = look::text(looked, app.ui.paint(), app.common.verbose > 0);
    for (device, changes) in origins {
        text.push_str(&show::origins::changes(device, changes, app.ui.paint()));
    }
    app.ui.print(&text)
}

/// Where the lines that differ came from, by device.
async fn origins(
    app: &mut App,
    fleet: &Fleet,
    changes: &Changes,
    history: History,
) -> Result<Origins> {
    let mut wanted = Lines::new();
    let known = changes
        .iter()
        .filter_map(|(device, changes)| Some((device, changes, fleet.devices.get(device)?)));
    for (_, changes, prepared) in known.clone() {
        let numbers = changes.iter().filter_map(|change| change.number);
        provenance::want(&mut wanted, prepared, numbers);
    }
    let blame = app.blame(history, wanted).await?;
    let sourced = known.map(|(device, changes, prepared)| {
        let sourced = provenance::sourced(prepared, changes, &blame);
        (device.clone(), sourced)
    });
    Ok(sourced.collect())
}

/// A look as JSON, with the origins where they were asked for.
fn document(looked: &Looked, origins: &Origins) -> serde_json::Value {
    let mut document = json!(looked);
    if let Some(changes) = origins.get(&looked.device) {
        document["origins"] = json!(changes);
    }
    document
}

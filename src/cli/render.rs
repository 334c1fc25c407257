//! `netkeel render`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::provenance::{History, Source};
use super::{provenance, show, stage};
use crate::config::Sealer;
use crate::controller::context::Context;
use crate::controller::prepare::{Fleet, Prepared};
use crate::model::Level;
use crate::source::Lines;

/// Render the intended configuration of devices; no device and no secret is touched.
///
/// Inside a working tree its files are used as they are now; `--repo` or `--ref` take a
/// branch instead. Secrets stay placeholders.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel render r1
  netkeel render r1 --origins          # which template, variable and commit made each line
  netkeel render --filter site=lon --output /tmp/rendered
  netkeel render --ref v1.2 --json")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Show where each line came from: templates, variables, and the commits of both.
    #[arg(long)]
    origins: bool,
    /// Write one file per host into this folder.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let scratch = app.scratch(&settings)?;
    let origin = app.origin()?;
    let intent = app.intent(&settings, origin.clone(), None).await?;
    let history = History::if_wanted(args.origins, &settings, &origin, &intent)?;
    let fleet = app.fleet_with(&scratch.ctx, intent, args.origins).await?;
    let names = stage::selected(&fleet, &args.hosts)?;
    let sources = match history {
        Some(history) => sources(app, &fleet, &names, history).await?,
        None => BTreeMap::new(),
    };
    if app.ui.json {
        app.ui
            .document(&document(&scratch.ctx, &fleet, &names, &sources))?;
    } else {
        for name in &names {
            let prepared = &fleet.devices[name];
            let Some(text) = sealed(&scratch.ctx, prepared) else {
                continue;
            };
            match &args.output {
                Some(folder) => write(folder, name, &text)?,
                None => {
                    let text = match sources.get(name) {
                        Some(sources) => show::origins::lines(&text, sources),
                        None => text,
                    };
                    if names.len() > 1 {
                        app.ui
                            .line(&app.ui.paint().bold(&format!("! ---- {name}")))?;
                    }
                    app.ui.print(&text)?;
                }
            }
        }
    }
    report(app, &fleet, &names)
}

/// Prints what is wrong with the selected devices; any error is invalid input.
pub(super) fn report(app: &mut App, fleet: &Fleet, names: &[String]) -> Result<Exit> {
    let mut exit = Exit::Fine;
    for problem in stage::problems(fleet, names) {
        match problem.level {
            Level::Warning => app.ui.note(&format!("warning: {problem}"))?,
            Level::Error => {
                app.ui.note(&format!("error: {problem}"))?;
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

/// The intended text; plain secrets in it are sealed.
pub(super) fn sealed(ctx: &Context, prepared: &Prepared) -> Option<String> {
    let text = prepared.intended.as_deref()?;
    let pack = prepared.pack.as_ref()?;
    Some(Sealer::new(ctx.seal_key, BTreeMap::new()).intended(text, &pack.dialect))
}

/// Where each line came from, by device.
async fn sources(
    app: &mut App,
    fleet: &Fleet,
    names: &[String],
    history: History,
) -> Result<BTreeMap<String, Vec<Source>>> {
    let mut wanted = Lines::new();
    let chosen = names
        .iter()
        .filter_map(|name| Some((name, fleet.devices.get(name)?)));
    for (_, prepared) in chosen.clone() {
        provenance::want(&mut wanted, prepared, 1..=prepared.origins.len());
    }
    let blame = app.blame(history, wanted).await?;
    let sources = chosen.map(|(name, prepared)| {
        let lines = 1..=prepared.origins.len();
        let sources = lines.map(|number| provenance::source(prepared, number, &blame));
        (name.clone(), sources.collect())
    });
    Ok(sources.collect())
}

fn document(
    ctx: &Context,
    fleet: &Fleet,
    names: &[String],
    sources: &BTreeMap<String, Vec<Source>>,
) -> serde_json::Value {
    let devices: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name, fleet.devices.get(name)?)))
        .map(|(name, prepared)| {
            let mut device = json!({
                "name": name,
                "text": sealed(ctx, prepared),
                "origins": prepared.origins,
                "problems": prepared.problems,
            });
            if let Some(sources) = sources.get(name) {
                device["lines"] = json!(sources);
            }
            device
        })
        .collect();
    json!({ "schema": 1, "revision": fleet.revision, "devices": devices })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    if name.contains('/') || name.starts_with('.') {
        return Err(CliError::usage(format!("`{name}` cannot be a file name")));
    }
    let path = folder.join(format!("{name}.cfg"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|e| {
            CliError::from(e).while_doing(format!("`{}` cannot be written", path.display()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_not_a_path() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), "../r1", "x").is_err());
        write(folder.path(), "r1", "x").unwrap();
        assert!(folder.path().join("r1.cfg").exists());
    }
}

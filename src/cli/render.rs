//! `netkeel render`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::stage;
use crate::config::Sealer;
use crate::controller::context::Context;
use crate::controller::prepare::{Fleet, Prepared};
use crate::model::Level;

/// Render the intended configuration of devices; no device and no secret is touched.
///
/// Inside a working tree its files are used as they are now; `--repo` or `--ref` take a
/// branch instead. Secrets stay placeholders.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel render r1
  netkeel render r1 --origins          # which line of which template made it
  netkeel render --filter site=lon --output /tmp/rendered
  netkeel render --ref v1.2 --json")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Show where each line came from.
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
    let intent = app.intent(&settings, origin, None).await?;
    let fleet = app.fleet(&scratch.ctx, intent).await?;
    let names = stage::selected(&fleet, &args.hosts)?;
    if app.ui.json {
        app.ui.document(&document(&scratch.ctx, &fleet, &names))?;
    } else {
        for name in &names {
            let prepared = &fleet.devices[name];
            let Some(text) = sealed(&scratch.ctx, prepared) else {
                continue;
            };
            match &args.output {
                Some(folder) => write(folder, name, &text)?,
                None => {
                    let text = if args.origins {
                        with_origins(&text, prepared)
                    } else {
                        text
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

fn document(ctx: &Context, fleet: &Fleet, names: &[String]) -> serde_json::Value {
    let devices: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name, fleet.devices.get(name)?)))
        .map(|(name, prepared)| {
            json!({
                "name": name,
                "text": sealed(ctx, prepared),
                "origins": prepared.origins,
                "problems": prepared.problems,
            })
        })
        .collect();
    json!({ "schema": 1, "revision": fleet.revision, "devices": devices })
}

fn with_origins(text: &str, prepared: &Prepared) -> String {
    let width = text
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
        .min(72);
    let mut shown = String::new();
    for (i, line) in text.lines().enumerate() {
        let chain = prepared
            .origins
            .get(i)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let chain: Vec<String> = chain.iter().map(ToString::to_string).collect();
        let _ = writeln!(shown, "{line:width$}  ! {}", chain.join(" > "));
    }
    shown
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
    use crate::model::Position;

    #[test]
    fn each_line_says_where_it_came_from() {
        let at = |file: &str, line| Position {
            file: file.into(),
            line,
            column: 1,
        };
        let prepared = Prepared {
            origins: vec![
                vec![at("intent/a.j2", 1)],
                vec![at("intent/a.j2", 2), at("intent/b.j2", 7)],
            ],
            ..Prepared::default()
        };
        let text = with_origins("hostname r1\nend\n", &prepared);
        assert_eq!(
            text,
            "hostname r1  ! intent/a.j2:1:1\nend          ! intent/a.j2:2:1 > intent/b.j2:7:1\n"
        );
    }

    #[test]
    fn a_host_name_is_not_a_path() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), "../r1", "x").is_err());
        write(folder.path(), "r1", "x").unwrap();
        assert!(folder.path().join("r1.cfg").exists());
    }
}

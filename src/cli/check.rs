//! `netkeel check`

use serde_json::json;

use super::app::App;
use super::error::Result;
use super::exit::Exit;
use super::{render, show, stage};
use crate::config::Document;
use crate::controller::context::Context;
use crate::controller::prepare::Fleet;
use crate::model::{Finding, Level, Verdict};
use crate::policy;

/// Render and validate everything without touching a device: inventory, templates, policies,
/// and whether the rendered configurations themselves keep the policies.
///
/// Made for a pull request: needs no settings, no secrets and no network.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel check
  netkeel check --ref my-branch --fail-on high
  netkeel check --json")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
}

/// What a device's intended configuration would violate.
struct Checked {
    name: String,
    lines: Option<usize>,
    failing: Vec<Finding>,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let scratch = app.scratch(&settings)?;
    let origin = app.origin()?;
    let intent = app.intent(&settings, origin, None).await?;
    let fleet = app.fleet(&scratch.ctx, intent).await?;
    let names = stage::selected(&fleet, &args.hosts)?;
    let checked: Vec<Checked> = names
        .iter()
        .map(|name| examine(&scratch.ctx, &fleet, name))
        .collect();
    if app.ui.json {
        app.ui.document(&document(&fleet, &names, &checked))?;
    } else {
        print(app, &fleet, &checked)?;
    }
    let mut exit = render::report(app, &fleet, &names)?;
    let failing = checked.iter().flat_map(|c| &c.failing);
    if failing
        .into_iter()
        .any(|f| app.common.fail_on.matters(f.severity))
    {
        exit = exit.and(Exit::Violation);
    }
    Ok(exit)
}

/// Evaluates the rules on the intended configuration, as if it were running.
fn examine(ctx: &Context, fleet: &Fleet, name: &str) -> Checked {
    let mut checked = Checked {
        name: name.to_owned(),
        lines: None,
        failing: Vec::new(),
    };
    let Some(prepared) = fleet.devices.get(name) else {
        return checked;
    };
    let (Some(device), Some(pack)) = (&prepared.device, &prepared.pack) else {
        return checked;
    };
    let Some(text) = render::sealed(ctx, prepared) else {
        return checked;
    };
    let document = Document::parse(&text, &pack.dialect);
    checked.lines = Some(document.semantic_lines());
    checked.failing = policy::evaluate_intended(&fleet.rules, device, &pack.name, &document)
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .collect();
    checked
}

fn document(fleet: &Fleet, names: &[String], checked: &[Checked]) -> serde_json::Value {
    let devices: Vec<_> = checked
        .iter()
        .map(|c| json!({ "name": c.name, "lines": c.lines, "violations": c.failing }))
        .collect();
    json!({
        "schema": 1,
        "revision": fleet.revision,
        "rules": fleet.rules.len(),
        "devices": devices,
        "warnings": fleet.warnings,
        "problems": stage::problems(fleet, names),
    })
}

fn print(app: &mut App, fleet: &Fleet, checked: &[Checked]) -> Result<()> {
    let paint = app.ui.paint();
    for device in checked {
        for finding in &device.failing {
            let word = paint.red(finding.severity.as_str());
            let place = finding
                .place
                .as_deref()
                .map(|p| format!(" ({p})"))
                .unwrap_or_default();
            let (name, rule, message) = (&device.name, &finding.rule, &finding.message);
            app.ui
                .line(&format!("{name}: {word} {rule}{place}: {message}"))?;
        }
    }
    let errors = fleet.errors().filter(|e| e.level == Level::Error).count();
    let rendered = checked.iter().filter(|c| c.lines.is_some()).count();
    app.ui.line(&format!(
        "{}: {} of {} rendered, {}, {}, {}",
        stage::described(&fleet.revision),
        rendered,
        show::count(checked.len(), "host"),
        show::count(fleet.rules.len(), "rule"),
        show::count(checked.iter().map(|c| c.failing.len()).sum(), "violation"),
        show::count(errors, "error"),
    ))
}

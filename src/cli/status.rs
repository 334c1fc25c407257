//! `netkeel status`

use super::app::App;
use super::error::Result;
use super::exit::Exit;
use super::fleet;
use super::show;

/// Show what is known of every device: compliance, drift, broken rules, holds.
///
/// Reads the state only and talks to no device. `--json` prints the document that
/// /api/v1/devices serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel status
  netkeel status --filter 'site=lon' --json
  netkeel status --detailed-exitcode --strict-data    # 3: drift, 5: unknown")]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(app: &mut App, _args: &Args) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.existing_store(&settings)?;
    let status = fleet::status(app, &settings, &*store)?;
    if app.ui.json {
        app.ui.document(&status)?;
    } else {
        let text = show::status::fleet(&status, app.now(), app.ui.paint(), app.ui.width());
        app.ui.print(&text)?;
    }
    let exit = show::status::exit(&status, &app.common);
    let Some(why) = fleet::unusable(&*store)? else {
        return Ok(exit);
    };
    app.ui.note(&format!(
        "error: the branch has moved to a revision that is not usable; this is the last good one\n  \
         caused by: {why}"
    ))?;
    Ok(exit.and(Exit::Usage))
}

//! `netkeel inventory`

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::{show, stage};
use crate::intent;
use crate::model::Device;

/// Print the hosts of the inventory, fully resolved.
///
/// Inside a working tree its files are used as they are now; `--repo` or `--ref` take a
/// branch instead. `-v` prints all data of every host.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel inventory
  netkeel inventory r1 -v
  netkeel inventory --filter 'platform=ios and not site=lon' --json")]
pub(crate) struct Args {
    /// Only these hosts.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let settings = app.settings()?;
    let filter = app.filter()?;
    let origin = app.origin()?;
    let found = app.intent(&settings, origin, None).await?;
    let inventory = intent::load(&found.files)?;
    for warning in &inventory.warnings {
        app.ui.note(&format!("warning: {warning}"))?;
    }
    for host in &args.hosts {
        if !inventory.devices.contains_key(host) && !inventory.broken.contains_key(host) {
            let place = stage::described(&found.revision);
            return Err(CliError::usage(format!(
                "`{host}` is not in the inventory of {place}"
            )));
        }
    }
    let wanted =
        |d: &&Device| (args.hosts.is_empty() || args.hosts.contains(&d.name)) && filter.matches(d);
    let devices: Vec<&Device> = inventory.devices.values().filter(wanted).collect();
    if app.ui.json {
        app.ui.document(&show::inventory::json(&devices))?;
    } else {
        let text = show::inventory::hosts(
            &devices,
            app.ui.paint(),
            app.common.verbose > 0,
            app.ui.width(),
        );
        app.ui.print(&text)?;
    }
    let broken = inventory.broken.iter();
    let faults: Vec<_> = broken
        .filter(|(name, _)| args.hosts.is_empty() || args.hosts.contains(name))
        .flat_map(|(_, faults)| faults.clone())
        .collect();
    if faults.is_empty() {
        Ok(Exit::Fine)
    } else {
        Err(faults.into())
    }
}

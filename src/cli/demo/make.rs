//! What there is before the story begins: the repository, the settings, the routers.

use std::fmt::Write as _;
use std::path::Path;

use super::world::FASTER;
use crate::cli::app::{App, now};
use crate::cli::args::Common;
use crate::cli::error::{CliError, Result};
use crate::cli::init::files::{FILES, SECRETS};
use crate::cli::{init, sim};
use crate::sim::{Fleet, FleetOptions, Pace};

/// This project's own `intent/` and `policies/`, on addresses of this demonstration alone,
/// and settings beside them.
pub(super) fn write(folder: &Path, tree: &Path, net: u8) -> Result<()> {
    for (path, text) in FILES {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(tree))?;
        std::fs::write(
            path,
            text.replace("hostname: 127.1.0.", &format!("hostname: 127.{net}.0.")),
        )?;
    }
    let secrets = folder.join("secrets");
    std::fs::create_dir_all(&secrets)?;
    let mut lines = String::new();
    for (name, value) in SECRETS {
        init::keep(&secrets.join(name), value, 0o600)?;
        let _ = writeln!(lines, "  {name}: {{file: secrets/{name}, to: all}}");
    }
    std::fs::write(
        folder.join("netkeel.yaml"),
        format!(
            "repository: {{url: network, poll: 5s}}\nstate: state\nsecrets:\n{lines}\
             ssh: {{known_hosts: known_hosts}}\ndevice: {{connect_timeout: 3s}}\n\
             run: {{interval: 2s, retry_first: 1s, retry_most: 2s, stale_after: 30s}}\n"
        ),
    )?;
    Ok(())
}

/// The routers, running what they are meant to run; their keys become the known ones.
pub(super) async fn start_fleet(folder: &Path, tree: &Path) -> Result<Fleet> {
    let common = Common {
        settings: Some(folder.join("netkeel.yaml")),
        ..Common::default()
    };
    let mut app = App::new(common);
    let specs = sim::of_repository(&mut app, tree).await?;
    let options = FleetOptions {
        pace: Pace::Times(FASTER),
        start: now(),
    };
    let fleet = Fleet::start(specs, options)
        .await
        .map_err(CliError::failure)?;
    sim::trust(&app, &fleet)?;
    Ok(fleet)
}

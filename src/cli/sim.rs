//! `netkeel sim`

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::PublicKey;

use super::app::{App, until_signal};
use super::error::{CliError, Result};
use super::exit::Exit;
use super::stage::Origin;
use crate::controller::context::Context;
use crate::controller::prepare::Prepared;
use crate::device::KnownHosts;
use crate::sim::command::{Arguments, run as start};
use crate::sim::{DeviceSpec, Fleet, FleetOptions, Pace, Platform, SimError};

/// Start simulated routers behind real SSH servers, until interrupted.
///
/// Of a repository of intent (a folder with intent/inventory in it), every device at its
/// address, with its login, running what it is meant to run. Otherwise those of a folder with
/// a sim.yaml or files NAME.PLATFORM.cfg, or many from one configuration.
///
/// Prints one JSON line per device (name, platform, protocol, address, port, username,
/// password, host_key) and last {"ready":N}.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel sim . --trust                    # the devices of the repository you are in
  netkeel sim --platform ios --count 3 --config router.cfg
  netkeel sim DIR --clock 60               # their undo timers run sixty times faster")]
pub(crate) struct Args {
    /// A repository of intent, or a folder of simulated devices.
    #[arg(value_name = "DIR", required_unless_present = "platform")]
    folder: Option<PathBuf>,
    /// ios or frr.
    #[arg(
        long,
        value_name = "PLATFORM",
        conflicts_with = "folder",
        requires = "config"
    )]
    platform: Option<String>,
    /// How many devices with the same configuration.
    #[arg(long, default_value_t = 1, value_name = "N")]
    count: u32,
    /// Their configuration; `name` and `n` (its number) in braces are replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    config: Option<PathBuf>,
    /// Address of the first device; the others count up.
    #[arg(long, default_value = "127.1.0.1:2222", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// How many times faster the devices' own clocks run.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    clock: f64,
    /// Of a repository: write the devices' host keys into `ssh.known_hosts` of the settings.
    #[arg(long)]
    trust: bool,
}

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let now = app.now();
    let repository = args
        .folder
        .as_deref()
        .filter(|f| f.join("intent/inventory").is_dir());
    let fleet = match repository {
        Some(folder) => {
            let specs = of_repository(app, folder).await?;
            let options = FleetOptions {
                pace: Pace::Times(args.clock),
                start: now,
            };
            let fleet = Fleet::start(specs, options).await.map_err(failed)?;
            if args.trust {
                trust(app, &fleet)?;
            }
            for device in fleet.devices() {
                app.ui.line(&serde_json::to_string(&device)?)?;
            }
            app.ui
                .line(&format!("{{\"ready\":{}}}", fleet.devices().len()))?;
            fleet
        }
        None => {
            let mut printed = Vec::new();
            let fleet = start(&arguments(&args), now, &mut printed)
                .await
                .map_err(failed)?;
            app.ui.print(&String::from_utf8_lossy(&printed))?;
            fleet
        }
    };
    until_signal().await?;
    fleet.shutdown().await;
    Ok(Exit::Fine)
}

fn arguments(args: &Args) -> Arguments {
    Arguments {
        directory: args.folder.clone(),
        platform: args.platform.clone(),
        count: args.count,
        config: args.config.clone(),
        listen: args.listen,
        clock: args.clock,
    }
}

fn failed(error: SimError) -> CliError {
    let exit = match &error {
        SimError::File { .. } | SimError::Twice(_) | SimError::Usage(_) => Exit::Usage,
        SimError::Listen { .. }
        | SimError::NoDevice(_)
        | SimError::Key { .. }
        | SimError::Output(_) => Exit::Failure,
    };
    CliError::failure(error).with_exit(exit)
}

/// The devices of a repository as they are meant to be.
pub(super) async fn of_repository(app: &mut App, folder: &Path) -> Result<Vec<DeviceSpec>> {
    let settings = app.settings()?;
    let scratch = app.scratch(&settings)?;
    let intent = app
        .intent(&settings, Origin::Worktree(folder.to_owned()), None)
        .await?;
    let fleet = app.fleet(&scratch.ctx, intent).await?;
    let prepared = fleet.devices.iter();
    prepared
        .map(|(name, prepared)| spec(&scratch.ctx, name, prepared))
        .collect()
}

fn spec(ctx: &Arc<Context>, name: &str, prepared: &Prepared) -> Result<DeviceSpec> {
    if let Some(fault) = prepared.fault() {
        return Err(CliError::usage(fault));
    }
    let (Some(device), Some(pack)) = (&prepared.device, &prepared.pack) else {
        return Err(CliError::usage(format!("`{name}` has no platform")));
    };
    let platform = Platform::named(&pack.name).ok_or_else(|| {
        CliError::usage(format!(
            "`{name}`: platform `{}` cannot be simulated",
            pack.name
        ))
    })?;
    let target = ctx.target(device).map_err(CliError::failure)?;
    let address: IpAddr = target.address.parse().map_err(|_| {
        CliError::usage(format!(
            "`{name}`: `{}` is not an address of this machine",
            target.address
        ))
        .hint("give it a `hostname` such as 127.1.0.1 to simulate it")
    })?;
    let text = prepared.intended.as_deref().unwrap_or_default();
    let mut sealer = ctx.sealer(device, text).map_err(CliError::failure)?;
    let sealed = sealer.intended(text, &pack.dialect);
    let opened = sealer
        .vault()
        .open(&sealed)
        .map_err(|token| CliError::failure(format!("`{name}`: no value behind {token}")))?;
    let mut spec = DeviceSpec::new(name, platform, opened.expose());
    spec.listen = SocketAddr::new(address, target.port);
    spec.username.clone_from(&target.login.username);
    if let Some(password) = &target.login.password {
        password.expose().clone_into(&mut spec.password);
    }
    Ok(spec)
}

/// Makes the devices' keys the known ones.
pub(super) fn trust(app: &App, fleet: &Fleet) -> Result<()> {
    let settings = app.settings()?;
    let path = settings.ssh.known_hosts.clone().ok_or_else(|| {
        CliError::usage(
            "--trust writes only into a file named by `ssh.known_hosts` of the settings",
        )
    })?;
    let hosts = KnownHosts::new(vec![path.clone()]);
    for device in fleet.devices() {
        let key = PublicKey::from_openssh(&device.host_key).map_err(CliError::failure)?;
        hosts
            .replace(&device.address, device.port, &key)
            .map_err(|e| {
                CliError::from(e).while_doing(format!("`{}` cannot be written", path.display()))
            })?;
    }
    Ok(())
}

//! `netkeel run`

use std::net::SocketAddr;
use std::time::Duration;

use super::app::App;
use super::error::Result;
use super::exit::Exit;
use crate::settings::parse_duration;

/// Follow the repository and the devices: the daemon.
///
/// Looks at every device at each interval, and at once when the branch moves (a local
/// repository is watched). Serves /metrics, /healthz, /readyz and /api/v1/devices. Devices
/// with `apply: auto` are brought in line, one first, then in growing waves.
///
/// Signals: the first SIGINT or SIGTERM starts nothing new and lets changes under way confirm
/// or undo; the second drops them and leaves them to the devices' own timers. SIGHUP looks at
/// everything now.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel run
  netkeel run --listen 0.0.0.0:9860 --interval 5m
  netkeel run --once --strict-data     # one pass over everything, for cron or CI")]
pub(crate) struct Args {
    /// Address to serve on [default: 127.0.0.1:9860].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How often every device is looked at [default: 15m].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    interval: Option<Duration>,
    /// One pass over every device, then end with the exit code of `netkeel status`.
    #[arg(long)]
    once: bool,
}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

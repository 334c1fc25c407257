//! `netkeel adopt`

use super::app::App;
use super::error::Result;
use super::exit::Exit;

/// Follow the repository and the devices: the daemon.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel adopt
  netkeel adopt --listen 0.0.0.0:9860 --interval 5m
  netkeel adopt --once --strict-data     # one pass over everything, for cron or CI")]
pub(crate) struct Args {}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

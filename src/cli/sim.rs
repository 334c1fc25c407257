//! `netkeel sim`

use std::net::SocketAddr;
use std::path::PathBuf;

use super::app::App;
use super::error::Result;
use super::exit::Exit;

/// Start simulated routers behind real SSH servers, until interrupted.
///
/// Prints one JSON line per device (name, platform, address, port, username, password,
/// host_key) and last {"ready":N}.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel sim --platform ios --count 3 --config router.cfg
  netkeel sim .netkeel/sim                 # one device per file: NAME.cfg
  netkeel sim DIR --clock 60               # their undo timers run sixty times faster")]
pub(crate) struct Args {
    /// A folder with one configuration per device, NAME.cfg.
    #[arg(value_name = "DIR", required_unless_present = "config")]
    folder: Option<PathBuf>,
    /// Platform of the devices (of a folder: by what is in the files).
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// How many devices with the same configuration; `{name}` in it becomes the name.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "config")]
    count: u16,
    /// Configuration of all of them.
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    config: Option<PathBuf>,
    /// Address of the first device; the others count up.
    #[arg(long, default_value = "127.1.0.1:2222", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// How many times faster the devices' own clocks run.
    #[arg(long, default_value_t = 1, value_name = "N")]
    clock: u32,
}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

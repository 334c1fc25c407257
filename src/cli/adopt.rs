//! `netkeel adopt`

use std::path::PathBuf;

use super::app::App;
use super::error::Result;
use super::exit::Exit;

/// Write an intent from what devices run, so that their first plan is empty.
///
/// The hosts must be in the inventory of the working tree. Each gets a file
/// intent/configs/NAME.cfg with the names of its secrets in place of their values; the values
/// go into files outside of the repository that only you can read, and the lines for the
/// settings are printed. Devices are only read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel adopt r1
  netkeel adopt r1 r2 --secrets /etc/netkeel/secrets")]
pub(crate) struct Args {
    /// The devices.
    #[arg(value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Folder for the values of secrets [default: `secrets` in the state folder].
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Write over an intent/configs/NAME.cfg that is there.
    #[arg(long)]
    overwrite: bool,
}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

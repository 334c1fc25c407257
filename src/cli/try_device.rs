//! `netkeel try`

use std::path::PathBuf;

use super::app::App;
use super::error::Result;
use super::exit::Exit;

/// Look at one router and show what Netkeel understands of it. Reads once, writes nothing,
/// remembers nothing, needs no repository and no settings.
///
/// Finds out the platform, reads facts and the running configuration, and shows how much of
/// it is understood, which secrets would be sealed, and what a change would need there. Asks
/// for the password unless a key or an agent does; honours ssh_config. An unknown host key
/// is shown and asked about, and written down only after a yes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel try admin@192.0.2.1
  netkeel try admin@router1:2222 --platform ios
  netkeel try router1 --key ~/.ssh/id_ed25519 --show")]
pub(crate) struct Args {
    /// Where: [USER@]HOST[:PORT], or a name of ssh_config.
    #[arg(value_name = "USER@HOST[:PORT]")]
    destination: String,
    /// The platform, instead of finding it out.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Private key to log in with.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// OpenSSH client configuration [default: ~/.ssh/config].
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    /// Print the configuration too, secrets sealed.
    #[arg(long)]
    show: bool,
}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

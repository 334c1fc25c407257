//! `netkeel demo`

use super::app::App;
use super::error::Result;
use super::exit::Exit;

/// Show everything on five simulated routers, within about a minute.
///
/// Makes a Git repository and a small fleet of its own in a temporary folder; touches nothing
/// else. On a terminal it leaves the metrics page up until Ctrl-C. Ends with 1 if any step did
/// not show what it should.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel demo
  netkeel demo --once        # ends by itself
  netkeel demo --once --fast # without pauses for reading")]
pub(crate) struct Args {
    /// End when the story is told.
    #[arg(long)]
    once: bool,
    /// No pauses for reading.
    #[arg(long)]
    fast: bool,
}

/// Runs it.
pub(crate) async fn run(_app: &mut App, _args: Args) -> Result<Exit> {
    unimplemented!()
}

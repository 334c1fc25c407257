//! `netkeel demo`
//!
//! * `story` is the list of steps, each a function that shows something and checks that it
//!   was there to be seen: the demo is a test as well; `changes` and `rails` have the rest;
//! * `make` makes the repository and the routers;
//! * `world` is what they happen in: a fleet, a repository, the controller in a process of
//!   its own (so that it can really be killed), commands as a person types them;
//! * `teller` is the pace and the look.

mod changes;
mod make;
mod rails;
mod story;
mod teller;
mod world;

use super::app::{App, until_signal};
use super::error::Result;
use super::exit::Exit;
use teller::Teller;
use world::World;

/// Show everything on seven simulated routers, within about a minute.
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
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let mut teller = Teller::new(app, args.fast);
    let mut world = World::start(&mut teller).await?;
    let told = story::tell(&mut teller, &mut world).await;
    if let Err(error) = told {
        teller.failed(&error)?;
        teller.output("tail controller.log", &world.log_end())?;
        world.stop().await;
        return Ok(Exit::Failure);
    }
    if !args.once && teller.interactive() {
        teller.last(&format!(
            "the metrics stay up at {}/metrics until Ctrl-C",
            world.url()
        ))?;
        teller.try_it()?;
        until_signal().await?;
    } else {
        teller.try_it()?;
    }
    world.stop().await;
    Ok(Exit::Fine)
}

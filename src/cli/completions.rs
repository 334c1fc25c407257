//! `netkeel completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::app::App;
use super::args::Cli;
use super::error::Result;
use super::exit::Exit;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel completions bash > /etc/bash_completion.d/netkeel
  netkeel completions zsh  > ~/.zfunc/_netkeel
  netkeel completions fish > ~/.config/fish/completions/netkeel.fish")]
pub(crate) struct Args {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs it.
pub(crate) fn run(app: &mut App, args: &Args) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "netkeel", &mut script);
    app.ui.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

//! The commands: one file each. Its doc comment is the command's help.
//!
//! * `args` is the command line, `exit` the table of exit codes, `error` the one place
//!   where an error becomes text, `ui` the terminal;
//! * `app` and `stage` are what commands share: settings, store, the controller's stages;
//! * `show` turns values of the model into text, purely.

mod app;
mod args;
mod error;
pub mod exit;
mod fleet;
mod logging;
mod look;
mod repository;
mod show;
mod stage;
mod ui;

mod accept;
mod adopt;
mod apply;
mod changes;
mod check;
mod completions;
mod config;
mod demo;
mod history;
mod hold;
mod init;
mod inventory;
mod plan;
mod provenance;
mod release;
mod render;
mod rollback;
mod run;
mod sim;
mod status;
mod try_device;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use app::App;
use args::{Cli, Command};
use error::{CliError, Result};
use exit::Exit;

/// Blocking work that is still under way (a slow Git server) does not keep the program alive.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Parses the arguments, runs the command, says the exit code.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == crate::evaluator::CHILD_ARG)
    {
        return crate::evaluator::child_main();
    }
    // Before any thread: libgit2 keeps its limits in globals.
    if let Err(error) = crate::source::init() {
        let mut ui = ui::Ui::process(ui::Color::Auto, false);
        ui.error(&CliError::failure(error));
        return Exit::Failure.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, the rest to standard
            // error with code 2; clap knows which. A reader that went away is no error.
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Fine
            };
            drop(error.print());
            return code.into();
        }
    };
    let mut app = App::new(cli.common);
    let exit = match execute(&mut app, cli.command) {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Fine,
        Err(error) => {
            app.ui.error(&error);
            error.exit()
        }
    };
    exit.into()
}

fn execute(app: &mut App, command: Command) -> Result<Exit> {
    if let (Some(name), Some(_)) = (command.unfiltered(), &app.common.filter) {
        let text = format!("`--filter` has no effect on `{name}`");
        return Err(CliError::usage(text).hint("leave it out; devices are named here"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::from(e).while_doing("the runtime could not be started"))?;
    let exit = runtime.block_on(dispatch(app, command));
    runtime.shutdown_timeout(LAST_WORDS);
    exit
}

async fn dispatch(app: &mut App, command: Command) -> Result<Exit> {
    match command {
        Command::Try(args) => Box::pin(try_device::run(app, args)).await,
        Command::Init(args) => init::run(app, &args),
        Command::Adopt(args) => Box::pin(adopt::run(app, args)).await,
        Command::Inventory(args) => Box::pin(inventory::run(app, args)).await,
        Command::Render(args) => Box::pin(render::run(app, args)).await,
        Command::Check(args) => Box::pin(check::run(app, args)).await,
        Command::Config(args) => config::run(app, &args),
        Command::Plan(args) => Box::pin(plan::run(app, args)).await,
        Command::Apply(args) => Box::pin(apply::run(app, args)).await,
        Command::Rollback(args) => Box::pin(rollback::run(app, args)).await,
        Command::Run(args) => Box::pin(run::run(app, args)).await,
        Command::Status(args) => status::run(app, &args),
        Command::History(args) => history::run(app, &args),
        Command::Hold(args) => hold::run(app, &args),
        Command::Release(args) => release::run(app, args).await,
        Command::Accept(args) => Box::pin(accept::run(app, args)).await,
        Command::Sim(args) => Box::pin(sim::run(app, args)).await,
        Command::Demo(args) => Box::pin(demo::run(app, args)).await,
        Command::Completions(args) => completions::run(app, &args),
    }
}

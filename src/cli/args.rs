//! The command line: common flags and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::ui::Color;
use super::{
    accept, adopt, apply, check, completions, demo, exit, history, hold, init, inventory, plan,
    release, render, rollback, run, sim, status, try_device,
};
use crate::model::Severity;
use crate::settings::{LogFormat, Overrides};

/// GitOps configuration compliance for networks: a Git repository of intent goes in, drift on
/// real devices comes out; a change is applied, and a bad one is undone.
///
/// The repository is the only truth. Netkeel reads it and the devices, and says how they
/// differ. Unless a host's `data.netkeel.apply` says otherwise, it never writes.
#[derive(Debug, Parser)]
#[command(name = "netkeel", version, after_help = exit::HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags every command understands.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common flags")]
pub(crate) struct Common {
    /// Repository of the intent: a path or a URL.
    #[arg(long, global = true, value_name = "PATH|URL")]
    pub(crate) repo: Option<String>,
    /// Branch or tag to use [default: main].
    #[arg(long = "ref", global = true, value_name = "REF")]
    pub(crate) reference: Option<String>,
    /// Settings file [default: ./netkeel.yaml, then /etc/netkeel/netkeel.yaml].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Folder of state and history.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Only these devices, e.g. 'platform=ios and site=lon'.
    #[arg(long, global = true, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Exit with 4 if a rule of this severity or above is broken.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "SEVERITY"
    )]
    pub(crate) fail_on: FailOn,
    /// Exit with 3 if there is drift, or something would change.
    #[arg(long, global = true)]
    pub(crate) detailed_exitcode: bool,
    /// Exit with 5 if a device is unknown or its data is stale.
    #[arg(long, global = true)]
    pub(crate) strict_data: bool,
    /// More to read; twice for more still.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Format of log lines.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFlag>,
    /// Colours.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// `--fail-on`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Any broken rule.
    Info,
    /// Low and above.
    Low,
    /// What makes a device non-compliant.
    #[default]
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
    /// Nothing.
    Never,
}

impl FailOn {
    /// True when a broken rule of this severity matters.
    pub(crate) fn matters(self, severity: Severity) -> bool {
        let least = match self {
            Self::Info => Severity::Info,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
            Self::Never => return false,
        };
        severity >= least
    }
}

/// `--log-format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFlag {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Common {
    /// What these flags say about the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            repository: self.repo.clone(),
            reference: self.reference.clone(),
            state: self.state.clone(),
            log_format: self.log_format.map(|format| match format {
                LogFlag::Text => LogFormat::Text,
                LogFlag::Json => LogFormat::Json,
            }),
            ..Overrides::default()
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Try(try_device::Args),
    Init(init::Args),
    Adopt(adopt::Args),
    Inventory(inventory::Args),
    Render(render::Args),
    Check(check::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Rollback(rollback::Args),
    Run(run::Args),
    Status(status::Args),
    History(history::Args),
    Hold(hold::Args),
    Release(release::Args),
    Accept(accept::Args),
    Sim(sim::Args),
    Demo(demo::Args),
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let long = command.get_long_about().or(command.get_about());
            let help = long.map(ToString::to_string).unwrap_or_default();
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(!help.is_empty(), "`{}` has no help", command.get_name());
            assert!(
                after.contains(&format!("netkeel {}", command.get_name())),
                "`{}` has no example",
                command.get_name()
            );
        }
    }

    #[test]
    fn every_command_is_documented() {
        let documentation = include_str!("../../docs/commands.md");
        for command in Cli::command().get_subcommands() {
            let title = format!("## `netkeel {}`", command.get_name());
            assert!(
                documentation.contains(&title),
                "docs/commands.md lacks: {title}"
            );
        }
    }

    #[test]
    fn common_flags_stand_before_or_after_the_command() {
        for line in ["netkeel --json status", "netkeel status --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().common.json);
        }
    }

    #[test]
    fn fail_on_includes_its_own_severity() {
        assert!(FailOn::Medium.matters(Severity::Medium));
        assert!(!FailOn::Medium.matters(Severity::Low));
        assert!(FailOn::Info.matters(Severity::Info));
        assert!(!FailOn::Never.matters(Severity::Critical));
    }
}

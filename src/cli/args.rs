//! The command line: common flags and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::ui::Color;
use super::{
    accept, adopt, apply, check, completions, config, demo, exit, history, hold, init, inventory,
    plan, release, render, rollback, run, sim, status, try_device,
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
    Config(config::Args),
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

impl Command {
    /// The command's name, if `--filter` has no effect on it: it takes no devices, or only
    /// those it is told by name.
    pub(crate) fn unfiltered(&self) -> Option<&'static str> {
        match self {
            Self::Try(_) => Some("try"),
            Self::Init(_) => Some("init"),
            Self::Adopt(_) => Some("adopt"),
            Self::Config(_) => Some("config"),
            Self::Rollback(_) => Some("rollback"),
            Self::History(_) => Some("history"),
            Self::Hold(_) => Some("hold"),
            Self::Release(_) => Some("release"),
            Self::Accept(args) => args.unfiltered(),
            Self::Sim(_) => Some("sim"),
            Self::Demo(_) => Some("demo"),
            Self::Completions(_) => Some("completions"),
            Self::Inventory(_)
            | Self::Render(_)
            | Self::Check(_)
            | Self::Plan(_)
            | Self::Apply(_)
            | Self::Run(_)
            | Self::Status(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

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

    /// Help as it is in `docs/commands.md`.
    fn reference() -> String {
        let mut cli = Cli::command()
            .term_width(100)
            .color(clap::ColorChoice::Never);
        cli.build();
        let common = ["repo", "settings", "filter", "json"];
        let mut text = format!(
            "## Common flags\n\n```text\n{}```\n",
            common_flags(&mut cli)
        );
        for command in cli.get_subcommands_mut() {
            let name = command.get_name().to_owned();
            if name == "help" {
                continue;
            }
            // The common flags are described once.
            let mut command = command.clone().mut_args(|arg| {
                let hide = arg.is_global_set() || common.contains(&arg.get_id().as_str());
                arg.hide(hide)
            });
            let help = command.render_long_help().to_string();
            let help: Vec<&str> = help.lines().map(str::trim_end).collect();
            let help = help.join("\n");
            let _ = writeln!(
                text,
                "\n## `netkeel {name}`\n\n```text\n{}\n```",
                help.trim_end()
            );
        }
        text
    }

    fn common_flags(cli: &mut clap::Command) -> String {
        let help = cli.render_long_help().to_string();
        let start = help
            .find("Common flags:")
            .expect("the heading of the common flags");
        let flags = &help[start..];
        let flags = flags.split("Exit codes").next().unwrap_or_default();
        let lines: Vec<&str> = flags.lines().map(str::trim_end).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }

    #[test]
    fn the_documentation_of_the_commands_is_their_help() {
        const MARK: &str = "<!-- from here on: the commands' own help, written by a test -->\n\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
        let documentation = std::fs::read_to_string(path).unwrap();
        let (intro, written) = documentation.split_once(MARK).expect("the mark");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, format!("{intro}{MARK}{}", reference())).unwrap();
        } else {
            assert_eq!(written, reference(), "run the tests with UPDATE=1");
        }
    }

    #[test]
    fn common_flags_stand_before_or_after_the_command() {
        for line in ["netkeel --json status", "netkeel status --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().common.json);
        }
    }

    #[test]
    fn commands_that_do_not_filter_are_known() {
        let unfiltered = |line: &str| {
            let words = line.split(' ');
            Cli::try_parse_from(words).unwrap().command.unfiltered()
        };
        assert_eq!(unfiltered("netkeel plan r1"), None);
        assert_eq!(unfiltered("netkeel release r1"), Some("release"));
        let key = "netkeel accept host-key r1 --why x";
        assert_eq!(unfiltered(key), Some("accept host-key"));
        assert_eq!(unfiltered("netkeel accept deletion 3f9c --why x"), None);
    }

    #[test]
    fn fail_on_includes_its_own_severity() {
        assert!(FailOn::Medium.matters(Severity::Medium));
        assert!(!FailOn::Medium.matters(Severity::Low));
        assert!(FailOn::Info.matters(Severity::Info));
        assert!(!FailOn::Never.matters(Severity::Critical));
    }
}

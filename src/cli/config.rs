//! `netkeel config`

use std::fmt::Write as _;
use std::io::{self, BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::show;
use crate::config::{Dialect, Scope, Sealer};
use crate::offline::{self, FileReport, OfflineError, Request, Solved, Task};
use crate::pack::{Pack, Packs};

const WRITES: &str = "writing to a String cannot fail";
/// Longest line of a batch: far above any configuration.
const MAX_QUESTION: u64 = 1 << 30;

/// Compare, check and replay configuration files, without a device and without a repository.
///
/// `check` says how much of a file is understood; `diff` shows what differs, the commands that
/// turn one into the other, and the proof of having replayed them; `simulate` types commands
/// into a configuration. No secret of a file is printed: equal secrets are equal tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel config check --platform eos backups/*.cfg
  netkeel config diff --platform junos running.conf intended.set
  netkeel config diff --platform ios --format commands running.cfg intended.cfg
  netkeel config diff --batch < questions.jsonl > answers.jsonl
  netkeel config simulate --platform iosxr running.cfg commands.txt")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Parse files and print them back: are the bytes equal, is the configuration complete, which
    /// lines does only the generic rule cover? Exit code 3 if a file does not survive.
    Check {
        #[command(flatten)]
        common: Offline,
        /// Configuration files; `-` is standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// What differs between two configurations, the commands, and their proof.
    Diff {
        #[command(flatten)]
        common: Offline,
        /// What the intent owns: everything, or only what it says.
        #[arg(long, value_enum, default_value_t, value_name = "SCOPE")]
        scope: ScopeFlag,
        /// What to print.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
        /// Answer questions, one JSON object a line:
        /// {"id","platform","running","intended","scope"?,"facts"?}.
        #[arg(long, conflicts_with_all = ["running", "intended"])]
        batch: bool,
        /// What the device runs.
        #[arg(required_unless_present = "batch")]
        running: Option<PathBuf>,
        /// What it should run.
        #[arg(required_unless_present = "batch")]
        intended: Option<PathBuf>,
    },
    /// The configuration after these commands.
    Simulate {
        #[command(flatten)]
        common: Offline,
        /// Answer questions, one JSON object a line: {"id","platform","running","commands"}.
        #[arg(long, conflicts_with_all = ["running", "commands"])]
        batch: bool,
        /// What the device runs.
        #[arg(required_unless_present = "batch")]
        running: Option<PathBuf>,
        /// The commands, one a line, from the top of configuration mode.
        #[arg(required_unless_present = "batch")]
        commands: Option<PathBuf>,
    },
    /// Check the dialects: every rule has an example, every example parses, adds, negates and
    /// survives.
    Lint {
        /// A pack's file instead of the built-in ones.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Offline {
    /// Platform, by its name or one of NAPALM's, Netmiko's or Scrapli's.
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Software version of the device, where its language depends on that.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Model of the device, where its language depends on that.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Refuse fragments: the configurations must be whole.
    #[arg(long)]
    complete: bool,
    /// Print secrets as they stand instead of tokens.
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ScopeFlag {
    /// The intent is the whole configuration.
    #[default]
    Replace,
    /// The intent says only what it cares about; a negated line demands absence.
    Merge,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The difference, the commands with their reasons, the proof.
    #[default]
    Text,
    /// One JSON object, as in a batch.
    Json,
    /// The difference as Markdown, for a comment.
    Markdown,
    /// The lines to type, nothing else.
    Commands,
    /// The lines that lead back, nothing else.
    Rollback,
}

/// Runs it.
pub(crate) fn run(app: &mut App, args: &Args) -> Result<Exit> {
    let packs = Packs::builtin().map_err(CliError::failure)?;
    match &args.command {
        Command::Check { common, files } => check(app, &packs, common, files),
        Command::Diff { common, batch, .. } if *batch => {
            answer(app, Task::Diff, &packs, common.show_secrets)
        }
        Command::Simulate { common, batch, .. } if *batch => {
            answer(app, Task::Simulate, &packs, common.show_secrets)
        }
        Command::Diff {
            common,
            scope,
            format,
            running: Some(running),
            intended: Some(intended),
            ..
        } => diff(app, &packs, common, *scope, *format, [running, intended]),
        Command::Simulate {
            common,
            running: Some(running),
            commands: Some(commands),
            ..
        } => simulate(app, &packs, common, running, commands),
        Command::Diff { .. } | Command::Simulate { .. } => {
            Err(CliError::usage("two files are needed, or `--batch`"))
        }
        Command::Lint { files } => lint(app, &packs, files),
    }
}

impl Offline {
    fn dialect(&self, packs: &Packs) -> Result<std::sync::Arc<Dialect>> {
        let Some(name) = &self.platform else {
            return Err(CliError::usage("which platform?")
                .hint(format!("`--platform NAME`: {}", packs.names().join(", "))));
        };
        let pack = packs.get(name).ok_or_else(|| {
            CliError::usage(format!("no platform `{name}`"))
                .hint(format!("there are: {}", packs.names().join(", ")))
        })?;
        Ok(pack.dialect_for(self.version.as_deref(), self.model.as_deref()))
    }
}

/// Equal secrets give equal tokens until this machine starts again, so that the output of
/// one run can be the input of another; nobody elsewhere can try values out.
fn sealer(show_secrets: bool) -> Sealer {
    if show_secrets {
        return Sealer::open();
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(b"netkeel config").expect("any key length is valid");
    for file in ["/etc/machine-id", "/proc/sys/kernel/random/boot_id"] {
        mac.update(&std::fs::read(file).unwrap_or_default());
    }
    mac.update(&rustix::process::getuid().as_raw().to_be_bytes());
    Sealer::new(
        mac.finalize().into_bytes().into(),
        std::collections::BTreeMap::new(),
    )
}

/// A file as text. Bytes that are no UTF-8 are read as Latin-1, so that none is lost.
fn text_of(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes =
            std::fs::read(path).map_err(|e| CliError::usage(format!("{}: {e}", path.display())))?;
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|e| e.into_bytes().into_iter().map(char::from).collect()))
}

fn offline_error(error: &OfflineError) -> CliError {
    let fragment = matches!(error, OfflineError::Incomplete { .. });
    let error = CliError::usage(error.to_string());
    if fragment {
        error.hint("leave `--complete` out for fragments")
    } else {
        error
    }
}

fn check(app: &mut App, packs: &Packs, common: &Offline, files: &[PathBuf]) -> Result<Exit> {
    let dialect = common.dialect(packs)?;
    let mut sealer = sealer(common.show_secrets);
    let mut exit = Exit::Fine;
    let mut reports = Vec::with_capacity(files.len());
    let mut progress = app.ui.progress(files.len(), "reading");
    for path in files {
        let text = text_of(path)?;
        let report = offline::check(&path.display().to_string(), &text, &dialect, &mut sealer);
        if !report.equal {
            exit = Exit::Changes;
        }
        if common.complete && !report.complete {
            exit = exit.and(Exit::Usage);
        }
        progress.step();
        reports.push(report);
    }
    drop(progress);
    if app.ui.json {
        app.ui
            .document(&serde_json::json!({ "schema": 1, "files": reports }))?;
    } else {
        for report in &reports {
            app.ui.print(&shown(report, app.common.verbose > 0))?;
        }
        app.ui.line(&total(&reports))?;
    }
    Ok(exit)
}

/// One file, for a person.
fn shown(report: &FileReport, all: bool) -> String {
    const SHOWN: usize = 10;
    let equal = if report.equal {
        "same bytes"
    } else {
        "BYTES DIFFER"
    };
    let complete = match &report.incomplete_because {
        None => "complete".to_owned(),
        Some(why) => format!("a fragment ({why})"),
    };
    let mut text = format!(
        "{}: {equal}, {complete}, {}, {} of them by the generic rule only\n",
        report.file,
        show::count(report.lines, "line"),
        report.generic
    );
    let shown = if all { usize::MAX } else { SHOWN };
    for place in report.generic_lines.iter().take(shown) {
        writeln!(text, "  {}: {}", place.line, place.text).expect(WRITES);
    }
    if report.generic_lines.len() > shown {
        writeln!(
            text,
            "  and {} more (`-v` shows them)",
            report.generic_lines.len() - shown
        )
        .expect(WRITES);
    }
    for place in &report.unreadable {
        writeln!(text, "  {}: not understood: {}", place.line, place.text).expect(WRITES);
    }
    text
}

fn total(reports: &[FileReport]) -> String {
    let sum = |of: fn(&FileReport) -> usize| reports.iter().map(of).sum::<usize>();
    let (lines, generic) = (sum(|r| r.lines), sum(|r| r.generic));
    format!(
        "{}, {} with the same bytes, {} complete; {}, {generic} by the generic rule only",
        show::count(reports.len(), "file"),
        sum(|r| usize::from(r.equal)),
        sum(|r| usize::from(r.complete)),
        show::count(lines, "line"),
    )
}

fn diff(
    app: &mut App,
    packs: &Packs,
    common: &Offline,
    scope: ScopeFlag,
    format: Format,
    files: [&PathBuf; 2],
) -> Result<Exit> {
    let dialect = common.dialect(packs)?;
    let [running, intended] = [text_of(files[0])?, text_of(files[1])?];
    let request = Request {
        running: &running,
        intended: &intended,
        scope: Scope {
            full: scope == ScopeFlag::Replace,
            sections: Vec::new(),
        },
        complete: common.complete,
    };
    let mut sealer = sealer(common.show_secrets);
    let solved = offline::solve(&request, &dialect, &mut sealer).map_err(|e| offline_error(&e))?;
    let format = if app.ui.json { Format::Json } else { format };
    print(app, &solved, format)?;
    Ok(if solved.compliant() || !app.common.detailed_exitcode {
        Exit::Fine
    } else {
        Exit::Changes
    })
}

fn print(app: &mut App, solved: &Solved, format: Format) -> Result<()> {
    match format {
        Format::Json => app.ui.document(&solved.document()),
        Format::Markdown => app.ui.print(&solved.markdown()),
        Format::Commands => lines(app, &solved.remediation),
        Format::Rollback => lines(app, &solved.rollback),
        Format::Text => {
            let text = show::solved(solved, app.ui.paint());
            app.ui.print(&text)
        }
    }
}

fn lines(app: &mut App, commands: &[crate::model::Command]) -> Result<()> {
    for line in offline::typed(commands) {
        app.ui.line(line)?;
    }
    Ok(())
}

fn simulate(
    app: &mut App,
    packs: &Packs,
    common: &Offline,
    running: &Path,
    commands: &Path,
) -> Result<Exit> {
    let dialect = common.dialect(packs)?;
    let (running, commands) = (text_of(running)?, text_of(commands)?);
    let lines: Vec<&str> = commands.lines().collect();
    let mut sealer = sealer(common.show_secrets);
    let result = offline::simulate(&running, &lines, &dialect, &mut sealer)
        .map_err(|e| offline_error(&e))?;
    if app.ui.json {
        app.ui
            .document(&serde_json::json!({ "schema": 1, "result": result }))?;
    } else {
        app.ui.print(&result)?;
    }
    Ok(Exit::Fine)
}

/// Answers the questions on standard input.
fn answer(app: &mut App, task: Task, packs: &Packs, show_secrets: bool) -> Result<Exit> {
    let mut input = io::stdin().lock();
    let mut sealer = sealer(show_secrets);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input
            .by_ref()
            .take(MAX_QUESTION)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(Exit::Fine);
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let answer = offline::line(task, &text, packs, &mut sealer);
        app.ui.raw(&answer.to_string())?;
    }
}

fn lint(app: &mut App, packs: &Packs, files: &[PathBuf]) -> Result<Exit> {
    let mut checked: Vec<std::sync::Arc<Pack>> = Vec::new();
    let mut known = packs.clone();
    for path in files {
        let name = path.display().to_string();
        let text = text_of(path)?;
        let pack = Pack::load(&name, &text, &known).map_err(|e| CliError::usage(e.to_string()))?;
        let name = pack.name.clone();
        known.replace(pack);
        checked.extend(known.get(&name));
    }
    if files.is_empty() {
        let names = packs.names();
        checked.extend(names.iter().filter_map(|name| packs.get(name)));
    }
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    for pack in &checked {
        let found = pack.dialect.lint(pack.spec());
        rows.push(serde_json::json!({
            "platform": pack.name,
            "rules": pack.dialect.rules(),
            "faults": found,
        }));
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("{}: {fault}", pack.name)),
        );
    }
    if app.ui.json {
        app.ui
            .document(&serde_json::json!({ "schema": 1, "packs": rows }))?;
    } else {
        for fault in &faults {
            app.ui.line(fault)?;
        }
        for pack in &checked {
            let rules = show::count(pack.dialect.rules(), "rule");
            app.ui.line(&format!("{}: {rules}", pack.name))?;
        }
    }
    Ok(if faults.is_empty() {
        Exit::Fine
    } else {
        Exit::Usage
    })
}

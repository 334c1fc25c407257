//! The `session` and `getters` sections of a pack: how a CLI is talked to.
//!
//! Patterns are compiled while the file is read, so a faulty one is an error with its place
//! in the file, and a loaded pack never fails on a device because of it.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer};

/// Largest compiled size of one pattern of a pack, in bytes: a pack from a repository must
/// not be able to exhaust memory.
const PATTERN_LIMIT: usize = 1 << 20;

/// A compiled linear-time pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles one, multi-line (`^` and `$` are line ends).
    ///
    /// # Errors
    /// What the pattern's syntax lacks.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        RegexBuilder::new(text)
            .multi_line(true)
            .size_limit(PATTERN_LIMIT)
            .build()
            .map(Self)
    }

    /// The compiled pattern.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.0
    }

    /// Whether it matches somewhere.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The first group's text, or the whole match where there is no group.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let found = self.0.captures(text)?;
        found
            .iter()
            .skip(1)
            .flatten()
            .next()
            .or_else(|| found.get(0))
            .map(|m| m.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// A pattern with the ground it stands on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What the device prints.
    pub text: Pattern,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from (`live`, `doc`, `code`, `field`, and the place).
    #[serde(default)]
    pub evidence: Option<String>,
}

/// The kinds of prompt a session can stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    /// A shell of the operating system below.
    Shell,
    /// Reading only, before `enable`.
    User,
    /// Where everything can be read and configuration begins.
    Exec,
    /// Configuration lines are taken.
    Config,
}

/// One mode and its prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeSpec {
    /// Which.
    pub name: ModeName,
    /// The whole last line while it waits; group `host` is the host name.
    pub prompt: Pattern,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// A question the device may ask, and what is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSpec {
    /// The whole last line while it waits.
    pub text: Pattern,
    /// What is sent, exactly (no line end is added).
    pub answer: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// A command and its ground.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// What is typed.
    pub send: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// The terminal asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSpec {
    /// Terminal type.
    pub kind: String,
    /// Width in columns.
    pub columns: u32,
    /// Height in rows.
    pub rows: u32,
}

impl Default for TerminalSpec {
    /// The type every device knows, and wide enough that lines are not folded.
    fn default() -> Self {
        Self {
            kind: "vt100".to_owned(),
            columns: 511,
            rows: 100,
        }
    }
}

/// How more rights are had.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnableSpec {
    /// The command.
    pub send: String,
    /// The question for the secret.
    pub ask: Pattern,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// How it is proved that a read shows everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofSpec {
    /// The command.
    pub send: String,
    /// What its output must show.
    pub proves: Pattern,
    /// What it means when it does not.
    pub otherwise: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// A text of several lines that the device takes as one argument (banners): no prompt
/// comes between its lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiteralSpec {
    /// The first line; group `head` is kept, group `delim` is the delimiter as displayed.
    pub start: Pattern,
    /// Delimiters to type instead, the first that does not occur in the text.
    pub delimiters: String,
    /// From which version on.
    #[serde(default)]
    pub since: Option<String>,
    /// Where that is known from.
    #[serde(default)]
    pub evidence: Option<String>,
}

/// The commands that read datastores.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadSpec {
    /// Proof of full sight, before.
    #[serde(default)]
    pub proof: Option<ProofSpec>,
    /// Reads running.
    #[serde(default)]
    pub running: Option<CommandSpec>,
    /// Reads startup, where it is a datastore of its own.
    #[serde(default)]
    pub startup: Option<CommandSpec>,
}

/// What gives a platform away to a stranger.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectSpec {
    /// The SSH server's version string.
    pub ssh: Vec<Known>,
    /// The output of `show version`.
    pub version: Vec<Known>,
    /// What shows the same at the prompt of a shell, for a CLI that is a program.
    pub from_shell: Option<CommandSpec>,
}

/// How to talk to a platform's CLI.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSpec {
    /// Terminal asked for.
    pub terminal: TerminalSpec,
    /// Ends a typed line: `"\n"` or `"\r"`.
    pub line_end: String,
    /// Begins a comment line in every mode; it carries the marks by which output is told
    /// from prompts.
    pub comment: String,
    /// Modes and prompts, tried in this order.
    pub modes: Vec<ModeSpec>,
    /// Pagers, in case one is on.
    pub pagers: Vec<AnswerSpec>,
    /// Questions that may be answered; any other question is a silence that times out.
    pub questions: Vec<AnswerSpec>,
    /// Answers that look like refusals and are none; asked before `refusals`.
    pub harmless: Vec<Known>,
    /// Answers that are refusals.
    pub refusals: Vec<Known>,
    /// Log lines that come in between; each has a `%` in it (lines without one are not tried).
    pub asynchronous: Vec<Known>,
    /// Typed once after login; a refusal of one of them is of no consequence.
    pub setup: Vec<CommandSpec>,
    /// Starts the CLI from a shell login.
    pub from_shell: Option<CommandSpec>,
    /// Gets from [`ModeName::User`] to [`ModeName::Exec`].
    pub enable: Option<EnableSpec>,
    /// Enters configuration.
    pub configure: Option<CommandSpec>,
    /// Leaves it for [`ModeName::Exec`] from any depth.
    pub leave: Option<CommandSpec>,
    /// Texts of several lines.
    pub literals: Vec<LiteralSpec>,
    /// Reading datastores.
    pub read: ReadSpec,
    /// Telling this platform from others.
    pub detect: DetectSpec,
}

/// How to ask for typed facts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GetterSpec {
    /// The command.
    pub command: String,
    /// Per field, patterns tried in order; the first group of the first match is its value.
    pub fields: BTreeMap<String, Vec<Known>>,
}

//! An independent replay of the emitted text. Shares no code with the planner.
//!
//! The commands are typed, one by one, into a tree laid over the base document, as a device
//! would take them: a line finds its context (the innermost that knows it), a positive line
//! fills its slot, a negation empties one, cascades and numbering follow. From the dialect
//! come facts only (what a line means where); which commands to type, nobody here knows.
//!
//! One thing a dialect cannot say: whether a device that has just taken `no X` prints `no X`
//! from then on or nothing. [`replay`] believes the dialect (`negative: shown`: it prints
//! it). [`replay_toward`] is told what the result is meant to be, and where only this
//! question is open it takes the answer that fits; reading the device again after a change
//! settles it.

mod book;
mod edit;
mod ground;
mod lines;
mod literal;
mod paths;
mod print;
mod slots;
#[cfg(test)]
mod tests;
mod tree;
mod xml;

use super::dialect::Dialect;
use super::document::{Document, Form};
use super::resolve;
use super::spec::Family;
use crate::model::Hazard;
use ground::Ground;
use tree::BlockId;

/// What a replay led to.
#[derive(Clone, Debug)]
pub struct Replay<'d> {
    result: Outcome<'d>,
    dialect: &'d Dialect,
    form: Form,
    /// Dangerous moments between commands (dangling reference, fail-open), for a person.
    pub hazards: Vec<Hazard>,
    /// Commands that only the generic rule covers.
    pub generic: Vec<String>,
}

/// The configuration afterwards.
#[derive(Clone, Debug)]
enum Outcome<'d> {
    Tree(Box<Ground<'d>>),
    /// A file that is replaced as a whole.
    File(Box<Document>),
}

impl<'d> Replay<'d> {
    /// Whether this means the same as a document. Cheap where little was changed.
    #[must_use]
    pub fn equals(&self, document: &Document) -> bool {
        let hash = match &self.result {
            Outcome::Tree(ground) => ground.tree.hash(BlockId::TOP, self.dialect),
            Outcome::File(file) => resolve::whole(file),
        };
        hash == resolve::whole(document)
    }

    /// The configuration as text, in the form of the base.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.result {
            Outcome::Tree(ground) => print::text(&ground.tree, self.dialect, self.form),
            Outcome::File(file) => file.text().to_owned(),
        }
    }

    /// The configuration as a document.
    #[must_use]
    pub fn document(&self) -> Document {
        match &self.result {
            Outcome::Tree(_) => Document::parse(&self.text(), self.dialect),
            Outcome::File(file) => (**file).clone(),
        }
    }

    /// Types more commands into the result.
    ///
    /// # Errors
    /// The first command that cannot be.
    pub fn and_then(
        self,
        commands: &[&str],
        goal: Option<&'d Document>,
    ) -> Result<Self, ReplayError> {
        match self.result {
            Outcome::File(_) if commands.is_empty() => Ok(self),
            Outcome::File(_) => Ok(whole_file(commands, self.dialect)),
            Outcome::Tree(mut ground) => {
                ground.aim(goal);
                run(ground, commands, self.dialect, self.form)
            }
        }
    }
}

/// Why a replay stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command {index} `{line}`: {why}")]
pub struct ReplayError {
    /// Which command, from 1.
    pub index: usize,
    /// The command (sealed).
    pub line: String,
    /// Why it cannot be.
    pub why: String,
}

/// Types `commands` into `base`, as the device would take them from its configuration mode.
///
/// # Errors
/// The first command that cannot be.
pub fn replay<'d>(
    base: &'d Document,
    commands: &[&str],
    dialect: &'d Dialect,
) -> Result<Replay<'d>, ReplayError> {
    start(base, commands, dialect, None)
}

/// As [`replay`]; where the dialect leaves open how the device prints a negation, `goal`
/// decides.
///
/// # Errors
/// The first command that cannot be.
pub fn replay_toward<'d>(
    goal: &'d Document,
    base: &'d Document,
    commands: &[&str],
    dialect: &'d Dialect,
) -> Result<Replay<'d>, ReplayError> {
    start(base, commands, dialect, Some(goal))
}

fn start<'d>(
    base: &'d Document,
    commands: &[&str],
    dialect: &'d Dialect,
    goal: Option<&'d Document>,
) -> Result<Replay<'d>, ReplayError> {
    if dialect.whole_file {
        return Ok(if commands.is_empty() {
            as_it_is(base, dialect)
        } else {
            whole_file(commands, dialect)
        });
    }
    let ground = Box::new(Ground::new(base, dialect, goal));
    run(ground, commands, dialect, base.form())
}

/// No new file was written.
fn as_it_is<'d>(base: &Document, dialect: &'d Dialect) -> Replay<'d> {
    Replay {
        result: Outcome::File(Box::new(base.clone())),
        dialect,
        form: Form::Blocks,
        hazards: Vec::new(),
        generic: Vec::new(),
    }
}

fn whole_file<'d>(commands: &[&str], dialect: &'d Dialect) -> Replay<'d> {
    let mut text = commands.join("\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Replay {
        result: Outcome::File(Box::new(Document::parse(&text, dialect))),
        dialect,
        form: Form::Blocks,
        hazards: Vec::new(),
        generic: Vec::new(),
    }
}

/// A device in configuration mode.
trait Machine {
    /// Takes the first of these lines (all of a literal); how many lines that were.
    fn command(
        &mut self,
        ground: &mut Ground<'_>,
        lines: &[&str],
        generic: &mut Vec<String>,
    ) -> Result<usize, String>;

    /// What is wrong once everything was typed.
    fn end(&self) -> Option<String> {
        None
    }
}

fn run<'d>(
    mut ground: Box<Ground<'d>>,
    commands: &[&str],
    dialect: &'d Dialect,
    form: Form,
) -> Result<Replay<'d>, ReplayError> {
    let mut lines = Vec::with_capacity(commands.len());
    let mut numbers = Vec::with_capacity(commands.len());
    for (at, command) in commands.iter().enumerate() {
        for line in command.split('\n') {
            lines.push(line);
            numbers.push(at + 1);
        }
    }
    let mut machine: Box<dyn Machine> = match dialect.family {
        Family::Brace => Box::new(paths::Paths),
        Family::Edit => Box::new(edit::Edit::default()),
        Family::Xml => Box::new(xml::Xml::default()),
        Family::Indent | Family::Grammar | Family::File => Box::new(lines::Lines::default()),
    };
    let mut hazards: Vec<Hazard> = Vec::new();
    let mut generic = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (index, line) = (numbers[at], lines[at].trim());
        let taken = machine.command(&mut ground, &lines[at..], &mut generic);
        at += taken.map_err(|why| ReplayError {
            index,
            line: line.to_owned(),
            why,
        })?;
        // What a transaction leaves in between, nobody sees.
        if !dialect.transactional || at >= lines.len() {
            look(&mut ground, index, line, &mut hazards);
        }
    }
    if let Some(why) = machine.end() {
        return Err(ReplayError {
            index: commands.len(),
            line: lines.last().map_or("", |l| l.trim()).to_owned(),
            why,
        });
    }
    Ok(Replay {
        result: Outcome::Tree(ground),
        dialect,
        form,
        hazards,
        generic,
    })
}

/// Notes what has become dangerous with the last command.
fn look(ground: &mut Ground<'_>, index: usize, line: &str, hazards: &mut Vec<Hazard>) {
    for (kind, danger) in ground.dangers() {
        let text = format!("after `{line}`: {danger}");
        if !hazards.iter().any(|h| h.text == text) {
            hazards.push(Hazard {
                line: index,
                kind,
                text,
            });
        }
    }
}

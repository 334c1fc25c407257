//! An independent replay of the emitted text. Shares no code with the planner.
//!
//! The commands are typed, one by one, into a tree made from the base document, as a device
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
mod literal;
mod slots;
#[cfg(test)]
mod tests;
mod tree;

use super::dialect::{ContextId, Dialect, RuleId};
use super::document::Document;
use slots::{Applied, Site};
use tree::Tree;

/// What a replay led to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The configuration afterwards.
    pub document: Document,
    /// Dangerous moments between commands (dangling reference, fail-open), for a person.
    pub hazards: Vec<String>,
    /// Commands that only the generic rule covers.
    pub generic: Vec<String>,
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
pub fn replay(
    base: &Document,
    commands: &[&str],
    dialect: &Dialect,
) -> Result<Replay, ReplayError> {
    run(base, commands, dialect, None)
}

/// As [`replay`]; where the dialect leaves open how the device prints a negation, `goal`
/// decides.
///
/// # Errors
/// The first command that cannot be.
pub fn replay_toward(
    goal: &Document,
    base: &Document,
    commands: &[&str],
    dialect: &Dialect,
) -> Result<Replay, ReplayError> {
    run(base, commands, dialect, Some(goal))
}

fn run(
    base: &Document,
    commands: &[&str],
    dialect: &Dialect,
    goal: Option<&Document>,
) -> Result<Replay, ReplayError> {
    let lines: Vec<(usize, &str)> = commands
        .iter()
        .enumerate()
        .flat_map(|(at, command)| command.split('\n').map(move |line| (at + 1, line)))
        .collect();
    let mut machine = Machine {
        dialect,
        tree: Tree::of(base, dialect),
        goal: goal.map(|g| Tree::of(g, dialect)),
        path: Vec::new(),
        contexts: vec![ContextId::TOP],
        hazards: Vec::new(),
        generic: Vec::new(),
    };
    let mut at = 0;
    while let Some((index, line)) = lines.get(at) {
        let rest: Vec<&str> = lines[at..].iter().map(|(_, l)| *l).collect();
        at += machine.command(&rest).map_err(|why| ReplayError {
            index: *index,
            line: line.trim().to_owned(),
            why,
        })?;
        machine.look(line);
    }
    Ok(Replay {
        document: Document::parse(&machine.tree.text(dialect), dialect),
        hazards: machine.hazards,
        generic: machine.generic,
    })
}

/// A device in configuration mode.
struct Machine<'d> {
    dialect: &'d Dialect,
    tree: Tree,
    goal: Option<Tree>,
    /// Headers of the blocks we are in.
    path: Vec<String>,
    /// Their contexts, the top level first.
    contexts: Vec<ContextId>,
    hazards: Vec<String>,
    generic: Vec<String>,
}

impl Machine<'_> {
    /// Takes the first of these lines (all of a literal); how many lines that were.
    fn command(&mut self, lines: &[&str]) -> Result<usize, String> {
        let line = lines[0].trim();
        if line.is_empty() {
            return Ok(1);
        }
        if let Some(levels) = self.dialect.leaves(line) {
            self.leave(levels)?;
            return Ok(1);
        }
        let depth = self.depth_of(line);
        self.path.truncate(depth);
        self.contexts.truncate(depth + 1);
        let context = self.contexts[depth];
        let meaning = self.dialect.meaning(context, line);
        if meaning.rule == RuleId::GENERIC {
            self.generic.push(line.to_owned());
        }
        let site = Site {
            dialect: self.dialect,
            path: &self.path,
            goal: self.goal.as_ref(),
        };
        if let Some((body, used)) = site.literal(&meaning, lines)? {
            literal::put(&mut self.tree, &site, &meaning, body)?;
            return Ok(used);
        }
        match slots::apply(&mut self.tree, &site, &meaning)? {
            Applied::Done => {}
            Applied::Line { text, opens } => {
                let opens = opens.or_else(|| self.unknown_block(&text, &lines[1..]));
                if let Some(inside) = opens {
                    self.path.push(text);
                    self.contexts.push(inside);
                }
            }
        }
        Ok(1)
    }

    fn leave(&mut self, levels: usize) -> Result<(), String> {
        if self.path.is_empty() {
            return Err("leaves configuration mode before the last command".to_owned());
        }
        let left = self.path.len().saturating_sub(levels);
        self.path.truncate(left);
        self.contexts.truncate(left + 1);
        Ok(())
    }

    /// How deep the line stands: the innermost context that knows it; the innermost of all
    /// if none does.
    fn depth_of(&self, line: &str) -> usize {
        depth_of(self.dialect, &self.contexts, line)
    }

    /// Whether a line no rule knows opens a block: it has children already, or is meant to
    /// have; where nothing is known of it, if a later line would leave configuration mode
    /// without it.
    fn unknown_block(&self, text: &str, rest: &[&str]) -> Option<ContextId> {
        let generic = self.dialect.meaning(*self.contexts.last()?, text).rule == RuleId::GENERIC;
        if !generic {
            return None;
        }
        let filled = |tree: &Tree| {
            let entry = tree.at(&self.path)?.iter().find(|e| e.text == text)?;
            Some(!entry.children.is_empty())
        };
        let block = match (filled(&self.tree), self.goal.as_ref().and_then(filled)) {
            (Some(true), _) | (_, Some(true)) => true,
            (_, Some(false)) => false,
            (_, None) => self.unbalanced(rest),
        };
        block.then_some(ContextId::UNKNOWN)
    }

    /// Whether these lines leave one block more than they enter.
    fn unbalanced(&self, lines: &[&str]) -> bool {
        let mut contexts = self.contexts.clone();
        for line in lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()) {
            if let Some(levels) = self.dialect.leaves(line) {
                if contexts.len() == 1 {
                    return true;
                }
                contexts.truncate(contexts.len().saturating_sub(levels).max(1));
                continue;
            }
            contexts.truncate(depth_of(self.dialect, &contexts, line) + 1);
            let context = contexts.last().copied().unwrap_or(ContextId::TOP);
            contexts.extend(self.dialect.meaning(context, line).opens);
        }
        false
    }

    /// Notes what has become dangerous with the last command.
    fn look(&mut self, line: &str) {
        for danger in self.tree.book.dangers() {
            let text = format!("after `{}`: {danger}", line.trim());
            if !self.hazards.contains(&text) {
                self.hazards.push(text);
            }
        }
    }
}

fn depth_of(dialect: &Dialect, contexts: &[ContextId], line: &str) -> usize {
    let innermost = contexts.len() - 1;
    let opens = |c: ContextId| dialect.meaning(c, line).opens.is_some();
    for depth in (0..contexts.len()).rev() {
        let context = contexts[depth];
        if context == ContextId::UNKNOWN {
            // Inside a block no rule knows, only what opens a known block further out
            // leads out of it.
            if depth == innermost && !contexts[..depth].iter().any(|c| opens(*c)) {
                return depth;
            }
        } else if dialect.knows(context, line) {
            return depth;
        }
    }
    innermost
}

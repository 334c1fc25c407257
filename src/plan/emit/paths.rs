//! One path a command: `set …`, `delete …`, `insert … before …`.

use super::super::change::{Action, Change, Line, Pair};
use super::{why, worst};
use crate::config::dialect::PathWords;
use crate::model::{Command, Disruption};

/// Writes the commands for changes in this order.
pub(super) fn emit(
    pair: Pair<'_>,
    words: PathWords<'_>,
    changes: &[Change],
    order: &[usize],
) -> Vec<Command> {
    let mut writer = Writer {
        pair,
        words,
        commands: Vec::new(),
    };
    for index in order {
        writer.change(&changes[*index]);
    }
    writer.commands
}

struct Writer<'a> {
    pair: Pair<'a>,
    words: PathWords<'a>,
    commands: Vec<Command>,
}

impl Writer<'_> {
    fn push(&mut self, line: &str, why: String, disruption: Disruption) {
        self.commands.push(Command {
            line: self.pair.dialect.quoted(line),
            why,
            disruption,
        });
    }

    fn change(&mut self, change: &Change) {
        let (pair, words) = (self.pair, self.words);
        let path = change.path.join(" ");
        let risk = |line: &Line| pair.dialect.disruption(&line.meaning);
        if let (Some(negation), Some(old)) = (&change.negation, change.old()) {
            let what = negation.split_once(' ').map_or("", |(_, what)| what);
            let line = join(&[words.delete, &path, what]);
            let worst = worst(pair, pair.from, old);
            self.push(&line, why(pair, &change.action, old), worst);
        }
        match &change.action {
            Action::Switch(line, off) => {
                let word = if *off {
                    words.deactivate
                } else {
                    words.activate
                };
                let text = join(&[word, &path, &line.meaning.canonical]);
                self.push(&text, why(pair, &change.action, line), risk(line));
            }
            Action::Place(line, other, behind) => {
                let word = if *behind { "after" } else { "before" };
                let (own, other) = (&line.meaning.canonical, &other.meaning.canonical);
                let text = join(&[words.insert, &path, own, word, other]);
                self.push(&text, why(pair, &change.action, line), risk(line));
            }
            Action::Remove(_) => {}
            Action::Add(line) | Action::Replace(_, line) | Action::Restore(line, _) => {
                self.subtree(&change.action, &path, line, change.typed.as_deref());
            }
        }
    }

    /// A line for every leaf.
    fn subtree(&mut self, action: &Action, path: &str, line: &Line, typed: Option<&str>) {
        let doc = self.pair.source(action);
        let own = typed.unwrap_or(&line.meaning.canonical);
        let whole = join(&[path, own]);
        let children = doc.commands(Some(line.id));
        let replaced = matches!(action, Action::Replace(_, new) if new.id == line.id);
        if children.is_empty() || replaced {
            let risk = self.pair.dialect.disruption(&line.meaning);
            let text = join(&[self.words.set, &whole]);
            self.push(&text, why(self.pair, action, line), risk);
        }
        if !replaced {
            for child in children {
                let meaning = doc.meaning(*child, self.pair.dialect);
                let child = Line {
                    id: *child,
                    meaning,
                };
                self.subtree(action, &whole, &child, None);
            }
        }
        if doc.node(line.id).inactive && !self.words.deactivate.is_empty() {
            let text = join(&[self.words.deactivate, &whole]);
            self.push(&text, why(self.pair, action, line), Disruption::None);
        }
    }
}

/// The parts that are not empty, with blanks between them.
fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
    parts.join(" ")
}

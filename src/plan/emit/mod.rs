//! Ordered changes -> the lines to type, blocks entered and left.

mod paths;
mod xml;

use super::change::{Action, Change, Line, Pair};
use crate::config::dialect::{ContextId, Event, Typing};
use crate::config::{Document, NodeId};
use crate::model::{Command, Disruption};

/// Writes the commands for changes in this order.
pub(super) fn emit(pair: Pair<'_>, changes: &[Change], order: &[usize]) -> Vec<Command> {
    match pair.dialect.typing() {
        Typing::Lines => lines(pair, changes, order),
        Typing::Paths(words) => paths::emit(pair, words, changes, order),
        Typing::File => file(pair, changes),
        Typing::Xml => xml::emit(pair, changes, order),
    }
}

/// The new file, line by line.
fn file(pair: Pair<'_>, changes: &[Change]) -> Vec<Command> {
    let disruption = changes
        .iter()
        .map(|change| pair.dialect.disruption(&change.subject().meaning))
        .max()
        .unwrap_or_default();
    let text = pair.to.text();
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    lines
        .map(|line| Command {
            line: line.to_owned(),
            why: "a line of the new file".to_owned(),
            disruption,
        })
        .collect()
}

fn lines(pair: Pair<'_>, changes: &[Change], order: &[usize]) -> Vec<Command> {
    let mut writer = Writer {
        pair,
        inside: Vec::new(),
        commands: Vec::new(),
    };
    for index in order {
        let change = &changes[*index];
        writer.enter(&change.path);
        writer.change(change);
    }
    writer.enter(&[]);
    writer.commands
}

struct Writer<'a> {
    pair: Pair<'a>,
    /// Headers of the blocks we are in, with the line that leaves each.
    inside: Vec<(String, String)>,
    commands: Vec<Command>,
}

impl Writer<'_> {
    fn push(&mut self, line: impl Into<String>, why: impl Into<String>, disruption: Disruption) {
        self.commands.push(Command {
            line: self.pair.dialect.quoted(&line.into()),
            why: why.into(),
            disruption,
        });
    }

    /// Leaves and enters blocks until we are where `path` says.
    fn enter(&mut self, path: &[String]) {
        let inside = self.inside.iter();
        let shared = inside.zip(path).take_while(|((a, _), b)| a == *b).count();
        while self.inside.len() > shared {
            if let Some((header, exit)) = self.inside.pop() {
                self.push(exit, format!("leaves `{header}`"), Disruption::None);
            }
        }
        for depth in shared..path.len() {
            let headers: Vec<&str> = path[..=depth].iter().map(String::as_str).collect();
            let context = self.pair.dialect.context(&headers);
            let exit = self.pair.dialect.exit_line(context).to_owned();
            let header = path[depth].clone();
            self.push(header.clone(), "enters the block", Disruption::None);
            self.inside.push((header, exit));
        }
    }

    fn change(&mut self, change: &Change) {
        if let (Some(negation), Some(old)) = (&change.negation, change.old()) {
            let disruption = self.worst(self.pair.from, old);
            self.push(negation.clone(), self.why(&change.action, old), disruption);
        }
        if let Action::Place(line, other, behind) = &change.action {
            let (word, disruption) = (
                if *behind { "after" } else { "before" },
                self.pair.dialect.disruption(&line.meaning),
            );
            let name = |line: &Line| {
                let text = line.meaning.canonical.as_str();
                text.split_once(' ').map_or("", |(_, name)| name).to_owned()
            };
            let text = format!("move {} {word} {}", name(line), name(other));
            self.push(text, self.why(&change.action, line), disruption);
        }
        let Some(new) = change.new_line() else {
            return;
        };
        if let Some(text) = &change.typed {
            let disruption = self.pair.dialect.disruption(&new.meaning);
            self.push(text.clone(), self.why(&change.action, new), disruption);
        } else {
            self.subtree(&change.action, new);
        }
    }

    /// The disruption of taking back a line with everything in it.
    fn worst(&self, doc: &Document, line: &Line) -> Disruption {
        let dialect = self.pair.dialect;
        let inner = doc.commands(Some(line.id)).iter().map(|id| {
            let meaning = doc.meaning(*id, dialect);
            self.worst(doc, &Line { id: *id, meaning })
        });
        inner.fold(dialect.disruption(&line.meaning), Ord::max)
    }

    fn subtree(&mut self, action: &Action, line: &Line) {
        let doc = self.pair.source(action);
        let disruption = self.pair.dialect.disruption(&line.meaning);
        let why = self.why(action, line);
        for text in doc.typed(line.id, self.pair.dialect) {
            self.push(text, why.clone(), disruption);
        }
        let Some(context) = inner_context(doc, line.id) else {
            return;
        };
        for child in arranged(self.pair, doc, line.id) {
            self.subtree(action, &child);
        }
        let exit = self.pair.dialect.exit_line(context).to_owned();
        let header = &line.meaning.canonical;
        self.push(exit, format!("leaves `{header}`"), Disruption::None);
    }

    fn why(&self, action: &Action, line: &Line) -> String {
        why(self.pair, action, line)
    }
}

/// Why a line of an action's subtree is typed.
fn why(pair: Pair<'_>, action: &Action, line: &Line) -> String {
    let (from, to) = pair.names;
    let rule = pair.dialect.rule_name(line.meaning.rule);
    let old = |line: &Line| {
        let (at, text) = (pair.from.node(line.id).line, &line.meaning.canonical);
        format!("{from} line {at} `{text}`")
    };
    let new = |line: &Line| format!("{to} line {}", pair.to.node(line.id).line);
    match action {
        Action::Add(_) => format!("{rule}: missing, {}", new(line)),
        Action::Remove(_) => format!("{rule}: extra, {}", old(line)),
        Action::Replace(before, after) if line.id == after.id => {
            format!("{rule}: {}, {}", old(before), new(line))
        }
        Action::Replace(..) => format!("{rule}: part of the block, {}", new(line)),
        Action::Restore(_, cause) => format!("{rule}: wiped by `{cause}`, typed again"),
        Action::Switch(_, off) => {
            let state = if *off { "inactive" } else { "active" };
            format!("{rule}: meant to be {state}, {}", new(line))
        }
        Action::Place(_, other, _) => format!(
            "{rule}: stands elsewhere than at `{}`, {}",
            other.meaning.canonical,
            new(line)
        ),
    }
}

/// The context a node's children stand in, if it is a block.
fn inner_context(doc: &Document, id: NodeId) -> Option<ContextId> {
    let node = doc.node(id);
    let block = node.kind == crate::config::NodeKind::Block;
    node.opens.or_else(|| block.then_some(ContextId::UNKNOWN))
}

/// The children of a new block: in their order, except that a lighter line goes first and
/// a line that wipes others goes before them.
fn arranged(pair: Pair<'_>, doc: &Document, parent: NodeId) -> Vec<Line> {
    let dialect = pair.dialect;
    let lines = doc.commands(Some(parent)).iter().map(|id| Line {
        id: *id,
        meaning: doc.meaning(*id, dialect),
    });
    let mut lines: Vec<Line> = lines.collect();
    lines.sort_by_key(|line| dialect.weight(&line.meaning));
    let mut arranged: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let wipes = dialect.cascades(&line.meaning, Event::Add);
        let place = wipes.then(|| {
            arranged
                .iter()
                .position(|other| dialect.wipes(&line.meaning, Event::Add, &other.meaning, false))
        });
        match place.flatten() {
            Some(at) => arranged.insert(at, line),
            None => arranged.push(line),
        }
    }
    arranged
}

/// The disruption of taking back a line with everything in it.
fn worst(pair: Pair<'_>, doc: &Document, line: &Line) -> Disruption {
    let inner = doc.commands(Some(line.id)).iter().map(|id| {
        let meaning = doc.meaning(*id, pair.dialect);
        worst(pair, doc, &Line { id: *id, meaning })
    });
    inner.fold(pair.dialect.disruption(&line.meaning), Ord::max)
}

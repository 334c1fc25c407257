//! From a typed diff to single changes, each with what the dialect says about its line.

use crate::config::dialect::{Cardinality, Meaning, Negation};
use crate::config::{Dialect, Diff, Document, NodeId, Op, OpKind};
use crate::model::Hazard;

/// The two documents of one direction and the language they are in.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) from: &'a Document,
    pub(super) to: &'a Document,
    pub(super) dialect: &'a Dialect,
    /// How people call the two documents (`running`, `intended`).
    pub(super) names: (&'static str, &'static str),
}

/// A node and what its line means.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: NodeId,
    pub(super) meaning: Meaning,
}

/// What happens to one line or subtree.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Take it back; the line is in `from`.
    Remove(Line),
    /// Type it; the line is in `to`.
    Add(Line),
    /// Type the second over the first.
    Replace(Line, Line),
    /// Type it again because another change wiped it; the line is in `from`.
    Restore(Line, String),
    /// Switch it off (true) or on where it stands; the line is in `to`.
    Switch(Line, bool),
    /// Move it before (or, if true, behind) another entry of its list; both are in `to`.
    Place(Line, Line, bool),
}

/// One change, before it has a place in the order.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Header lines of the enclosing blocks, outermost first.
    pub(super) path: Vec<String>,
    pub(super) action: Action,
    /// The line that takes the old one back.
    pub(super) negation: Option<String>,
    /// Indices of changes that have to come first.
    pub(super) after: Vec<usize>,
    /// The new line with another number than it is written with.
    pub(super) typed: Option<String>,
}

/// All changes of one direction.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) list: Vec<Change>,
    /// Dangerous moments the planner itself causes.
    pub(super) hazards: Vec<Hazard>,
    /// What cannot be done at all.
    pub(super) problems: Vec<String>,
}

impl Change {
    pub(super) fn new(path: &[String], action: Action) -> Self {
        Self {
            path: path.to_vec(),
            action,
            negation: None,
            after: Vec::new(),
            typed: None,
        }
    }

    /// The line that goes, if one goes.
    pub(super) fn old(&self) -> Option<&Line> {
        match &self.action {
            Action::Remove(line) | Action::Replace(line, _) => Some(line),
            Action::Add(_) | Action::Restore(..) | Action::Switch(..) | Action::Place(..) => None,
        }
    }

    /// The line that comes, if one comes.
    pub(super) fn new_line(&self) -> Option<&Line> {
        match &self.action {
            Action::Add(line) | Action::Replace(_, line) | Action::Restore(line, _) => Some(line),
            Action::Remove(_) | Action::Switch(..) | Action::Place(..) => None,
        }
    }

    /// The line that says what the change is about.
    pub(super) fn subject(&self) -> &Line {
        match &self.action {
            Action::Remove(line)
            | Action::Add(line)
            | Action::Replace(_, line)
            | Action::Restore(line, _)
            | Action::Switch(line, _)
            | Action::Place(line, ..) => line,
        }
    }
}

impl<'a> Pair<'a> {
    pub(super) fn old_line(&self, id: NodeId) -> Line {
        let meaning = self.from.meaning(id, self.dialect);
        Line { id, meaning }
    }

    pub(super) fn new_line_of(&self, id: NodeId) -> Line {
        let meaning = self.to.meaning(id, self.dialect);
        Line { id, meaning }
    }

    /// The document a change's new line is in.
    pub(super) fn source(&self, action: &Action) -> &'a Document {
        match action {
            Action::Restore(..) | Action::Remove(_) => self.from,
            Action::Add(_) | Action::Replace(..) | Action::Switch(..) | Action::Place(..) => {
                self.to
            }
        }
    }
}

/// The changes a diff asks for, in the diff's order, without regard to side effects.
pub(super) fn from_diff(pair: Pair<'_>, diff: &Diff) -> Changes {
    let mut changes = Changes::default();
    // Blocks that go and come again as a whole, whatever else differs inside them.
    let mut rewritten: Vec<Vec<String>> = Vec::new();
    for op in &diff.ops {
        if rewritten.iter().any(|path| op.path.starts_with(path)) {
            continue;
        }
        match (op.kind, op.running, op.intended) {
            (OpKind::Add, _, Some(to)) => {
                let action = Action::Add(pair.new_line_of(to));
                changes.list.push(Change::new(&op.path, action));
            }
            (OpKind::Remove, Some(from), _) => remove(pair, &op.path, from, &mut changes),
            (OpKind::Replace, Some(from), Some(to)) => {
                if replace(pair, op, from, to, &mut changes) {
                    let header = pair.to.command(to).to_owned();
                    rewritten.push(op.path.iter().cloned().chain([header]).collect());
                }
            }
            (OpKind::Move, Some(from), Some(to)) => {
                remove(pair, &op.path, from, &mut changes);
                let action = Action::Add(pair.new_line_of(to));
                let mut change = Change::new(&op.path, action);
                change.after.push(changes.list.len() - 1);
                changes.list.push(change);
            }
            (OpKind::State, _, Some(to)) => {
                let line = pair.new_line_of(to);
                let off = pair.to.node(to).inactive;
                changes
                    .list
                    .push(Change::new(&op.path, Action::Switch(line, off)));
            }
            (
                OpKind::Add | OpKind::Remove | OpKind::Replace | OpKind::Move | OpKind::State,
                _,
                _,
            ) => {
                let path = op.path.join(" / ");
                changes
                    .problems
                    .push(format!("a difference without its lines in `{path}`"));
            }
        }
    }
    changes
}

fn remove(pair: Pair<'_>, path: &[String], id: NodeId, changes: &mut Changes) {
    let line = pair.old_line(id);
    let options = pair.dialect.negations(&line.meaning);
    match options.into_iter().next() {
        Some(Negation::Line(text)) => {
            let mut change = Change::new(path, Action::Remove(line));
            change.negation = Some(text);
            changes.list.push(change);
        }
        Some(Negation::Children) => {
            let mut inner = path.to_vec();
            inner.push(pair.from.command(id).to_owned());
            for child in pair.from.commands(Some(id)) {
                remove(pair, &inner, *child, changes);
            }
        }
        Some(Negation::Impossible) | None => {
            let canonical = &line.meaning.canonical;
            changes.problems.push(format!(
                "`{canonical}` cannot be taken back on this platform"
            ));
        }
    }
}

/// True when the whole block is written again.
fn replace(pair: Pair<'_>, op: &Op, from: NodeId, to: NodeId, changes: &mut Changes) -> bool {
    let is_block = |doc: &Document, id| doc.is_block(id);
    let (old, new) = (pair.old_line(from), pair.new_line_of(to));
    let blocks = is_block(pair.from, from) || is_block(pair.to, to);
    let overwrites = match new.meaning.cardinality {
        Cardinality::Atomic => true,
        // Not every platform takes another entry for a number that is in use.
        Cardinality::Keyed => pair.dialect.overwrites(&new.meaning),
        Cardinality::One | Cardinality::Set | Cardinality::Seq | Cardinality::Literal => !blocks,
    };
    if overwrites && !pair.dialect.remove_first(&old.meaning) {
        let action = Action::Replace(old, new);
        changes.list.push(Change::new(&op.path, action));
        return blocks;
    }
    let first = changes.list.len();
    remove(pair, &op.path, from, changes);
    let mut change = Change::new(&op.path, Action::Add(new));
    change.after = (first..changes.list.len()).collect();
    changes.list.push(change);
    blocks
}

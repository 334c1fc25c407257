//! What an intent owns, and what it left behind elsewhere.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::compare::{Op, OpKind, Scope};
use super::document::{Document, NodeId};
use super::ignored::shown;

/// Whether a section is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Extra lines in it are drift.
    Whole,
    /// Only what the intent says of it counts.
    Part,
}

/// A scope, compiled.
pub(crate) struct Owner {
    pub(crate) full: bool,
    sections: GlobSet,
}

impl Owner {
    /// Compiles the globs; the fault names the first bad one.
    pub(crate) fn new(scope: &Scope) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        for section in &scope.sections {
            builder.add(Glob::new(section).map_err(|e| format!("section `{section}`: {e}"))?);
        }
        Ok(Self {
            full: scope.full,
            sections: builder.build().map_err(|e| format!("sections: {e}"))?,
        })
    }

    /// Whether the section with this header line is owned.
    pub(crate) fn owns(&self, header: &str) -> Ownership {
        if self.full || self.sections.is_match(header) {
            Ownership::Whole
        } else {
            Ownership::Part
        }
    }
}

/// What was applied last, is not intended any more, is still there, and stands outside
/// what the intent owns.
pub(crate) fn orphans(
    running: &Document,
    intended: &Document,
    last: &Document,
    scope: &Owner,
    ops: &[Op],
) -> Vec<String> {
    let mut search = Search {
        running,
        intended,
        last,
        ops,
        path: Vec::new(),
        found: Vec::new(),
    };
    let outside = |id: &&NodeId| scope.owns(last.command(**id)) == Ownership::Part;
    let top: Vec<NodeId> = last
        .commands(None)
        .iter()
        .filter(outside)
        .copied()
        .collect();
    search.level(&top, intended.commands(None), running.commands(None));
    search.found
}

struct Search<'a> {
    running: &'a Document,
    intended: &'a Document,
    last: &'a Document,
    ops: &'a [Op],
    path: Vec<String>,
    found: Vec<String>,
}

impl Search<'_> {
    fn level(&mut self, last: &[NodeId], intended: &[NodeId], running: &[NodeId]) {
        let wanted = index(self.intended, intended);
        let there = index(self.running, running);
        for id in last {
            let identity = identity(self.last, *id);
            let find = |list: &[(u128, NodeId)]| {
                let at = list.binary_search_by_key(&identity, |(key, _)| *key).ok()?;
                Some(list[at].1)
            };
            let (Some(r), i) = (find(&there), find(&wanted)) else {
                continue;
            };
            let removed = |op: &Op| op.kind == OpKind::Remove && op.running == Some(r);
            if self.last.node(*id).negated || self.ops.iter().any(removed) {
                continue;
            }
            let line = self.running.command(r).to_owned();
            if i.is_none() {
                self.found.push(shown(&self.path, &line));
            }
            let inner = i.map_or(&[][..], |i| self.intended.commands(Some(i)));
            self.path.push(line);
            self.level(
                self.last.commands(Some(*id)),
                inner,
                self.running.commands(Some(r)),
            );
            self.path.pop();
        }
    }
}

/// What makes two lines the same thing: the slot, and among entries of a list the content.
fn identity(doc: &Document, id: NodeId) -> u128 {
    let raw = doc.raw(id);
    if doc.listed(id) {
        raw.slot ^ raw.value.rotate_left(1)
    } else {
        raw.slot
    }
}

fn index(doc: &Document, ids: &[NodeId]) -> Vec<(u128, NodeId)> {
    let mut index: Vec<(u128, NodeId)> = ids.iter().map(|id| (identity(doc, *id), *id)).collect();
    index.sort_unstable();
    index
}

//! Compare: one typed diff from which everything else is made.

use super::dialect::Dialect;
use super::document::{Document, NodeId};
use super::matching::{self, Pair};
use super::redact::Vault;
use super::scope::{self, Owner, Ownership};
use super::verify::Verdict;
use super::{demands, ignored, sequence};
use crate::model::DriftCounts;

/// What the intent owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Everything (then `sections` does not matter).
    pub full: bool,
    /// Globs over top-level header lines that are owned wholly.
    pub sections: Vec<String>,
}

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// The intent has it, the device has not (whole subtree).
    Add,
    /// The device has it, the intent has not (whole subtree).
    Remove,
    /// Same slot, other value. Of blocks only the header line; what differs inside are
    /// operations of their own (except where the block is replaced as a whole).
    Replace,
    /// Same line, other place in an ordered section.
    Move,
    /// Same line, switched off on one side only.
    State,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What kind.
    pub kind: OpKind,
    /// Header lines of the enclosing blocks, outermost first.
    pub path: Vec<String>,
    /// The node in running.
    pub running: Option<NodeId>,
    /// The node in intended. For a `Remove` the line that demands the absence, if there
    /// is one.
    pub intended: Option<NodeId>,
    /// Of a move: place in the list on the device and in the intent, from 1.
    pub places: Option<(usize, usize)>,
}

/// A difference that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Ignored {
    /// Reason id of the dialect (`timestamp`, `default`, `secret-unverifiable`, …).
    pub reason: String,
    /// The line, sealed, with its context.
    pub line: String,
}

/// All differences between two documents.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// In order of the documents.
    pub ops: Vec<Op>,
    /// What does not count.
    pub ignored: Vec<Ignored>,
    /// Dropped by the intent outside what it owns.
    pub orphaned: Vec<String>,
    /// Why this comparison must not be acted on (a scope that cuts an ordered section).
    pub problems: Vec<String>,
}

impl Diff {
    /// True when nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Lines by kind of difference; a literal is one line.
    #[must_use]
    pub fn counts(&self, running: &Document, intended: &Document) -> DriftCounts {
        let mut counts = DriftCounts::default();
        for op in &self.ops {
            let lines = |doc: &Document, id: Option<NodeId>| id.map_or(0, |id| size(doc, id));
            match op.kind {
                OpKind::Add => counts.missing += lines(intended, op.intended),
                OpKind::Remove => counts.extra += lines(running, op.running),
                OpKind::Replace | OpKind::State => counts.changed += 1,
                OpKind::Move => counts.reordered += 1,
            }
        }
        counts
    }

    /// Text with full hierarchy; `-` is on the device, `+` is what would be written, `~`
    /// stands elsewhere in its list.
    #[must_use]
    pub fn render(&self, running: &Document, intended: &Document) -> String {
        super::render::text(self, running, intended)
    }
}

/// Lines of a subtree that count.
pub(crate) fn size(doc: &Document, id: NodeId) -> usize {
    1 + doc
        .commands(Some(id))
        .iter()
        .map(|c| size(doc, *c))
        .sum::<usize>()
}

/// Compares running with intended. `last_applied` makes partial management three-way.
#[must_use]
pub fn compare(
    running: &Document,
    intended: &Document,
    last_applied: Option<&Document>,
    dialect: &Dialect,
    scope: &Scope,
) -> Diff {
    compare_with(running, intended, last_applied, dialect, scope, None)
}

/// As [`compare`]; with a vault, hashes that the device shows are checked against the
/// secrets that are intended.
#[must_use]
pub fn compare_with(
    running: &Document,
    intended: &Document,
    last_applied: Option<&Document>,
    dialect: &Dialect,
    scope: &Scope,
    vault: Option<&Vault>,
) -> Diff {
    let scope = match Owner::new(scope) {
        Ok(scope) => scope,
        Err(why) => {
            return Diff {
                problems: vec![why],
                ..Diff::default()
            };
        }
    };
    let mut walk = Walk {
        running,
        intended,
        scope: &scope,
        vault,
        path: Vec::new(),
        diff: Diff::default(),
    };
    walk.siblings(running.commands(None), intended.commands(None), None);
    let mut diff = walk.diff;
    demands::collect(running, intended, dialect, &scope, &mut diff);
    if let (Some(last), false) = (last_applied, scope.full) {
        diff.orphaned = scope::orphans(running, intended, last, &scope, &diff.ops);
    }
    ignored::collect(running, intended, &mut diff);
    diff
}

struct Walk<'a> {
    running: &'a Document,
    intended: &'a Document,
    scope: &'a Owner,
    vault: Option<&'a Vault>,
    path: Vec<String>,
    diff: Diff,
}

impl Walk<'_> {
    /// Compares siblings; `owned` is known except at top level.
    fn siblings(&mut self, ours: &[NodeId], theirs: &[NodeId], owned: Option<Ownership>) {
        for pair in matching::pairs(self.running, self.intended, ours, theirs) {
            match pair {
                Pair::Both(r, i) => self.both(r, i, owned),
                Pair::Running(r) => self.extra(r, owned),
                Pair::Intended(i) => self.missing(i, owned),
                Pair::List(r, i) => self.list(&r, &i, owned),
            }
        }
    }

    fn ownership(&self, doc: &Document, id: NodeId, owned: Option<Ownership>) -> Ownership {
        owned.unwrap_or_else(|| self.scope.owns(doc.command(id)))
    }

    fn both(&mut self, r: NodeId, i: NodeId, owned: Option<Ownership>) {
        let (ours, theirs) = (self.running.raw(r), self.intended.raw(i));
        if ours.hash == theirs.hash {
            return;
        }
        let owned = self.ownership(self.intended, i, owned);
        let info = self.intended.info(i);
        if info.is_some_and(|info| info.cardinality == super::Cardinality::Atomic) {
            self.op(OpKind::Replace, Some(r), Some(i));
            return;
        }
        if ours.inactive != theirs.inactive {
            self.op(OpKind::State, Some(r), Some(i));
        }
        if ours.value != theirs.value {
            let (ours, theirs) = (self.running.command(r), self.intended.command(i));
            let secrets = ignored::secrets(ours, theirs, self.vault);
            if let Some(verdict) = secrets {
                let reason = match verdict {
                    Verdict::Same => "secret-verified",
                    Verdict::Different | Verdict::Unverifiable => "secret-unverifiable",
                };
                self.ignore(reason, theirs);
            } else {
                self.op(OpKind::Replace, Some(r), Some(i));
            }
        }
        self.inside(r, i, owned);
    }

    fn inside(&mut self, r: NodeId, i: NodeId, owned: Ownership) {
        let (ours, theirs) = (
            self.running.commands(Some(r)),
            self.intended.commands(Some(i)),
        );
        if ours.is_empty() && theirs.is_empty() {
            return;
        }
        self.path.push(self.intended.command(i).to_owned());
        self.siblings(ours, theirs, Some(owned));
        self.path.pop();
    }

    fn extra(&mut self, r: NodeId, owned: Option<Ownership>) {
        if self.ownership(self.running, r, owned) == Ownership::Whole {
            self.op(OpKind::Remove, Some(r), None);
        }
    }

    fn missing(&mut self, i: NodeId, owned: Option<Ownership>) {
        let info = self.intended.info(i);
        if info.is_some_and(|info| info.hidden) {
            let line = self.intended.command(i).to_owned();
            self.ignore("not-shown", &line);
            return;
        }
        let satisfied = info.is_some_and(|info| info.negated());
        if satisfied && self.ownership(self.intended, i, owned) == Ownership::Part {
            return;
        }
        self.op(OpKind::Add, None, Some(i));
    }

    /// One ordered list.
    fn list(&mut self, ours: &[NodeId], theirs: &[NodeId], owned: Option<Ownership>) {
        let whole = |o: Ownership| o == Ownership::Whole;
        let of = |doc: &Document, id: &NodeId| whole(self.ownership(doc, *id, owned));
        let mut owns = theirs
            .iter()
            .map(|id| of(self.intended, id))
            .collect::<Vec<_>>();
        owns.extend(ours.iter().map(|id| of(self.running, id)));
        let all = owns.iter().all(|o| *o);
        let none = owns.iter().all(|o| !o);
        if none && theirs.is_empty() {
            return;
        }
        let ops = sequence::compare(self.running, self.intended, ours, theirs);
        let removes = ops.iter().any(|op| op.kind == OpKind::Remove);
        if !all && (!none || removes) && !ops.is_empty() {
            self.cut(theirs.first().or(ours.first()).copied(), theirs.is_empty());
        }
        for step in ops {
            if step.kind == OpKind::Remove && !all {
                continue;
            }
            self.diff.ops.push(Op {
                kind: step.kind,
                path: self.path.clone(),
                running: step.running,
                intended: step.intended,
                places: step.places,
            });
        }
        self.listed_blocks(ours, theirs, owned);
    }

    /// What differs inside blocks that are entries of a list on both sides.
    fn listed_blocks(&mut self, ours: &[NodeId], theirs: &[NodeId], owned: Option<Ownership>) {
        for (r, i) in sequence::same(self.running, self.intended, ours, theirs) {
            if self.running.raw(r).hash != self.intended.raw(i).hash {
                let owned = self.ownership(self.intended, i, owned);
                self.inside(r, i, owned);
            }
        }
    }

    fn cut(&mut self, first: Option<NodeId>, on_device: bool) {
        let doc = if on_device {
            self.running
        } else {
            self.intended
        };
        let line = first.map_or("", |id| doc.command(id));
        let mut place = self.path.join(" / ");
        if place.is_empty() {
            line.clone_into(&mut place);
        }
        self.diff.problems.push(format!(
            "the managed sections cut the ordered list at `{place}` in two: manage all of it or nothing"
        ));
    }

    fn op(&mut self, kind: OpKind, running: Option<NodeId>, intended: Option<NodeId>) {
        self.diff.ops.push(Op {
            kind,
            path: self.path.clone(),
            running,
            intended,
            places: None,
        });
    }

    fn ignore(&mut self, reason: &str, line: &str) {
        self.diff.ignored.push(Ignored {
            reason: reason.to_owned(),
            line: ignored::shown(&self.path, line),
        });
    }
}

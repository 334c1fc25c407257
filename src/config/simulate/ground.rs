//! The tree, the book of names beside it, and what the result is meant to be.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::book::{self, Book};
use super::tree::{BlockId, Entry, EntryId, Tree};
use crate::config::dialect::{Cardinality, ContextId, Dialect, RuleId};
use crate::config::document::{Document, NodeId};
use crate::config::lexicon::Info;
use crate::model::HazardKind;

/// What a replay works on.
#[derive(Clone, Debug)]
pub(super) struct Ground<'d> {
    pub(super) dialect: &'d Dialect,
    pub(super) tree: Tree<'d>,
    pub(super) goal: Option<Goal<'d>>,
    /// Made when the first name is touched.
    book: Option<Book>,
    /// Rules of numbered lists whose entries the device shows without numbers.
    silent: Option<BTreeSet<RuleId>>,
}

/// Where a line is typed: a block, and the headers around it.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) block: BlockId,
    pub(super) path: Vec<EntryId>,
    pub(super) context: ContextId,
}

impl<'d> Ground<'d> {
    pub(super) fn new(
        base: &'d Document,
        dialect: &'d Dialect,
        goal: Option<&'d Document>,
    ) -> Self {
        Self {
            dialect,
            tree: Tree::of(base),
            goal: goal.map(Goal::new),
            book: None,
            silent: None,
        }
    }

    /// Says what the result is meant to be from now on.
    pub(super) fn aim(&mut self, goal: Option<&'d Document>) {
        self.goal = goal.map(Goal::new);
    }

    /// What a line means in a context.
    pub(super) fn read(&self, context: ContextId, line: &str) -> Arc<Info> {
        let mut words = Vec::new();
        self.dialect.words(line, &mut words);
        let reading = self.dialect.read(context, line, &words);
        Arc::new(Info::new(&reading, self.dialect))
    }

    /// Makes the book before a line is touched that has to do with names.
    fn prepare(&mut self, info: &Info, id: Option<EntryId>, spot: &Spot) {
        if self.book.is_some() {
            return;
        }
        let dialect = self.dialect;
        let named = |info: &Info| book::names(info, dialect);
        let below = id.is_some_and(|id| self.tree.holds(id, &named));
        let above = spot.path.last();
        let above = above.is_some_and(|id| named(&self.tree.entry(*id).info));
        if named(info) || below || above {
            self.book = Some(Book::of(&self.tree, dialect));
        }
    }

    pub(super) fn append(&mut self, spot: &Spot, entry: Entry) -> EntryId {
        self.prepare(&entry.info, None, spot);
        let first = self.tree.lines(spot.block).next().is_none();
        let id = self.tree.append(spot.block, entry);
        self.entered(spot, id, first);
        id
    }

    pub(super) fn replace(&mut self, spot: &Spot, old: EntryId, entry: Entry) -> EntryId {
        let info = Arc::clone(&self.tree.entry(old).info);
        self.prepare(&info, Some(old), spot);
        self.prepare(&entry.info, None, spot);
        if let Some(book) = &mut self.book {
            book.strike(&self.tree, old, self.dialect);
        }
        let id = self.tree.replace(spot.block, old, entry);
        if let Some(book) = &mut self.book {
            book.enter(&self.tree, id, self.dialect);
        }
        id
    }

    pub(super) fn take(&mut self, spot: &Spot, id: EntryId) {
        let info = Arc::clone(&self.tree.entry(id).info);
        self.prepare(&info, Some(id), spot);
        if let Some(book) = &mut self.book {
            book.strike(&self.tree, id, self.dialect);
        }
        self.tree.take(spot.block, id);
        let emptied = self.tree.lines(spot.block).next().is_none();
        self.refill(spot, emptied, false);
    }

    fn entered(&mut self, spot: &Spot, id: EntryId, first: bool) {
        if let Some(book) = &mut self.book {
            book.enter(&self.tree, id, self.dialect);
        }
        self.refill(spot, first, true);
    }

    /// The block around has got its first line, or lost its last one.
    fn refill(&mut self, spot: &Spot, turned: bool, filled: bool) {
        let (Some(book), Some(parent), true) = (&mut self.book, spot.path.last(), turned) else {
            return;
        };
        let meaning = self.tree.entry(*parent).meaning(self.dialect);
        if let Some(defined) = self.dialect.defines(&meaning) {
            book.refill(&defined, filled);
        }
    }

    /// What has become dangerous since the last question.
    pub(super) fn dangers(&mut self) -> Vec<(HazardKind, String)> {
        self.book.as_mut().map(Book::dangers).unwrap_or_default()
    }

    /// Whether the device shows the entries of such lists without numbers.
    pub(super) fn silent(&mut self, rule: RuleId) -> bool {
        let document = self.tree.document;
        let silent = self.silent.get_or_insert_with(|| {
            document
                .ids()
                .filter_map(|id| document.info(id))
                .filter(|i| i.cardinality == Cardinality::Keyed && i.number.is_none())
                .map(|info| info.rule)
                .collect()
        });
        silent.contains(&rule)
    }

    /// The lines of the goal where we are.
    fn goal_block(&self, spot: &Spot) -> Option<(&Goal<'d>, Option<NodeId>)> {
        let goal = self.goal.as_ref()?;
        let mut at = None;
        for header in &spot.path {
            at = Some(goal.find(at, self.tree.entry(*header).text())?);
        }
        Some((goal, at))
    }

    /// Whether the goal has this very line here.
    pub(super) fn wants(&self, spot: &Spot, text: &str) -> bool {
        self.goal_block(spot)
            .is_some_and(|(goal, at)| goal.find(at, text).is_some())
    }

    /// The lines the goal has here.
    pub(super) fn wanted(&self, spot: &Spot) -> Vec<&str> {
        let Some((goal, at)) = self.goal_block(spot) else {
            return Vec::new();
        };
        let ids = goal.document.commands(at).iter();
        ids.map(|id| goal.document.command(*id)).collect()
    }

    /// Whether the goal has a negated line in this slot.
    pub(super) fn wants_negated(&self, spot: &Spot, slot: u128) -> bool {
        self.goal_block(spot)
            .is_some_and(|(goal, at)| goal.negated.contains(&(at, slot)))
    }

    /// Whether the goal has lines inside this one; `None` if it has not this one.
    pub(super) fn goal_fills(&self, spot: &Spot, text: &str) -> Option<bool> {
        let (goal, at) = self.goal_block(spot)?;
        let id = goal.find(at, text)?;
        Some(!goal.document.commands(Some(id)).is_empty())
    }
}

/// What the result is meant to be.
#[derive(Clone, Debug)]
pub(super) struct Goal<'d> {
    document: &'d Document,
    /// Places and slots of its negated lines.
    negated: BTreeSet<(Option<NodeId>, u128)>,
}

impl<'d> Goal<'d> {
    fn new(document: &'d Document) -> Self {
        let mut negated = BTreeSet::new();
        for parent in std::iter::once(None).chain(document.ids().map(Some)) {
            for id in document.commands(parent) {
                if document.info(*id).is_some_and(|info| info.negated()) {
                    negated.insert((parent, document.raw(*id).slot));
                }
            }
        }
        Self { document, negated }
    }

    fn find(&self, parent: Option<NodeId>, text: &str) -> Option<NodeId> {
        self.document.child(parent, text)
    }
}

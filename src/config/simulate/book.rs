//! The book of names: what is defined, what is used, and what that means at this moment.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{BlockId, EntryId, Tree};
use crate::config::dialect::{Dialect, Reference};
use crate::config::lexicon::Info;
use crate::model::HazardKind;

type Name = (Box<str>, Box<str>);

/// How often a name stands in the configuration.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    defined: usize,
    /// Definitions with something in them.
    filled: usize,
    used: usize,
    /// Uses that let everything pass while the name is undefined or empty.
    open: usize,
}

/// Names by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    names: BTreeMap<Name, Count>,
    /// Names the last command touched.
    touched: BTreeSet<Name>,
}

fn name(reference: &Reference) -> Name {
    (reference.kind.clone(), reference.name.clone())
}

/// Whether the line names anything at all.
pub(super) fn names(info: &Info, dialect: &Dialect) -> bool {
    let rule = dialect.rule(info.rule);
    !info.negated() && rule.is_some_and(|r| r.defines.is_some() || !r.uses.is_empty())
}

impl Book {
    /// The names of a whole configuration.
    pub(super) fn of(tree: &Tree<'_>, dialect: &Dialect) -> Self {
        let mut book = Self::default();
        for id in tree.lines(BlockId::TOP) {
            book.count(tree, id, dialect, |n| *n += 1);
        }
        book.touched.clear();
        book
    }

    /// A line (with all below it) has appeared.
    pub(super) fn enter(&mut self, tree: &Tree<'_>, id: EntryId, dialect: &Dialect) {
        self.count(tree, id, dialect, |n| *n += 1);
    }

    /// A line (with all below it) is about to go.
    pub(super) fn strike(&mut self, tree: &Tree<'_>, id: EntryId, dialect: &Dialect) {
        self.count(tree, id, dialect, |n| *n = n.saturating_sub(1));
    }

    fn count(&mut self, tree: &Tree<'_>, id: EntryId, dialect: &Dialect, step: fn(&mut usize)) {
        let info = &tree.entry(id).info;
        if names(info, dialect) {
            let filled = info.opens.is_none() || !tree.is_empty(id);
            self.line(info, filled, dialect, step);
        }
        let mut below = Vec::new();
        tree.below(id, &mut |info| {
            if names(info, dialect) {
                below.push(std::sync::Arc::clone(info));
            }
        });
        for info in below {
            self.line(&info, true, dialect, step);
        }
    }

    fn line(&mut self, info: &Info, filled: bool, dialect: &Dialect, step: fn(&mut usize)) {
        let meaning = dialect.meaning(info.context, &info.command);
        if let Some(defined) = dialect.defines(&meaning) {
            let count = self.at(&defined);
            step(&mut count.defined);
            if filled {
                step(&mut count.filled);
            }
        }
        for used in dialect.uses(&meaning) {
            let count = self.at(&used);
            step(&mut count.used);
            if used.fail_open {
                step(&mut count.open);
            }
        }
    }

    fn at(&mut self, reference: &Reference) -> &mut Count {
        let name = name(reference);
        self.touched.insert(name.clone());
        self.names.entry(name).or_default()
    }

    /// A defining block has got its first line, or lost its last one.
    pub(super) fn refill(&mut self, reference: &Reference, filled: bool) {
        let count = self.at(reference);
        if filled {
            count.filled += 1;
        } else {
            count.filled = count.filled.saturating_sub(1);
        }
    }

    /// What the last command made dangerous.
    pub(super) fn dangers(&mut self) -> Vec<(HazardKind, String)> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .iter()
            .filter_map(|name| self.danger(name))
            .collect()
    }

    fn danger(&self, of: &Name) -> Option<(HazardKind, String)> {
        let count = self.names.get(of)?;
        let (kind, name) = of;
        if count.open > 0 && count.filled == 0 {
            let state = if count.defined == 0 {
                "undefined"
            } else {
                "empty"
            };
            return Some((
                HazardKind::FailOpen,
                format!("{kind} {name} is in use and {state}: everything passes"),
            ));
        }
        (count.used > 0 && count.defined == 0).then(|| {
            (
                HazardKind::Dangling,
                format!("{kind} {name} is in use and undefined"),
            )
        })
    }
}

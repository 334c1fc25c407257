//! The book of names: what is defined, what is used, and what that means at this moment.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dialect::Reference;
use super::tree::Entry;

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

impl Book {
    /// A line (with all below it) has appeared.
    pub(super) fn enter(&mut self, entry: &Entry) {
        self.count(entry, |n| *n += 1);
    }

    /// A line (with all below it) is gone.
    pub(super) fn strike(&mut self, entry: &Entry) {
        self.count(entry, |n| *n = n.saturating_sub(1));
    }

    fn count(&mut self, entry: &Entry, step: fn(&mut usize)) {
        if let Some(defined) = &entry.defines {
            let leaf = entry.meaning.opens.is_none();
            let count = self.at(defined);
            step(&mut count.defined);
            if leaf || !entry.children.is_empty() {
                step(&mut count.filled);
            }
        }
        for used in &entry.uses {
            let count = self.at(used);
            step(&mut count.used);
            if used.fail_open {
                step(&mut count.open);
            }
        }
        for child in &entry.children {
            self.count(child, step);
        }
    }

    fn at(&mut self, reference: &Reference) -> &mut Count {
        let name = name(reference);
        self.touched.insert(name.clone());
        self.names.entry(name).or_default()
    }

    /// A defining block has got its first line.
    pub(super) fn fill(&mut self, reference: &Reference) {
        self.at(reference).filled += 1;
    }

    /// A defining block has lost its last line.
    pub(super) fn empty(&mut self, reference: &Reference) {
        let count = self.at(reference);
        count.filled = count.filled.saturating_sub(1);
    }

    /// What stands now is no news.
    pub(super) fn settle(&mut self) {
        self.touched.clear();
    }

    /// What the last command made dangerous.
    pub(super) fn dangers(&mut self) -> Vec<String> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .iter()
            .filter_map(|name| self.danger(name))
            .collect()
    }

    fn danger(&self, of: &Name) -> Option<String> {
        let count = self.names.get(of)?;
        let (kind, name) = of;
        if count.open > 0 && count.filled == 0 {
            let state = if count.defined == 0 {
                "undefined"
            } else {
                "empty"
            };
            return Some(format!(
                "{kind} {name} is in use and {state}: everything passes"
            ));
        }
        (count.used > 0 && count.defined == 0)
            .then(|| format!("{kind} {name} is in use and undefined"))
    }
}

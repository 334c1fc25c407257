//! Side effects: what one change makes the device drop by itself is not taken back again,
//! and what must survive is typed again.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, Changes, Pair};
use crate::config::dialect::{Event, Meaning};
use crate::config::{Document, NodeId};

/// Adjusts the changes for everything the dialect says they wipe.
pub(super) fn settle(pair: Pair<'_>, changes: &mut Changes) {
    let mut work = Work::new(pair, changes);
    for index in 0..work.count {
        if !work.dropped.contains(&index) {
            work.trigger(index, changes);
        }
    }
    let dropped = work.dropped;
    compact(changes, &dropped);
}

struct Work<'a> {
    pair: Pair<'a>,
    /// How many changes there were before any was restored.
    count: usize,
    dropped: BTreeSet<usize>,
    /// Changes by the path they are under.
    by_path: BTreeMap<Vec<String>, Vec<usize>>,
    /// Changes by the `from` line they take away.
    by_old: BTreeMap<NodeId, usize>,
    /// `from` lines typed again already, and by which change.
    restored: BTreeMap<NodeId, usize>,
}

impl<'a> Work<'a> {
    fn new(pair: Pair<'a>, changes: &Changes) -> Self {
        let mut by_path: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        let mut by_old = BTreeMap::new();
        for (index, change) in changes.list.iter().enumerate() {
            by_path.entry(change.path.clone()).or_default().push(index);
            if let Some(old) = change.old() {
                by_old.insert(old.id, index);
            }
        }
        Self {
            pair,
            count: changes.list.len(),
            dropped: BTreeSet::new(),
            by_path,
            by_old,
            restored: BTreeMap::new(),
        }
    }

    fn trigger(&mut self, index: usize, changes: &mut Changes) {
        let change = changes.list[index].clone();
        for (meaning, event) in events(&change) {
            if !self.pair.dialect.cascades(meaning, event) {
                continue;
            }
            self.order_additions(index, &change, meaning, event, changes);
            for victim in self.victims(&change, meaning, event) {
                self.victim(victim, index, &change, changes);
            }
        }
    }

    /// Lines that come anyway, but would be wiped if they came before the trigger.
    fn order_additions(
        &self,
        index: usize,
        change: &Change,
        meaning: &Meaning,
        event: Event,
        changes: &mut Changes,
    ) {
        let below = self
            .by_path
            .range(change.path.clone()..)
            .take_while(|(path, _)| path.starts_with(&change.path));
        for (path, indices) in below {
            let nested = path.len() > change.path.len();
            for other in indices.iter().filter(|i| **i != index) {
                let Some(new) = changes.list[*other].new_line() else {
                    continue;
                };
                if self
                    .pair
                    .dialect
                    .wipes(meaning, event, &new.meaning, nested)
                {
                    changes.list[*other].after.push(index);
                }
            }
        }
    }

    /// The lines of `from` that the device drops.
    fn victims(&self, change: &Change, meaning: &Meaning, event: Event) -> Vec<NodeId> {
        let own = change.old().map(|line| line.id);
        let Some(parent) = find(self.pair.from, &change.path) else {
            return Vec::new();
        };
        let mut victims = Vec::new();
        for id in self.pair.from.commands(parent) {
            if Some(*id) == own {
                continue;
            }
            let sibling = self.pair.from.meaning(*id, self.pair.dialect);
            if self.pair.dialect.wipes(meaning, event, &sibling, false) {
                victims.push(*id);
            } else {
                self.nested(*id, meaning, event, &mut victims);
            }
        }
        victims
    }

    fn nested(&self, block: NodeId, meaning: &Meaning, event: Event, victims: &mut Vec<NodeId>) {
        for id in self.pair.from.commands(Some(block)) {
            let inner = self.pair.from.meaning(*id, self.pair.dialect);
            if self.pair.dialect.wipes(meaning, event, &inner, true) {
                victims.push(*id);
            } else {
                self.nested(*id, meaning, event, victims);
            }
        }
    }

    fn victim(&mut self, id: NodeId, trigger: usize, change: &Change, changes: &mut Changes) {
        if let Some(at) = self.by_old.get(&id).copied() {
            self.lost_its_old_line(at, trigger, changes);
            return;
        }
        if self.goes_with_its_block(id) {
            return;
        }
        if let Some(at) = self.restored.get(&id) {
            changes.list[*at].after.push(trigger);
            return;
        }
        let line = self.pair.old_line(id);
        let path: Vec<String> = self
            .pair
            .from
            .path(id)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let why = change.subject().meaning.canonical.clone();
        let mut again = Change::new(&path, Action::Restore(line, why));
        again.after.push(trigger);
        self.restored.insert(id, changes.list.len());
        changes.list.push(again);
    }

    /// The old line of a change is wiped: nothing to take back any more.
    fn lost_its_old_line(&mut self, at: usize, trigger: usize, changes: &mut Changes) {
        if at == trigger || self.dropped.contains(&at) {
            return;
        }
        let change = &mut changes.list[at];
        match &change.action {
            Action::Remove(_) => {
                self.dropped.insert(at);
            }
            Action::Replace(_, new) => {
                change.action = Action::Add(new.clone());
                change.after.push(trigger);
            }
            Action::Add(_) | Action::Restore(..) | Action::Switch(..) | Action::Place(..) => {}
        }
    }

    fn goes_with_its_block(&self, id: NodeId) -> bool {
        let mut above = self.pair.from.node(id).parent;
        while let Some(block) = above {
            if self.by_old.contains_key(&block) {
                return true;
            }
            above = self.pair.from.node(block).parent;
        }
        false
    }
}

/// What a change does to its line, as the device sees it.
fn events(change: &Change) -> Vec<(&Meaning, Event)> {
    match &change.action {
        Action::Remove(old) => vec![(&old.meaning, Event::Remove)],
        Action::Replace(_, new) => vec![(&new.meaning, Event::Change)],
        Action::Add(new) => vec![(&new.meaning, Event::Add)],
        Action::Restore(..) | Action::Switch(..) | Action::Place(..) => Vec::new(),
    }
}

/// The block at the end of a path of headers; `Some(None)` for the top level.
pub(super) fn find(doc: &Document, path: &[String]) -> Option<Option<NodeId>> {
    let mut at = None;
    for header in path {
        at = Some(doc.child(at, header)?);
    }
    Some(at)
}

/// Drops changes and renumbers what the others wait for.
pub(super) fn compact(changes: &mut Changes, dropped: &BTreeSet<usize>) {
    if dropped.is_empty() {
        return;
    }
    let mut place = Vec::with_capacity(changes.list.len());
    let mut next = 0;
    for index in 0..changes.list.len() {
        place.push((!dropped.contains(&index)).then_some(next));
        next += usize::from(!dropped.contains(&index));
    }
    let mut index = 0;
    changes.list.retain(|_| {
        index += 1;
        !dropped.contains(&(index - 1))
    });
    for change in &mut changes.list {
        change.after = change.after.iter().filter_map(|i| place[*i]).collect();
    }
}

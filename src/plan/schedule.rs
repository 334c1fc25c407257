//! Kahn's algorithm with a preference: stay in the block, then take a group that can be
//! finished in one go, then the best rank.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Change;
use super::order::{GroupRank, Rank};
use crate::model::{Hazard, HazardKind};

/// What is left to order.
pub(super) struct Schedule {
    next: Vec<BTreeSet<usize>>,
    waits: Vec<usize>,
    ranks: Vec<Rank>,
    group_of: Vec<usize>,
    groups: Vec<Group>,
    /// Groups with something ready: (has blocked ones, rank, group).
    ready: BTreeSet<(bool, GroupRank, usize)>,
}

struct Group {
    rank: GroupRank,
    ready: BTreeSet<(Rank, usize)>,
    /// Changes not done that wait for another group.
    blocked: usize,
}

impl Schedule {
    pub(super) fn new(
        next: Vec<BTreeSet<usize>>,
        ranks: Vec<Rank>,
        names: Vec<(GroupRank, String)>,
    ) -> Self {
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        let mut groups = Vec::new();
        let mut group_of = Vec::with_capacity(names.len());
        for (rank, name) in names {
            let id = *ids.entry(name).or_insert_with(|| {
                groups.push(Group {
                    rank,
                    ready: BTreeSet::new(),
                    blocked: 0,
                });
                groups.len() - 1
            });
            group_of.push(id);
        }
        let mut waits = vec![0; next.len()];
        for (from, waiting) in next.iter().enumerate() {
            for to in waiting {
                waits[*to] += 1;
                groups[group_of[*to]].blocked += usize::from(group_of[from] != group_of[*to]);
            }
        }
        Self {
            next,
            waits,
            ranks,
            group_of,
            groups,
            ready: BTreeSet::new(),
        }
    }

    pub(super) fn run(mut self, list: &[Change], hazards: &mut Vec<Hazard>) -> Vec<usize> {
        let mut done = Vec::with_capacity(list.len());
        let mut finished = vec![false; list.len()];
        for index in 0..list.len() {
            if self.waits[index] == 0 {
                self.make_ready(index);
            }
        }
        let mut last: Option<usize> = None;
        while done.len() < list.len() {
            let index = self.pick(last, list).unwrap_or_else(|| {
                let free = self.break_circle(&finished);
                let line = &list[free].subject().meaning.canonical;
                hazards.push(Hazard {
                    line: 0,
                    kind: HazardKind::Circle,
                    text: format!("`{line}` and others wait for each other; it goes first"),
                });
                free
            });
            self.take(index);
            finished[index] = true;
            done.push(index);
            last = Some(index);
        }
        done
    }

    fn entry(&self, group: usize) -> (bool, GroupRank, usize) {
        let g = &self.groups[group];
        (g.blocked > 0, g.rank, group)
    }

    fn make_ready(&mut self, index: usize) {
        let group = self.group_of[index];
        let entry = self.entry(group);
        self.groups[group]
            .ready
            .insert((self.ranks[index].clone(), index));
        self.ready.insert(entry);
    }

    fn pick(&self, last: Option<usize>, list: &[Change]) -> Option<usize> {
        if let Some(last) = last {
            let ready = &self.groups[self.group_of[last]].ready;
            let same_place = ready.iter().find(|(_, i)| list[*i].path == list[last].path);
            if let Some((_, index)) = same_place.or_else(|| ready.first()) {
                return Some(*index);
            }
        }
        let (_, _, group) = self.ready.first()?;
        self.groups[*group].ready.first().map(|(_, index)| *index)
    }

    /// The change that would come first if nothing waited.
    fn break_circle(&self, finished: &[bool]) -> usize {
        let waiting = (0..finished.len()).filter(|i| !finished[*i]);
        waiting
            .min_by_key(|i| (self.groups[self.group_of[*i]].rank, &self.ranks[*i]))
            .unwrap_or_default()
    }

    fn take(&mut self, index: usize) {
        let group = self.group_of[index];
        let entry = self.entry(group);
        self.groups[group]
            .ready
            .remove(&(self.ranks[index].clone(), index));
        if self.groups[group].ready.is_empty() {
            self.ready.remove(&entry);
        }
        // Broken out of a circle: nothing may make it ready again.
        self.waits[index] = usize::MAX;
        for waiting in std::mem::take(&mut self.next[index]) {
            if self.waits[waiting] == usize::MAX {
                continue;
            }
            self.waits[waiting] -= 1;
            self.unblock(index, waiting);
            if self.waits[waiting] == 0 {
                self.make_ready(waiting);
            }
        }
    }

    fn unblock(&mut self, first: usize, waiting: usize) {
        let group = self.group_of[waiting];
        if self.group_of[first] == group {
            return;
        }
        let entry = self.entry(group);
        let listed = self.ready.remove(&entry);
        self.groups[group].blocked -= 1;
        if listed {
            let entry = self.entry(group);
            self.ready.insert(entry);
        }
    }
}

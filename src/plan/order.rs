//! The order of the changes: what must come first, and among what is free the order that
//! enters every block once.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::dialect::{Cardinality, Reference};
use crate::config::{Document, NodeId};

/// Where a change would like to stand among all: removals of whole top-level lines last
/// and in reverse, everything else as the intent has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupRank {
    leaving: bool,
    weight: i32,
    line: u32,
}

/// Where a change would like to stand inside its block: the block's own lines before
/// blocks in it, removals (in reverse) before additions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    nested: Vec<u32>,
    adds: bool,
    weight: i32,
    line: u32,
    index: usize,
}

/// The order in which to carry the changes out, as indices. Circular waits are broken at
/// the change that would come first, and reported in `changes.hazards`.
pub(super) fn order(pair: Pair<'_>, changes: &mut Changes) -> Vec<usize> {
    let edges = edges(pair, changes);
    let ranks = ranks(pair, &changes.list);
    let groups = groups(pair, &changes.list);
    Schedule::new(edges, ranks, groups).run(&changes.list, &mut changes.hazards)
}

// ---- what must come first ---------------------------------------------------------------

/// For each change, the ones that wait for it.
fn edges(pair: Pair<'_>, changes: &Changes) -> Vec<BTreeSet<usize>> {
    let mut next = vec![BTreeSet::new(); changes.list.len()];
    for (index, change) in changes.list.iter().enumerate() {
        for first in &change.after {
            next[*first].insert(index);
        }
    }
    reference_edges(pair, &changes.list, &mut next);
    slot_edges(&changes.list, &mut next);
    for (index, waiting) in next.iter_mut().enumerate() {
        waiting.remove(&index);
    }
    next
}

/// Which changes define and use a name, before and after.
#[derive(Default)]
struct NameUse {
    defined: Vec<usize>,
    used: Vec<usize>,
    undefined: Vec<usize>,
    unused: Vec<usize>,
}

/// Define before use, stop using before undefine.
fn reference_edges(pair: Pair<'_>, list: &[Change], next: &mut [BTreeSet<usize>]) {
    let mut names: BTreeMap<(Box<str>, Box<str>), NameUse> = BTreeMap::new();
    for (index, change) in list.iter().enumerate() {
        if let Some(old) = change.old() {
            let found = references(pair, pair.from, old);
            for r in found.defines {
                names.entry(name(r)).or_default().undefined.push(index);
            }
            for r in found.uses {
                names.entry(name(r)).or_default().unused.push(index);
            }
        }
        if let Some(new) = change.new_line() {
            let found = references(pair, pair.source(&change.action), new);
            for r in found.defines {
                names.entry(name(r)).or_default().defined.push(index);
            }
            for r in found.uses {
                names.entry(name(r)).or_default().used.push(index);
            }
        }
    }
    for uses in names.values() {
        connect(&uses.defined, &uses.used, next);
        connect(&uses.unused, &uses.undefined, next);
    }
}

fn name(reference: Reference) -> (Box<str>, Box<str>) {
    (reference.kind, reference.name)
}

fn connect(first: &[usize], then: &[usize], next: &mut [BTreeSet<usize>]) {
    for a in first {
        next[*a].extend(then.iter().copied());
    }
}

#[derive(Default)]
struct References {
    defines: Vec<Reference>,
    uses: Vec<Reference>,
}

/// The names a line and everything inside it define and use.
fn references(pair: Pair<'_>, doc: &Document, line: &Line) -> References {
    let mut found = References::default();
    found.defines.extend(pair.dialect.defines(&line.meaning));
    found.uses.extend(pair.dialect.uses(&line.meaning));
    for child in doc.commands(Some(line.id)) {
        let meaning = doc.meaning(*child, pair.dialect);
        let inner = references(
            pair,
            doc,
            &Line {
                id: *child,
                meaning,
            },
        );
        found.defines.extend(inner.defines);
        found.uses.extend(inner.uses);
    }
    found
}

/// What fills a slot leaves before something else takes it.
fn slot_edges(list: &[Change], next: &mut [BTreeSet<usize>]) {
    let mut leaving: BTreeMap<(&[String], &str, &str, Option<u64>), Vec<usize>> = BTreeMap::new();
    // The number inside an ordered list, `None` where the slot has no numbers; entries of
    // a list without numbers do not compete for a place.
    let key = |line: &Line| -> Option<Option<u64>> {
        match line.meaning.cardinality {
            Cardinality::Seq => None,
            Cardinality::Keyed => Some(Some(line.meaning.number?)),
            Cardinality::One | Cardinality::Set | Cardinality::Atomic | Cardinality::Literal => {
                Some(None)
            }
        }
    };
    for (index, change) in list.iter().enumerate() {
        if let Action::Remove(line) = &change.action
            && let Some(number) = key(line)
        {
            let slot = &line.meaning.slot;
            leaving
                .entry((&change.path, &slot.name, &slot.key, number))
                .or_default()
                .push(index);
        }
    }
    for (index, change) in list.iter().enumerate() {
        if let Action::Add(line) = &change.action
            && let Some(number) = key(line)
        {
            let slot = &line.meaning.slot;
            let place = (change.path.as_slice(), &*slot.name, &*slot.key, number);
            for first in leaving.get(&place).into_iter().flatten() {
                next[*first].insert(index);
            }
        }
    }
}

// ---- what would be nice -----------------------------------------------------------------

fn ranks(pair: Pair<'_>, list: &[Change]) -> Vec<Rank> {
    let places = nested_places(pair, list);
    let rank = |(index, change): (usize, &Change)| {
        let adds = !matches!(change.action, Action::Remove(_));
        let line = line_of(pair, change);
        let weight = pair.dialect.weight(&change.subject().meaning);
        let inner = 2..=change.path.len();
        Rank {
            nested: inner
                .filter_map(|n| places.get(&change.path[..n]).copied())
                .collect(),
            adds,
            weight: if adds { weight } else { -weight },
            line: if adds { line } else { u32::MAX - line },
            index,
        }
    };
    list.iter().enumerate().map(rank).collect()
}

/// Places of the blocks inside top-level blocks: as in `to`, then those only in `from`.
fn nested_places<'c>(pair: Pair<'_>, list: &'c [Change]) -> BTreeMap<&'c [String], u32> {
    let mut places: BTreeMap<&[String], u32> = BTreeMap::new();
    for change in list.iter().filter(|c| c.path.len() > 1) {
        let (doc, base) = match change.action {
            Action::Add(_) | Action::Replace(..) => (pair.to, 0),
            Action::Remove(_) | Action::Restore(..) => (pair.from, u32::MAX / 2),
        };
        let mut at = doc.node(change.subject().id).parent;
        for depth in (2..=change.path.len()).rev() {
            let Some(block) = at else { break };
            let place = base + doc.node(block).line;
            let known = places.entry(&change.path[..depth]).or_insert(place);
            *known = place.min(*known);
            at = doc.node(block).parent;
        }
    }
    places
}

fn line_of(pair: Pair<'_>, change: &Change) -> u32 {
    let doc = pair.source(&change.action);
    doc.node(change.subject().id).line
}

/// The group (top-level block, list or single line) of each change, and its rank.
fn groups(pair: Pair<'_>, list: &[Change]) -> Vec<(GroupRank, String)> {
    let mut tops = Tops::default();
    let mut by_list: BTreeMap<&str, GroupRank> = BTreeMap::new();
    let mut groups: Vec<(GroupRank, String)> = Vec::with_capacity(list.len());
    for (index, change) in list.iter().enumerate() {
        let name = match (&change.list, change.path.first()) {
            (_, Some(header)) => format!("block {header}"),
            (Some(list), None) => format!("list {list}"),
            (None, None) => format!("line {index}"),
        };
        groups.push((tops.rank(pair, change), name));
    }
    for (rank, name) in &groups {
        let known = by_list.entry(name).or_insert(*rank);
        *known = (*rank).min(*known);
    }
    let best: Vec<GroupRank> = groups
        .iter()
        .map(|(_, name)| by_list[name.as_str()])
        .collect();
    for (group, rank) in groups.iter_mut().zip(best) {
        group.0 = rank;
    }
    groups
}

/// Top-level lines of `to` by header, read once.
#[derive(Default)]
struct Tops<'a>(Option<BTreeMap<&'a str, NodeId>>);

impl<'a> Tops<'a> {
    fn rank(&mut self, pair: Pair<'a>, change: &Change) -> GroupRank {
        let Some(header) = change.path.first() else {
            let weight = pair.dialect.weight(&change.subject().meaning);
            return Self::at(
                matches!(change.action, Action::Remove(_)),
                weight,
                line_of(pair, change),
            );
        };
        let map = self.0.get_or_insert_with(|| {
            let ids = pair.to.commands(None).iter();
            ids.map(|id| (pair.to.node(*id).command.as_str(), *id))
                .collect()
        });
        if let Some(id) = map.get(header.as_str()) {
            let weight = pair.dialect.weight(&pair.to.meaning(*id, pair.dialect));
            return Self::at(false, weight, pair.to.node(*id).line);
        }
        let mut top = change.subject().id;
        while let Some(parent) = pair.from.node(top).parent {
            top = parent;
        }
        let weight = pair.dialect.weight(&pair.from.meaning(top, pair.dialect));
        Self::at(true, weight, pair.from.node(top).line)
    }

    fn at(leaving: bool, weight: i32, line: u32) -> GroupRank {
        GroupRank {
            leaving,
            weight: if leaving { -weight } else { weight },
            line: if leaving { u32::MAX - line } else { line },
        }
    }
}

// ---- the schedule -----------------------------------------------------------------------

/// Kahn's algorithm with a preference: stay in the block, then take a group that can be
/// finished in one go, then the best rank.
struct Schedule {
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
    fn new(next: Vec<BTreeSet<usize>>, ranks: Vec<Rank>, names: Vec<(GroupRank, String)>) -> Self {
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

    fn run(mut self, list: &[Change], hazards: &mut Vec<String>) -> Vec<usize> {
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
                hazards.push(format!(
                    "`{line}` and others wait for each other; it goes first"
                ));
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

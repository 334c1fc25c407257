//! The order of the changes: among what is free, the one that enters every block once.

use std::collections::BTreeMap;

use super::change::{Action, Change, Changes, Pair};
use super::edges::edges;
use super::schedule::Schedule;
use crate::config::NodeId;
use crate::config::dialect::{Cardinality, RuleId};

/// Where a change would like to stand among all: removals of whole top-level lines last
/// and in reverse, everything else as the intent has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupRank {
    late: bool,
    weight: i32,
    line: u32,
}

/// Where a change would like to stand inside its block: the block's own lines before
/// blocks in it, removals (in reverse) before additions; in numbered lists the other way
/// round, so that no list is empty (and lets everything through) in between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    nested: Vec<u32>,
    second: bool,
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

fn ranks(pair: Pair<'_>, list: &[Change]) -> Vec<Rank> {
    let places = nested_places(pair, list);
    let rank = |(index, change): (usize, &Change)| {
        let adds = !matches!(change.action, Action::Remove(_));
        let keyed = change.subject().meaning.cardinality == Cardinality::Keyed;
        let line = line_of(pair, change);
        let weight = pair.dialect.weight(&change.subject().meaning);
        let inner = 2..=change.path.len();
        Rank {
            nested: inner
                .filter_map(|n| places.get(&change.path[..n]).copied())
                .collect(),
            second: adds != keyed,
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
            Action::Add(_) | Action::Replace(..) | Action::Switch(..) | Action::Place(..) => {
                (pair.to, 0)
            }
            Action::Remove(_) | Action::Restore(..) => (pair.from, u32::MAX / 2),
        };
        let mut at = doc.parent(change.subject().id);
        for depth in (2..=change.path.len()).rev() {
            let Some(block) = at else { break };
            let place = base + doc.line(block);
            let known = places.entry(&change.path[..depth]).or_insert(place);
            *known = place.min(*known);
            at = doc.parent(block);
        }
    }
    places
}

fn line_of(pair: Pair<'_>, change: &Change) -> u32 {
    let doc = pair.source(&change.action);
    doc.line(change.subject().id)
}

/// The group (top-level block, list or single line) of each change, and its rank.
fn groups(pair: Pair<'_>, list: &[Change]) -> Vec<(GroupRank, String)> {
    let mut tops = Tops::default();
    let mut by_name: BTreeMap<&str, GroupRank> = BTreeMap::new();
    let mut groups: Vec<(GroupRank, String)> = Vec::with_capacity(list.len());
    for (index, change) in list.iter().enumerate() {
        let meaning = &change.subject().meaning;
        let list = matches!(meaning.cardinality, Cardinality::Seq | Cardinality::Keyed);
        let name = match change.path.first() {
            Some(header) => format!("block {header}"),
            None if list => format!("list {} {}", meaning.slot.name, meaning.slot.key),
            None => format!("line {index}"),
        };
        groups.push((tops.rank(pair, change), name));
    }
    for (rank, name) in &groups {
        let known = by_name.entry(name).or_insert(*rank);
        *known = (*rank).min(*known);
    }
    let best: Vec<GroupRank> = groups
        .iter()
        .map(|(_, name)| by_name[name.as_str()])
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
            let generic = change.subject().meaning.rule == RuleId::GENERIC;
            if generic && matches!(change.action, Action::Remove(_)) {
                // It may be the old value of something single-valued, which nobody here
                // knows: taken back after the new one was typed, it would take that along.
                return GroupRank {
                    late: false,
                    weight: i32::MIN,
                    line: u32::MAX - line_of(pair, change),
                };
            }
            let weight = pair.dialect.weight(&change.subject().meaning);
            return Self::at(
                pair,
                matches!(change.action, Action::Remove(_)),
                weight,
                line_of(pair, change),
            );
        };
        let map = self.0.get_or_insert_with(|| {
            let ids = pair.to.commands(None).iter();
            ids.map(|id| (pair.to.command(*id), *id)).collect()
        });
        if let Some(id) = map.get(header.as_str()) {
            let weight = pair.dialect.weight(&pair.to.meaning(*id, pair.dialect));
            return Self::at(pair, false, weight, pair.to.line(*id));
        }
        let mut top = change.subject().id;
        while let Some(parent) = pair.from.parent(top) {
            top = parent;
        }
        let weight = pair.dialect.weight(&pair.from.meaning(top, pair.dialect));
        Self::at(pair, true, weight, pair.from.line(top))
    }

    fn at(pair: Pair<'_>, leaving: bool, weight: i32, line: u32) -> GroupRank {
        GroupRank {
            // Where all takes effect at once, what goes is said first: a setting that is
            // single-valued without our knowing must not be taken back after it was typed.
            late: leaving != pair.dialect.is_transactional(),
            weight: if leaving { -weight } else { weight },
            line: if leaving { u32::MAX - line } else { line },
        }
    }
}

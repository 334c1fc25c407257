//! Which siblings of two documents belong together.

use super::document::{Document, NodeId};
use super::resolve;

/// Siblings that belong together, or one without a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// One slot, both sides.
    Both(NodeId, NodeId),
    /// Only on the device.
    Running(NodeId),
    /// Only in the intent.
    Intended(NodeId),
    /// One ordered list, in effective order; either side may be empty.
    List(Vec<NodeId>, Vec<NodeId>),
}

/// Place in the result: after which place of running, then in written order.
type Place = (usize, usize, usize);

/// Pairs siblings by slot, in the order of running; what only the intent has follows what
/// precedes it there.
pub(crate) fn pairs(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<Pair> {
    let (mine, yours) = (index(running, ours), index(intended, theirs));
    let mut out: Vec<(Place, Pair)> = Vec::with_capacity(ours.len());
    for (at, id) in ours.iter().enumerate() {
        if !running.listed(*id) {
            let pair = match find(&yours, running.raw(*id).slot) {
                Some(other) => Pair::Both(*id, theirs[other]),
                None => Pair::Running(*id),
            };
            out.push(((at + 1, 0, 0), pair));
        }
    }
    let ends = gaps(running, ours, |id| {
        find(&yours, running.raw(id).slot).is_some()
    });
    let mut after = ends[0];
    for (at, id) in theirs.iter().enumerate() {
        if intended.listed(*id) {
            continue;
        }
        match find(&mine, intended.raw(*id).slot) {
            Some(other) => after = ends[other + 1],
            None => out.push(((after, 1, at), Pair::Intended(*id))),
        }
    }
    lists(running, intended, ours, theirs, &mut out);
    out.sort_by_key(|(place, _)| *place);
    out.into_iter().map(|(_, pair)| pair).collect()
}

/// For each place of running, where the lines that only running has behind it end: what
/// the intent adds is shown after what it takes out.
fn gaps(running: &Document, ours: &[NodeId], matched: impl Fn(NodeId) -> bool) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..=ours.len()).collect();
    for at in (0..ours.len()).rev() {
        if !running.listed(ours[at]) && !matched(ours[at]) {
            ends[at] = ends[at + 1];
        }
    }
    ends
}

fn index(doc: &Document, ids: &[NodeId]) -> Vec<(u128, usize)> {
    let loose = ids.iter().enumerate().filter(|(_, id)| !doc.listed(**id));
    let mut index: Vec<(u128, usize)> = loose.map(|(at, id)| (doc.raw(*id).slot, at)).collect();
    index.sort_unstable();
    index
}

fn find(index: &[(u128, usize)], slot: u128) -> Option<usize> {
    let at = index.binary_search_by_key(&slot, |(s, _)| *s).ok()?;
    Some(index[at].1)
}

fn lists(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
    out: &mut Vec<(Place, Pair)>,
) {
    let mut mine = resolve::lists(running, ours);
    let yours = resolve::lists(intended, theirs);
    let place = |ids: &[NodeId], list: &[NodeId]| {
        let first = list.iter().min();
        ids.iter()
            .position(|id| Some(id) == first)
            .map_or(0, |at| at + 1)
    };
    for list in yours {
        let slot = intended.raw(list[0]).slot;
        let other = mine.iter().position(|m| running.raw(m[0]).slot == slot);
        let other = other.map(|at| mine.swap_remove(at)).unwrap_or_default();
        let at = if other.is_empty() {
            (ours.len() + 1, 1, place(theirs, &list))
        } else {
            (place(ours, &other), 0, 1)
        };
        out.push((at, Pair::List(other, list)));
    }
    for list in mine {
        out.push(((place(ours, &list), 0, 1), Pair::List(list, Vec::new())));
    }
}

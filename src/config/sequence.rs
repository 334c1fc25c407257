//! Ordered lists: what was added, taken out, changed and moved.

use std::collections::BTreeMap;

use super::compare::OpKind;
use super::document::{Document, NodeId};
use super::resolve::numbered;

/// One difference between two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: OpKind,
    pub(crate) running: Option<NodeId>,
    pub(crate) intended: Option<NodeId>,
    pub(crate) places: Option<(usize, usize)>,
}

/// Where both sides number all their entries, the number decides; otherwise the content,
/// and the numbers of the one side do not matter.
pub(crate) fn compare(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<Step> {
    if by_number(running, intended, ours, theirs) {
        numbers(running, intended, ours, theirs)
    } else {
        contents(running, intended, ours, theirs)
    }
}

/// Entries that are the same on both sides.
pub(crate) fn same(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<(NodeId, NodeId)> {
    let matched = align(running, intended, ours, theirs);
    matched
        .into_iter()
        .map(|(a, b)| (ours[a], theirs[b]))
        .collect()
}

fn by_number(running: &Document, intended: &Document, ours: &[NodeId], theirs: &[NodeId]) -> bool {
    !ours.is_empty() && !theirs.is_empty() && numbered(running, ours) && numbered(intended, theirs)
}

fn step(kind: OpKind, running: Option<NodeId>, intended: Option<NodeId>) -> Step {
    Step {
        kind,
        running,
        intended,
        places: None,
    }
}

fn number(doc: &Document, id: NodeId) -> Option<u64> {
    doc.info(id).and_then(|info| info.number)
}

/// Both lists are sorted by number.
fn numbers(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<Step> {
    let mut out = Vec::new();
    let (mut a, mut b) = (0, 0);
    while a < ours.len() || b < theirs.len() {
        let mine = ours
            .get(a)
            .map(|id| (number(running, *id), running.raw(*id).value));
        let yours = theirs
            .get(b)
            .map(|id| (number(intended, *id), intended.raw(*id).value));
        let order = match (mine, yours) {
            (Some(m), Some(y)) => m.0.cmp(&y.0),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, _) => std::cmp::Ordering::Greater,
        };
        if order.is_lt() {
            out.push(step(OpKind::Remove, Some(ours[a]), None));
        } else if order.is_gt() {
            out.push(step(OpKind::Add, None, Some(theirs[b])));
        } else if mine.map(|m| m.1) != yours.map(|y| y.1) {
            out.push(step(OpKind::Replace, Some(ours[a]), Some(theirs[b])));
        }
        a += usize::from(order.is_le());
        b += usize::from(order.is_ge());
    }
    out
}

/// Pairs of places with equal content, equal occurrences of a repeated one together.
fn align(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<(usize, usize)> {
    let mut at: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    for (place, id) in ours.iter().enumerate().rev() {
        at.entry(running.raw(*id).value).or_default().push(place);
    }
    let mut pairs = Vec::new();
    for (place, id) in theirs.iter().enumerate() {
        let mine = at.get_mut(&intended.raw(*id).value).and_then(Vec::pop);
        pairs.extend(mine.map(|mine| (mine, place)));
    }
    pairs.sort_unstable();
    pairs
}

fn contents(
    running: &Document,
    intended: &Document,
    ours: &[NodeId],
    theirs: &[NodeId],
) -> Vec<Step> {
    let pairs = align(running, intended, ours, theirs);
    let fixed = longest_rising(&pairs);
    let mut steps: Vec<((usize, usize, usize), Step)> = Vec::new();
    let mut anchor = 0;
    let mut matched = pairs.iter().peekable();
    for (a, id) in ours.iter().enumerate() {
        if let Some((_, b)) = matched.next_if(|(mine, _)| *mine == a) {
            if fixed.binary_search(b).is_ok() {
                anchor = b + 1;
            }
        } else {
            steps.push(((anchor, 0, a), step(OpKind::Remove, Some(*id), None)));
        }
    }
    let partner: BTreeMap<usize, usize> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
    let mut anchor = 0;
    for (b, id) in theirs.iter().enumerate() {
        if fixed.binary_search(&b).is_ok() {
            anchor = b + 1;
            continue;
        }
        let new = match partner.get(&b) {
            Some(a) => Step {
                places: Some((a + 1, b + 1)),
                ..step(OpKind::Move, Some(ours[*a]), Some(*id))
            },
            None => step(OpKind::Add, None, Some(*id)),
        };
        steps.push(((anchor, 1, b), new));
    }
    steps.sort_by_key(|(place, _)| *place);
    steps.into_iter().map(|(_, step)| step).collect()
}

/// The places (second of each pair) of a longest subsequence that rises in both: what
/// need not move. The pairs are sorted by their first.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (_, b)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|t| pairs[*t].1 < *b);
        before.push(length.checked_sub(1).map(|l| tails[l]));
        if length == tails.len() {
            tails.push(at);
        } else {
            tails[length] = at;
        }
    }
    let mut out = Vec::with_capacity(tails.len());
    let mut at = tails.last().copied();
    while let Some(place) = at {
        out.push(pairs[place].1);
        at = before[place];
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::longest_rising;

    #[test]
    fn the_least_number_of_entries_moves() {
        let pairs = |order: &[usize]| order.iter().copied().enumerate().collect::<Vec<_>>();
        assert_eq!(longest_rising(&pairs(&[0, 1, 2])), [0, 1, 2]);
        assert_eq!(longest_rising(&pairs(&[3, 0, 1, 2])), [0, 1, 2]);
        assert_eq!(longest_rising(&pairs(&[1, 0])).len(), 1);
        assert!(longest_rising(&[]).is_empty());
    }
}

//! Which commands count, and hashes over what they mean.

use super::dialect::{Cardinality, Dialect};
use super::document::{Document, NodeId, Standing};
use super::hash::Mix;

/// Decides which of several lines for one slot counts, and joins blocks with one header.
/// Parents come before their children, so one pass is enough.
pub(crate) fn standings(doc: &mut Document) {
    let mut joined: Vec<Vec<NodeId>> = vec![Vec::new(); doc.nodes.len()];
    let roots = doc.roots.clone();
    doc.body = settle(doc, &[&roots], &mut joined);
    for id in doc.ids() {
        let at = id.0 as usize;
        if doc.nodes[at].children.is_empty() && joined[at].is_empty() {
            continue;
        }
        let others = std::mem::take(&mut joined[at]);
        let mut blocks = others;
        blocks.push(id);
        blocks.sort_unstable();
        let lists: Vec<Vec<NodeId>> = blocks
            .iter()
            .map(|b| doc.nodes[b.0 as usize].children.clone())
            .collect();
        let lists: Vec<&[NodeId]> = lists.iter().map(Vec::as_slice).collect();
        if doc.nodes[at].standing != Standing::Duplicate {
            doc.sems[at].body = settle(doc, &lists, &mut joined);
        }
    }
}

/// The commands that count among siblings.
fn settle(doc: &mut Document, lists: &[&[NodeId]], joined: &mut [Vec<NodeId>]) -> Vec<NodeId> {
    let is_command = |id: &NodeId| doc.node(*id).standing != Standing::Trivia;
    let mut all: Vec<NodeId> = lists.iter().flat_map(|l| l.iter().copied()).collect();
    all.retain(is_command);
    let mut by_slot: Vec<(u128, NodeId)> = all.iter().map(|id| (doc.sem(*id).slot, *id)).collect();
    by_slot.sort_unstable();
    for same in by_slot.chunk_by(|a, b| a.0 == b.0).filter(|s| s.len() > 1) {
        let ids: Vec<NodeId> = same.iter().map(|(_, id)| *id).collect();
        rivals(doc, &ids, joined);
    }
    all.retain(|id| doc.node(*id).standing == Standing::Live);
    all
}

/// Several lines in one slot, in written order.
fn rivals(doc: &mut Document, ids: &[NodeId], joined: &mut [Vec<NodeId>]) {
    if doc.sem(ids[0]).listed() {
        return listed_blocks(doc, ids, joined);
    }
    let last = ids[ids.len() - 1];
    let same = ids
        .iter()
        .all(|id| doc.node(*id).command == doc.node(last).command);
    let winner = if same { ids[0] } else { last };
    for id in ids.iter().filter(|id| **id != winner) {
        doc.nodes[id.0 as usize].standing = Standing::Duplicate;
        if !doc.node(*id).negated {
            joined[winner.0 as usize].push(*id);
        }
    }
}

/// Entries of a list may repeat; blocks with one header are one block all the same.
fn listed_blocks(doc: &mut Document, ids: &[NodeId], joined: &mut [Vec<NodeId>]) {
    let mut first: Vec<NodeId> = Vec::new();
    for id in ids.iter().filter(|id| doc.node(**id).opens.is_some()) {
        first.push(*id);
    }
    first.sort_by(|a, b| {
        doc.node(*a)
            .command
            .cmp(&doc.node(*b).command)
            .then(a.cmp(b))
    });
    let groups: Vec<Vec<NodeId>> = first
        .chunk_by(|a, b| doc.node(*a).command == doc.node(*b).command)
        .map(<[NodeId]>::to_vec)
        .collect();
    for group in groups {
        for id in &group[1..] {
            doc.nodes[id.0 as usize].standing = Standing::Duplicate;
            joined[group[0].0 as usize].push(*id);
        }
    }
}

/// The numbers the device would give to entries typed without one.
pub(crate) fn numbers(doc: &mut Document, dialect: &Dialect) {
    let mut bodies: Vec<Vec<NodeId>> = vec![doc.body.clone()];
    bodies.extend(
        doc.sems
            .iter()
            .filter(|s| !s.body.is_empty())
            .map(|s| s.body.clone()),
    );
    for body in bodies {
        for list in lists(doc, &body) {
            let mut last: Option<u64> = None;
            for id in list {
                let (first, step) = dialect.numbering(doc.node(id).rule).unwrap_or_default();
                let next = last.map_or(first, |n| n.saturating_add(step));
                let rank = doc.sem(id).number.unwrap_or(next);
                doc.sems[id.0 as usize].rank = rank;
                last = Some(last.map_or(rank, |n| n.max(rank)));
            }
        }
    }
}

/// The ordered lists among siblings, each in effective order.
pub(crate) fn lists(doc: &Document, body: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut listed: Vec<(u128, NodeId)> = body
        .iter()
        .filter(|id| doc.sem(**id).listed())
        .map(|id| (doc.sem(*id).slot, *id))
        .collect();
    listed.sort_by_key(|(slot, _)| *slot);
    listed
        .chunk_by(|a, b| a.0 == b.0)
        .map(|list| arrange(doc, list.iter().map(|(_, id)| *id).collect()))
        .collect()
}

/// By number where every entry carries one, else as written.
pub(crate) fn arrange(doc: &Document, mut list: Vec<NodeId>) -> Vec<NodeId> {
    if numbered(doc, &list) {
        list.sort_by_key(|id| doc.sem(*id).number);
    }
    list
}

/// Every entry carries a number.
pub(crate) fn numbered(doc: &Document, list: &[NodeId]) -> bool {
    list.iter().all(|id| {
        let sem = doc.sem(*id);
        sem.cardinality == Cardinality::Keyed && sem.number.is_some()
    })
}

/// Hashes of all subtrees that count.
pub(crate) fn hashes(doc: &mut Document) {
    let body = std::mem::take(&mut doc.body);
    hash_all(doc, &body);
    doc.body = body;
}

/// Depth is bounded by the lexer.
fn hash_all(doc: &mut Document, body: &[NodeId]) {
    for id in body {
        let at = id.0 as usize;
        let inner = std::mem::take(&mut doc.sems[at].body);
        hash_all(doc, &inner);
        let mut mix = Mix::new(1);
        mix.wide(doc.sems[at].slot);
        mix.wide(doc.sems[at].value);
        if !inner.is_empty() {
            mix.wide(inside(doc, &inner));
        }
        doc.sems[at].hash = mix.finish();
        doc.sems[at].body = inner;
    }
}

/// Hash over siblings.
fn inside(doc: &Document, body: &[NodeId]) -> u128 {
    let mut parts: Vec<u128> = items(doc, body).into_iter().map(|(hash, _)| hash).collect();
    parts.sort_unstable();
    let mut mix = Mix::new(2);
    for part in parts {
        mix.wide(part);
    }
    mix.finish()
}

/// Unordered siblings one by one, each list as a whole; with their hashes.
fn items(doc: &Document, body: &[NodeId]) -> Vec<(u128, Vec<NodeId>)> {
    let loose = body.iter().filter(|id| !doc.sem(**id).listed());
    let mut items: Vec<(u128, Vec<NodeId>)> =
        loose.map(|id| (doc.sem(*id).hash, vec![*id])).collect();
    for list in lists(doc, body) {
        let mut mix = Mix::new(3);
        for id in &list {
            mix.word(doc.sem(*id).rank);
            mix.wide(doc.sem(*id).hash);
        }
        items.push((mix.finish(), list));
    }
    items
}

/// What the siblings mean, as bytes; equal meanings give equal bytes.
pub(crate) fn stream(doc: &Document, body: &[NodeId], out: &mut Vec<u8>) {
    let mut items = items(doc, body);
    items.sort_unstable();
    for (_, list) in items {
        for id in list {
            let sem = doc.sem(id);
            out.extend(sem.slot.to_be_bytes());
            out.extend(sem.rank.to_be_bytes());
            out.extend(doc.content(id).as_bytes());
            out.push(0x1f);
            out.extend(doc.literal(id).unwrap_or_default().as_bytes());
            out.push(0x1e);
            stream(doc, &sem.body, out);
            out.push(0x1d);
        }
    }
}

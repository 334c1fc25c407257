//! Which commands count, and hashes over what they mean.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, Dialect};
use super::document::{Document, NodeId, Standing};
use super::hash::Mix;

/// Decides which of several lines for one slot counts, and joins blocks with one header.
/// Parents come before their children, so one pass is enough.
pub(crate) fn standings(doc: &mut Document) {
    let mut joined = Joined::new();
    let roots = std::mem::take(&mut doc.roots);
    doc.body = settle(doc, roots.clone(), &mut joined);
    doc.roots = roots;
    for id in doc.ids() {
        let at = id.0 as usize;
        if doc.nodes[at].standing == Standing::Duplicate {
            continue;
        }
        let mut all = doc.nodes[at].children.clone();
        if let Some(mut blocks) = joined.remove(&id) {
            blocks.push(id);
            blocks.sort_unstable();
            let children = blocks.iter().flat_map(|b| &doc.node(*b).children);
            all = children.copied().collect();
        }
        if !all.is_empty() {
            doc.sems[at].body = settle(doc, all, &mut joined);
        }
    }
}

/// Blocks whose children count as those of another one.
type Joined = BTreeMap<NodeId, Vec<NodeId>>;

/// A block that always stays and holds nothing says nothing.
pub(crate) fn prune(doc: &mut Document) {
    let body = std::mem::take(&mut doc.body);
    doc.body = prune_all(doc, body);
}

/// Depth is bounded by the lexer.
fn prune_all(doc: &mut Document, mut body: Vec<NodeId>) -> Vec<NodeId> {
    for id in &body {
        let at = id.0 as usize;
        if doc.nodes[at].opens.is_none() && doc.sems[at].body.is_empty() {
            continue;
        }
        let inner = std::mem::take(&mut doc.sems[at].body);
        doc.sems[at].body = prune_all(doc, inner);
        if doc.sems[at].stays && doc.sems[at].body.is_empty() {
            doc.nodes[at].standing = Standing::Absent;
        }
    }
    body.retain(|id| doc.node(*id).standing == Standing::Live);
    body
}

/// The commands that count among siblings.
fn settle(doc: &mut Document, mut all: Vec<NodeId>, joined: &mut Joined) -> Vec<NodeId> {
    all.retain(|id| doc.node(*id).standing != Standing::Trivia);
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
fn rivals(doc: &mut Document, ids: &[NodeId], joined: &mut Joined) {
    if doc.sem(ids[0]).listed() {
        same_number(doc, ids);
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
            joined.entry(winner).or_default().push(*id);
        }
    }
}

/// Of several entries with one number the last counts.
fn same_number(doc: &mut Document, ids: &[NodeId]) {
    let keyed = |id: &NodeId| {
        let sem = doc.sem(*id);
        let live = doc.node(*id).standing == Standing::Live;
        (live && sem.cardinality == Cardinality::Keyed).then_some((sem.number?, *id))
    };
    let mut numbered: Vec<(u64, NodeId)> = ids.iter().filter_map(keyed).collect();
    numbered.sort_unstable();
    for pair in numbered.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        doc.nodes[pair[0].1.0 as usize].standing = Standing::Duplicate;
    }
}

/// Entries of a list may repeat; blocks with one header are one block all the same.
fn listed_blocks(doc: &mut Document, ids: &[NodeId], joined: &mut Joined) {
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
            joined.entry(group[0]).or_default().push(*id);
        }
    }
}

/// The numbers the device would give to entries typed without one.
pub(crate) fn numbers(doc: &mut Document, dialect: &Dialect) {
    let keyed = |doc: &Document, body: &[NodeId]| {
        let entry = |id: &NodeId| doc.sem(*id).cardinality == Cardinality::Keyed;
        body.iter().any(entry).then(|| lists(doc, body))
    };
    let mut all: Vec<Vec<NodeId>> = keyed(doc, &doc.body).unwrap_or_default();
    for sem in doc.sems.iter().filter(|s| !s.body.is_empty()) {
        all.extend(keyed(doc, &sem.body).unwrap_or_default());
    }
    for list in all {
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

/// The ordered lists among siblings, each in effective order.
pub(crate) fn lists(doc: &Document, body: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut listed: Vec<(u128, NodeId)> = body
        .iter()
        .filter(|id| doc.sem(**id).listed())
        .map(|id| (doc.sem(*id).slot, *id))
        .collect();
    if !listed.is_sorted_by_key(|(slot, _)| *slot) {
        listed.sort_by_key(|(slot, _)| *slot);
    }
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
    let loose = body
        .iter()
        .map(|id| doc.sem(*id))
        .filter(|sem| !sem.listed());
    let mut parts: Vec<u128> = loose.map(|sem| sem.hash).collect();
    if parts.len() < body.len() {
        parts.extend(lists(doc, body).iter().map(|list| list_hash(doc, list)));
    }
    parts.sort_unstable();
    let mut mix = Mix::new(2);
    for part in parts {
        mix.wide(part);
    }
    mix.finish()
}

/// Hash over the entries of a list, their order and numbers.
fn list_hash(doc: &Document, list: &[NodeId]) -> u128 {
    let mut mix = Mix::new(3);
    for id in list {
        mix.word(doc.sem(*id).rank);
        mix.wide(doc.sem(*id).hash);
    }
    mix.finish()
}

/// Unordered siblings one by one, each list as a whole; with their hashes.
fn items(doc: &Document, body: &[NodeId]) -> Vec<(u128, Vec<NodeId>)> {
    let loose = body.iter().filter(|id| !doc.sem(**id).listed());
    let mut items: Vec<(u128, Vec<NodeId>)> =
        loose.map(|id| (doc.sem(*id).hash, vec![*id])).collect();
    items.extend(
        lists(doc, body)
            .into_iter()
            .map(|list| (list_hash(doc, &list), list)),
    );
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

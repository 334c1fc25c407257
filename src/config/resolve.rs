//! Which commands count, and hashes over what they mean.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, Dialect};
use super::document::{Document, Lists, NodeId, Standing};
use super::hash::Mix;

/// Finds standings, bodies, numbers and hashes.
pub(crate) fn run(doc: &mut Document, dialect: &Dialect) {
    let mut bodies = standings(doc, !dialect.whole_file);
    let mut finisher = Finisher {
        doc,
        dialect,
        scratch: Vec::new(),
    };
    let top = finisher.level(&mut bodies, 0);
    bodies.shrink(0, top);
    doc.bodies = bodies.lists();
}

/// Bodies in the making: where each begins, how long it is.
struct Bodies {
    places: Vec<(u32, u32)>,
    items: Vec<NodeId>,
}

impl Bodies {
    fn shrink(&mut self, at: usize, length: usize) {
        self.places[at].1 = small(length);
    }

    fn put(&mut self, at: usize, nodes: &[NodeId]) {
        self.places[at] = (small(self.items.len()), small(nodes.len()));
        self.items.extend_from_slice(nodes);
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let (start, length) = self.places[at];
        start as usize..(start + length) as usize
    }

    fn lists(self) -> Lists {
        let mut starts = Vec::with_capacity(self.places.len() + 1);
        let mut items = Vec::with_capacity(self.items.len());
        for at in 0..self.places.len() {
            starts.push(small(items.len()));
            items.extend_from_slice(&self.items[self.range(at)]);
        }
        starts.push(small(items.len()));
        Lists::new(starts, items)
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).expect("a text is below 4 GiB")
}

/// Blocks whose children count as those of another one.
type Joined = BTreeMap<NodeId, Vec<NodeId>>;

/// Decides which of several lines for one slot counts, and joins blocks with one header.
/// Blocks come before their children, so one pass is enough.
fn standings(doc: &mut Document, joins: bool) -> Bodies {
    let mut bodies = Bodies {
        places: vec![(0, 0); doc.nodes.len() + 1],
        items: Vec::with_capacity(doc.nodes.len()),
    };
    let mut joined = Joined::new();
    let mut all = Vec::new();
    let mut slots = Vec::new();
    all.extend_from_slice(doc.children.of(None));
    settle(doc, &mut all, &mut slots, &mut joined, joins);
    bodies.put(0, &all);
    let mut later = Vec::new();
    for id in doc.ids() {
        if doc.raw(id).standing == Standing::Duplicate || doc.children.of(Some(id)).is_empty() {
            if joined.contains_key(&id) {
                later.push(id);
            }
            continue;
        }
        all.clear();
        gather(doc, id, &mut joined, &mut all);
        settle(doc, &mut all, &mut slots, &mut joined, joins);
        bodies.put(id.at() + 1, &all);
    }
    // A header without children of its own that stands for others.
    for id in later {
        if doc.raw(id).standing != Standing::Duplicate {
            all.clear();
            gather(doc, id, &mut joined, &mut all);
            settle(doc, &mut all, &mut slots, &mut joined, joins);
            bodies.put(id.at() + 1, &all);
        }
    }
    bodies
}

/// The children of a block, those of the blocks joined to it included.
fn gather(doc: &Document, id: NodeId, joined: &mut Joined, all: &mut Vec<NodeId>) {
    let Some(mut blocks) = joined.remove(&id) else {
        all.extend_from_slice(doc.children.of(Some(id)));
        return;
    };
    blocks.push(id);
    blocks.sort_unstable();
    for block in blocks {
        all.extend_from_slice(doc.children.of(Some(block)));
    }
}

/// Leaves the commands that count among siblings.
fn settle(
    doc: &mut Document,
    all: &mut Vec<NodeId>,
    slots: &mut Vec<(u128, NodeId)>,
    joined: &mut Joined,
    joins: bool,
) {
    all.retain(|id| doc.raw(*id).standing != Standing::Trivia);
    slots.clear();
    slots.extend(all.iter().map(|id| (doc.raw(*id).slot, *id)));
    slots.sort_unstable();
    for same in slots.chunk_by(|a, b| a.0 == b.0).filter(|s| s.len() > 1) {
        let ids: Vec<NodeId> = same.iter().map(|(_, id)| *id).collect();
        rivals(doc, &ids, joined, joins);
    }
    // Lines for absence stay for now: they may matter where they stand alone.
    all.retain(|id| doc.raw(*id).standing == Standing::Live);
}

/// Several lines in one slot, in written order.
fn rivals(doc: &mut Document, ids: &[NodeId], joined: &mut Joined, joins: bool) {
    if doc.listed(ids[0]) {
        same_number(doc, ids);
        // In a file each stands for itself; a device has one block of each name.
        if joins {
            listed_blocks(doc, ids, joined);
        }
        return;
    }
    let last = ids[ids.len() - 1];
    let same = ids.iter().all(|id| doc.command(*id) == doc.command(last));
    let winner = if same { ids[0] } else { last };
    for id in ids.iter().filter(|id| **id != winner) {
        doc.nodes[id.at()].standing = Standing::Duplicate;
        if doc.info(*id).is_some_and(|info| !info.negated()) {
            joined.entry(winner).or_default().push(*id);
        }
    }
}

/// Of several entries with one number the last counts.
fn same_number(doc: &mut Document, ids: &[NodeId]) {
    let keyed = |id: &NodeId| {
        let info = doc.info(*id)?;
        let live = doc.raw(*id).standing == Standing::Live;
        (live && info.cardinality == Cardinality::Keyed).then_some((info.number?, *id))
    };
    let mut numbered: Vec<(u64, NodeId)> = ids.iter().filter_map(keyed).collect();
    numbered.sort_unstable();
    for pair in numbered.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        doc.nodes[pair[0].1.at()].standing = Standing::Duplicate;
    }
}

/// Entries of a list may repeat; blocks with one header are one block all the same.
fn listed_blocks(doc: &mut Document, ids: &[NodeId], joined: &mut Joined) {
    let opens = |id: &NodeId| doc.info(*id).is_some_and(|info| info.opens.is_some());
    let mut first: Vec<NodeId> = ids.iter().copied().filter(opens).collect();
    first.sort_by(|a, b| doc.command(*a).cmp(doc.command(*b)).then(a.cmp(b)));
    let groups: Vec<Vec<NodeId>> = first
        .chunk_by(|a, b| doc.command(*a) == doc.command(*b))
        .map(<[NodeId]>::to_vec)
        .collect();
    for group in groups {
        for id in &group[1..] {
            doc.nodes[id.at()].standing = Standing::Duplicate;
            joined.entry(group[0]).or_default().push(*id);
        }
    }
}

/// From the inside out: blocks that say nothing go, entries get their numbers, everything
/// its hash.
struct Finisher<'a> {
    doc: &'a mut Document,
    dialect: &'a Dialect,
    scratch: Vec<u128>,
}

impl Finisher<'_> {
    /// Finishes the siblings of a body; how many are left. Depth is bounded by the lexers.
    fn level(&mut self, bodies: &mut Bodies, at: usize) -> usize {
        let range = bodies.range(at);
        let mut kept = range.start;
        let mut listed = false;
        for place in range.clone() {
            let id = bodies.items[place];
            let inner = bodies.places[id.at() + 1].1;
            let left = if inner > 0 {
                self.level(bodies, id.at() + 1)
            } else {
                0
            };
            bodies.shrink(id.at() + 1, left);
            let info = self.doc.info(id);
            // A block that always stays and holds nothing says nothing.
            if left == 0 && info.is_some_and(|info| info.stays) {
                self.doc.nodes[id.at()].standing = Standing::Absent;
                continue;
            }
            listed |= info.is_some_and(|info| info.listed());
            self.node(bodies, id, left);
            bodies.items[kept] = id;
            kept += 1;
        }
        let left = kept - range.start;
        if listed {
            self.numbers(&bodies.items[range.start..kept]);
        }
        left
    }

    /// The hash of a node whose body is finished.
    fn node(&mut self, bodies: &Bodies, id: NodeId, inner: usize) {
        let mut mix = Mix::new(1);
        let raw = self.doc.raw(id);
        mix.wide(raw.slot);
        mix.wide(raw.value);
        if raw.inactive {
            mix.word(1);
        }
        if inner > 0 {
            let range = bodies.range(id.at() + 1);
            let hash = inside(self.doc, &bodies.items[range], &mut self.scratch);
            mix.wide(hash);
        }
        self.doc.nodes[id.at()].hash = mix.finish();
    }

    /// The numbers the device would give to entries typed without one.
    fn numbers(&mut self, body: &[NodeId]) {
        for list in lists(self.doc, body) {
            let mut last: Option<u64> = None;
            for id in list {
                let Some(info) = self.doc.info(id) else {
                    continue;
                };
                if info.cardinality != Cardinality::Keyed {
                    continue;
                }
                let (first, step) = self.dialect.numbering(info.rule).unwrap_or_default();
                let next = last.map_or(first, |n| n.saturating_add(step));
                let rank = info.number.unwrap_or(next);
                self.doc.nodes[id.at()].rank = rank;
                last = Some(last.map_or(rank, |n| n.max(rank)));
            }
        }
    }
}

/// The ordered lists among siblings, each in effective order.
pub(crate) fn lists(doc: &Document, body: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut listed: Vec<(u128, NodeId)> = body
        .iter()
        .filter(|id| doc.listed(**id))
        .map(|id| (doc.raw(*id).slot, *id))
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
        list.sort_by_key(|id| doc.info(*id).and_then(|info| info.number));
    }
    list
}

/// Every entry carries a number.
pub(crate) fn numbered(doc: &Document, list: &[NodeId]) -> bool {
    list.iter().all(|id| {
        doc.info(*id)
            .is_some_and(|i| i.cardinality == Cardinality::Keyed && i.number.is_some())
    })
}

/// Hash over siblings.
fn inside(doc: &Document, body: &[NodeId], parts: &mut Vec<u128>) -> u128 {
    parts.clear();
    for id in body.iter().filter(|id| !doc.listed(**id)) {
        parts.push(doc.raw(*id).hash);
    }
    if parts.len() < body.len() {
        parts.extend(lists(doc, body).iter().map(|list| list_hash(doc, list)));
    }
    siblings(parts)
}

/// Hash over the hashes of siblings, whose order does not count.
pub(crate) fn siblings(parts: &mut [u128]) -> u128 {
    parts.sort_unstable();
    let mut mix = Mix::new(2);
    for part in parts {
        mix.wide(*part);
    }
    mix.finish()
}

/// Hash over the entries of a list, their order and numbers.
fn list_hash(doc: &Document, list: &[NodeId]) -> u128 {
    entries(list.iter().map(|id| {
        let raw = doc.raw(*id);
        (raw.rank, raw.hash)
    }))
}

/// Hash over the numbers and hashes of a list's entries.
pub(crate) fn entries(list: impl Iterator<Item = (u64, u128)>) -> u128 {
    let mut mix = Mix::new(3);
    for (rank, hash) in list {
        mix.word(rank);
        mix.wide(hash);
    }
    mix.finish()
}

/// Hash over what is inside a node.
pub(crate) fn inner(doc: &Document, id: NodeId) -> u128 {
    inside(doc, doc.bodies.of(Some(id)), &mut Vec::new())
}

/// Hash over everything that counts.
pub(crate) fn whole(doc: &Document) -> u128 {
    inside(doc, doc.bodies.of(None), &mut Vec::new())
}

/// Unordered siblings one by one, each list as a whole; with their hashes.
fn items(doc: &Document, body: &[NodeId]) -> Vec<(u128, Vec<NodeId>)> {
    let loose = body.iter().filter(|id| !doc.listed(**id));
    let mut items: Vec<(u128, Vec<NodeId>)> =
        loose.map(|id| (doc.raw(*id).hash, vec![*id])).collect();
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
            let raw = doc.raw(id);
            out.extend(raw.slot.to_be_bytes());
            out.extend(raw.rank.to_be_bytes());
            out.extend(doc.content(id).as_bytes());
            out.push(if raw.inactive { 0x1c } else { 0x1f });
            out.extend(doc.literal(id).unwrap_or_default().as_bytes());
            out.push(0x1e);
            stream(doc, doc.bodies.of(Some(id)), out);
            out.push(0x1d);
        }
    }
}

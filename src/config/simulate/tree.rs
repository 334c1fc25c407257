//! The configuration as the replay holds it: laid over the document it began from, of which
//! only those blocks are unfolded that a command touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::dialect::{Cardinality, ContextId, Dialect, Meaning};
use crate::config::document::{Document, NodeId};
use crate::config::hash::Mix;
use crate::config::lexicon::Info;
use crate::config::resolve;

/// A block's number; the top level is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockId(u32);

impl BlockId {
    pub(super) const TOP: Self = Self(0);
}

/// An entry's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId(u32);

/// What is inside an entry.
#[derive(Clone, Copy, Debug)]
enum Inside {
    Nothing,
    /// As in the document, untouched.
    Node(NodeId),
    Block(BlockId),
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) info: Arc<Info>,
    /// The text of a literal.
    pub(super) body: Option<Arc<str>>,
    pub(super) inactive: bool,
    /// Hash of what it says where that is not the line alone.
    value: u128,
    inside: Inside,
    gone: bool,
}

impl Entry {
    pub(super) fn new(info: Arc<Info>) -> Self {
        Self {
            value: info.value,
            info,
            body: None,
            inactive: false,
            inside: Inside::Nothing,
            gone: false,
        }
    }

    pub(super) fn literal(info: Arc<Info>, body: &str) -> Self {
        let value = crate::config::hash::of(12, &[&info.command, body]);
        Self {
            value,
            body: Some(body.into()),
            ..Self::new(info)
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.info.command
    }

    pub(super) fn meaning(&self, dialect: &Dialect) -> Meaning {
        dialect.meaning(self.info.context, &self.info.command)
    }
}

/// An unfolded block: its lines in order (gone ones included), and by slot.
#[derive(Clone, Debug, Default)]
struct Block {
    order: Vec<EntryId>,
    by_slot: BTreeMap<u128, Vec<EntryId>>,
}

/// All lines.
#[derive(Clone, Debug)]
pub(super) struct Tree<'d> {
    pub(super) document: &'d Document,
    blocks: Vec<Block>,
    entries: Vec<Entry>,
}

fn small(n: usize) -> u32 {
    u32::try_from(n).expect("fewer lines than 4 billion")
}

impl<'d> Tree<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let mut tree = Self {
            document,
            blocks: Vec::new(),
            entries: Vec::new(),
        };
        tree.unfold_node(None);
        tree
    }

    /// Makes a block of the commands below a node.
    fn unfold_node(&mut self, node: Option<NodeId>) -> BlockId {
        let mut block = Block::default();
        for id in self.document.commands(node) {
            let Some(info) = self.document.info(*id) else {
                continue;
            };
            let raw = self.document.raw(*id);
            let inner = self.document.commands(Some(*id));
            let entry = Entry {
                info: Arc::clone(info),
                body: self.document.literal(*id).map(Into::into),
                inactive: raw.inactive,
                value: raw.value,
                inside: if inner.is_empty() {
                    Inside::Nothing
                } else {
                    Inside::Node(*id)
                },
                gone: false,
            };
            let own = EntryId(small(self.entries.len()));
            self.entries.push(entry);
            block.order.push(own);
            block.by_slot.entry(raw.slot).or_default().push(own);
        }
        self.blocks.push(block);
        BlockId(small(self.blocks.len() - 1))
    }

    pub(super) fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// The inside of an entry, unfolded.
    pub(super) fn open(&mut self, id: EntryId) -> BlockId {
        let block = match self.entry(id).inside {
            Inside::Block(block) => return block,
            Inside::Node(node) => self.unfold_node(Some(node)),
            Inside::Nothing => {
                self.blocks.push(Block::default());
                BlockId(small(self.blocks.len() - 1))
            }
        };
        self.entries[id.0 as usize].inside = Inside::Block(block);
        block
    }

    /// The lines of a block in order.
    pub(super) fn lines(&self, block: BlockId) -> impl Iterator<Item = EntryId> {
        let order = &self.blocks[block.0 as usize].order;
        order.iter().copied().filter(|id| !self.entry(*id).gone)
    }

    /// The lines of a block that fill a slot, in order.
    pub(super) fn slot(&self, block: BlockId, slot: u128) -> Vec<EntryId> {
        let by_slot = &self.blocks[block.0 as usize].by_slot;
        let mut found = by_slot.get(&slot).cloned().unwrap_or_default();
        found.retain(|id| !self.entry(*id).gone);
        found
    }

    /// The line with this text.
    pub(super) fn find(&self, block: BlockId, info: &Info) -> Option<EntryId> {
        let mut same = self.slot(block, info.slot).into_iter();
        same.find(|id| self.entry(*id).info.command == info.command)
    }

    /// True when there is nothing inside an entry.
    pub(super) fn is_empty(&self, id: EntryId) -> bool {
        match self.entry(id).inside {
            Inside::Nothing => true,
            Inside::Node(node) => self.document.commands(Some(node)).is_empty(),
            Inside::Block(block) => self.lines(block).next().is_none(),
        }
    }

    /// Adds a line at the end of a block.
    pub(super) fn append(&mut self, block: BlockId, entry: Entry) -> EntryId {
        let id = EntryId(small(self.entries.len()));
        let slot = entry.info.slot;
        self.entries.push(entry);
        let block = &mut self.blocks[block.0 as usize];
        block.order.push(id);
        block.by_slot.entry(slot).or_default().push(id);
        id
    }

    /// Puts a line into the place of another, which is gone then; what was inside that one
    /// is inside the new one.
    pub(super) fn replace(&mut self, block: BlockId, old: EntryId, mut entry: Entry) -> EntryId {
        entry.inside = self.entry(old).inside;
        entry.inactive |= self.entry(old).inactive;
        let id = self.append(block, entry);
        self.entries[old.0 as usize].gone = true;
        let order = &mut self.blocks[block.0 as usize].order;
        order.pop();
        if let Some(place) = order.iter().position(|other| *other == old) {
            order[place] = id;
        }
        id
    }

    /// Takes a line away, with everything inside it.
    pub(super) fn take(&mut self, block: BlockId, id: EntryId) {
        let slot = self.entry(id).info.slot;
        self.entries[id.0 as usize].gone = true;
        if let Some(same) = self.blocks[block.0 as usize].by_slot.get_mut(&slot) {
            same.retain(|other| *other != id);
        }
    }

    /// Moves a line right before another, or behind it.
    pub(super) fn shift(&mut self, block: BlockId, id: EntryId, target: EntryId, behind: bool) {
        let order = &mut self.blocks[block.0 as usize].order;
        order.retain(|other| *other != id);
        let at = order.iter().position(|other| *other == target);
        let at = at.map_or(order.len(), |at| at + usize::from(behind));
        order.insert(at, id);
    }

    pub(super) fn switch(&mut self, id: EntryId, inactive: bool) {
        self.entries[id.0 as usize].inactive = inactive;
    }

    /// True when one of these rules knows a line below an entry; nothing is unfolded.
    pub(super) fn holds(&self, id: EntryId, test: &dyn Fn(&Info) -> bool) -> bool {
        match self.entry(id).inside {
            Inside::Nothing => false,
            Inside::Node(node) => self.node_holds(node, test),
            Inside::Block(block) => self
                .lines(block)
                .any(|line| test(&self.entry(line).info) || self.holds(line, test)),
        }
    }

    fn node_holds(&self, node: NodeId, test: &dyn Fn(&Info) -> bool) -> bool {
        self.document.commands(Some(node)).iter().any(|id| {
            self.document.info(*id).is_some_and(|info| test(info)) || self.node_holds(*id, test)
        })
    }

    /// Every line of an entry's inside, however deep.
    pub(super) fn below(&self, id: EntryId, visit: &mut dyn FnMut(&Arc<Info>)) {
        match self.entry(id).inside {
            Inside::Nothing => {}
            Inside::Node(node) => self.node_below(node, visit),
            Inside::Block(block) => {
                for line in self.lines(block) {
                    visit(&self.entry(line).info);
                    self.below(line, visit);
                }
            }
        }
    }

    fn node_below(&self, node: NodeId, visit: &mut dyn FnMut(&Arc<Info>)) {
        for id in self.document.commands(Some(node)) {
            if let Some(info) = self.document.info(*id) {
                visit(info);
            }
            self.node_below(*id, visit);
        }
    }

    /// Hash over what the lines of a block mean, as that of a document.
    pub(super) fn hash(&self, block: BlockId, dialect: &Dialect) -> u128 {
        let mut loose = Vec::new();
        let mut lists: BTreeMap<u128, Vec<(EntryId, u128)>> = BTreeMap::new();
        for id in self.lines(block) {
            let Some(hash) = self.entry_hash(id, dialect) else {
                continue;
            };
            let info = &self.entry(id).info;
            if info.listed() {
                lists.entry(info.slot).or_default().push((id, hash));
            } else {
                loose.push(hash);
            }
        }
        loose.extend(lists.into_values().map(|list| self.list(list, dialect)));
        resolve::siblings(&mut loose)
    }

    fn list(&self, mut list: Vec<(EntryId, u128)>, dialect: &Dialect) -> u128 {
        let number = |id: &EntryId| self.entry(*id).info.number;
        let keyed = |id: &EntryId| self.entry(*id).info.cardinality == Cardinality::Keyed;
        if list.iter().all(|(id, _)| keyed(id) && number(id).is_some()) {
            list.sort_by_key(|(id, _)| number(id));
        }
        let mut last: Option<u64> = None;
        resolve::entries(list.into_iter().map(|(id, hash)| {
            if !keyed(&id) {
                return (0, hash);
            }
            let (first, step) = dialect
                .numbering(self.entry(id).info.rule)
                .unwrap_or_default();
            let next = last.map_or(first, |n| n.saturating_add(step));
            let rank = number(&id).unwrap_or(next);
            last = Some(last.map_or(rank, |n| n.max(rank)));
            (rank, hash)
        }))
    }

    /// `None` for a line that says nothing.
    fn entry_hash(&self, id: EntryId, dialect: &Dialect) -> Option<u128> {
        let entry = self.entry(id);
        let empty = self.is_empty(id);
        if empty && entry.info.stays {
            return None;
        }
        let mut mix = Mix::new(1);
        mix.wide(entry.info.slot);
        mix.wide(entry.value);
        if entry.inactive {
            mix.word(1);
        }
        match entry.inside {
            Inside::Node(node) if !empty => {
                // What is inside is as it was; so is the whole, unless the header changed.
                let raw = self.document.raw(node);
                let same = raw.slot == entry.info.slot
                    && raw.value == entry.value
                    && raw.inactive == entry.inactive;
                if same {
                    return Some(raw.hash);
                }
                mix.wide(resolve::inner(self.document, node));
            }
            Inside::Block(block) => {
                let inside = self.hash(block, dialect);
                // A block whose lines all say nothing is an empty one.
                if self.says_nothing(block) {
                    if entry.info.stays {
                        return None;
                    }
                } else {
                    mix.wide(inside);
                }
            }
            Inside::Nothing | Inside::Node(_) => {}
        }
        Some(mix.finish())
    }

    fn says_nothing(&self, block: BlockId) -> bool {
        self.lines(block).all(|id| {
            let entry = self.entry(id);
            entry.info.stays
                && match entry.inside {
                    Inside::Nothing => true,
                    Inside::Node(node) => self.document.commands(Some(node)).is_empty(),
                    Inside::Block(block) => self.says_nothing(block),
                }
        })
    }

    /// What stands below an entry, for printing.
    pub(super) fn view(&self, id: Option<EntryId>) -> View {
        match id.map(|id| self.entry(id).inside) {
            None => View::Block(BlockId::TOP),
            Some(Inside::Nothing) => View::Nothing,
            Some(Inside::Node(node)) => View::Node(node),
            Some(Inside::Block(block)) => View::Block(block),
        }
    }
}

/// The inside of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    Nothing,
    Node(NodeId),
    Block(BlockId),
}

/// The context of an entry's children.
pub(super) fn inside_of(info: &Info) -> ContextId {
    info.opens.unwrap_or(ContextId::UNKNOWN)
}

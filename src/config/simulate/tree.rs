//! The configuration as the replay holds it: lines with their meaning, nothing else.

use std::collections::BTreeSet;

use super::super::dialect::{Cardinality, ContextId, Dialect, Meaning, Reference};
use super::super::document::{Document, NodeId};
use super::super::spec::LiteralSpec;
use super::book::Book;

/// Characters that can delimit a literal.
const MARKS: &[&str] = &["^C", "#", "~", "%", "|", "\u{3}"];

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// In canonical words; of a literal only the opening ones.
    pub(super) text: String,
    pub(super) meaning: Meaning,
    /// The text of a literal.
    pub(super) body: Option<String>,
    pub(super) children: Vec<Self>,
    pub(super) defines: Option<Reference>,
    pub(super) uses: Vec<Reference>,
}

impl Entry {
    pub(super) fn new(meaning: Meaning, text: String, dialect: &Dialect) -> Self {
        let live = !meaning.negated;
        Self {
            defines: dialect.defines(&meaning).filter(|_| live),
            uses: if live {
                dialect.uses(&meaning)
            } else {
                Vec::new()
            },
            text,
            meaning,
            body: None,
            children: Vec::new(),
        }
    }

    /// Whether the line is one of a list.
    pub(super) fn listed(&self) -> bool {
        matches!(
            self.meaning.cardinality,
            Cardinality::Seq | Cardinality::Keyed
        )
    }
}

/// All lines, and the book of names kept beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Vec<Entry>,
    pub(super) book: Book,
    /// Slots of numbered lists whose entries the device shows without numbers.
    pub(super) silent: BTreeSet<Box<str>>,
}

impl Tree {
    /// The lines of a document that count.
    pub(super) fn of(document: &Document, dialect: &Dialect) -> Self {
        let mut tree = Self {
            root: entries(document, None, dialect),
            book: Book::default(),
            silent: BTreeSet::new(),
        };
        silent(&tree.root, &mut tree.silent);
        for entry in &tree.root {
            tree.book.enter(entry);
        }
        tree.book.settle();
        tree
    }

    /// The lines of a block; `None` if there is no such block.
    pub(super) fn at(&self, path: &[String]) -> Option<&[Entry]> {
        path.iter().try_fold(self.root.as_slice(), |lines, header| {
            let block = lines.iter().find(|e| e.text == *header)?;
            Some(block.children.as_slice())
        })
    }

    fn block(&mut self, path: &[String]) -> Option<&mut Entry> {
        let (first, rest) = path.split_first()?;
        let top = self.root.iter_mut().find(|e| e.text == *first)?;
        rest.iter().try_fold(top, |block, header| {
            block.children.iter_mut().find(|e| e.text == *header)
        })
    }

    /// Adds a line to a block, at a place or at its end.
    pub(super) fn insert(&mut self, path: &[String], at: Option<usize>, entry: Entry) {
        self.book.enter(&entry);
        if path.is_empty() {
            let at = at.unwrap_or(self.root.len());
            self.root.insert(at, entry);
            return;
        }
        let Some(block) = self.block(path) else {
            return;
        };
        let first = block.children.is_empty();
        block
            .children
            .insert(at.unwrap_or(block.children.len()), entry);
        let filled = block.defines.clone().filter(|_| first);
        if let Some(name) = filled {
            self.book.fill(&name);
        }
    }

    /// Takes a line out of a block.
    pub(super) fn take(&mut self, path: &[String], at: usize) -> Option<Entry> {
        let entry = if path.is_empty() {
            self.root.remove(at)
        } else {
            let block = self.block(path)?;
            let entry = block.children.remove(at);
            let emptied = block.defines.clone().filter(|_| block.children.is_empty());
            if let Some(name) = emptied {
                self.book.empty(&name);
            }
            entry
        };
        self.book.strike(&entry);
        Some(entry)
    }

    /// The whole as a text.
    pub(super) fn text(&self, dialect: &Dialect) -> String {
        let mut out = String::new();
        print(&self.root, 0, dialect, &mut out);
        out.push_str("end\n");
        out
    }
}

fn silent(entries: &[Entry], slots: &mut BTreeSet<Box<str>>) {
    for entry in entries {
        let meaning = &entry.meaning;
        if meaning.cardinality == Cardinality::Keyed && meaning.number.is_none() {
            slots.insert(meaning.slot.name.clone());
        }
        silent(&entry.children, slots);
    }
}

fn entries(document: &Document, parent: Option<NodeId>, dialect: &Dialect) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    for id in document.commands(parent) {
        let node = document.node(*id);
        let meaning = document.meaning(*id, dialect);
        let mut entry = Entry::new(meaning, node.command.clone(), dialect);
        entry.body = document.literal(*id).map(str::to_owned);
        entry.children = entries(document, Some(*id), dialect);
        // Entries shown without a number stay so: which numbers the device gave them (and
        // kept through earlier edits) cannot be known.
        out.push(entry);
    }
    out
}

/// Gives an entry of a numbered list the number the device would.
pub(super) fn number(entry: &mut Entry, siblings: &[Entry], dialect: &Dialect) {
    if entry.meaning.cardinality != Cardinality::Keyed || entry.meaning.number.is_some() {
        return;
    }
    let Some((first, step)) = dialect.numbering(entry.meaning.rule) else {
        return;
    };
    let list = siblings
        .iter()
        .filter(|e| e.meaning.slot == entry.meaning.slot);
    let last = list.filter_map(|e| e.meaning.number).max();
    let next = last.map_or(first, |n| n.saturating_add(step));
    if let Some(text) = dialect.numbered(&entry.meaning, Some(next)) {
        entry.meaning = dialect.meaning(entry.meaning.context, &text);
        entry.text = entry.meaning.canonical.clone();
    }
}

fn print(entries: &[Entry], depth: usize, dialect: &Dialect, out: &mut String) {
    for entry in entries {
        out.extend(std::iter::repeat_n(' ', depth));
        out.push_str(&entry.text);
        if let Some(body) = &entry.body {
            literal(entry, body, dialect, out);
        }
        out.push('\n');
        print(&entry.children, depth + 1, dialect, out);
        let inside = entry.meaning.opens;
        if let Some(inside) = inside.filter(|c| dialect.climbs() && *c != ContextId::UNKNOWN) {
            out.extend(std::iter::repeat_n(' ', depth));
            out.push_str(dialect.exit_line(inside));
            out.push('\n');
        }
    }
}

fn literal(entry: &Entry, body: &str, dialect: &Dialect, out: &mut String) {
    let spec = dialect
        .rule(entry.meaning.rule)
        .and_then(|r| r.literal.as_ref());
    if let Some(LiteralSpec::Until(last)) = spec {
        out.push('\n');
        out.push_str(body);
        out.push_str(last);
        return;
    }
    let mark = MARKS
        .iter()
        .find(|m| !body.contains(**m))
        .unwrap_or(&"\u{3}");
    out.push(' ');
    out.push_str(mark);
    out.push_str(body);
    out.push_str(mark);
}

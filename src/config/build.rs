//! Nodes as they are read, put together into a document.

use std::sync::Arc;

use super::dialect::{ContextId, Dialect};
use super::document::{Document, Form, Lists, NodeId, NodeKind, ROOT, Raw, Standing};
use super::lexicon::{Info, Lexicon, LineId};
use super::reading::Reading;
use super::spec::Family;

/// A document in the making.
pub(crate) struct Builder<'d, 't> {
    pub(crate) dialect: &'d Dialect,
    pub(crate) text: &'t str,
    pub(crate) lexicon: Lexicon,
    pub(crate) nodes: Vec<Raw>,
    pub(crate) literals: Vec<(NodeId, String)>,
    pub(crate) tokens: Vec<u32>,
    pub(crate) form: Form,
    pub(crate) incomplete: Option<String>,
    reasons: Vec<Box<str>>,
}

/// Where a node stands in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Line number, from 1.
    pub(crate) line: u32,
}

impl<'d, 't> Builder<'d, 't> {
    pub(crate) fn new(text: &'t str, dialect: &'d Dialect, lexicon: Lexicon) -> Self {
        let expected = text.len() / 24;
        Self {
            dialect,
            text,
            lexicon: if lexicon.is_empty() {
                Lexicon::with_room(expected)
            } else {
                lexicon
            },
            nodes: Vec::with_capacity(expected),
            literals: Vec::new(),
            tokens: Vec::new(),
            form: Form::Blocks,
            incomplete: None,
            reasons: Vec::new(),
        }
    }

    /// Adds a node that is no command.
    pub(crate) fn trivia(
        &mut self,
        kind: NodeKind,
        parent: Option<NodeId>,
        extent: Extent,
    ) -> NodeId {
        self.push(kind, parent, extent, LineId::NONE)
    }

    /// Adds a line without meaning.
    pub(crate) fn noise(&mut self, reason: &str, parent: Option<NodeId>, extent: Extent) -> NodeId {
        let id = self.push(NodeKind::Noise, parent, extent, LineId::NONE);
        self.nodes[id.at()].reason = self.reason(reason);
        id
    }

    fn reason(&mut self, reason: &str) -> u16 {
        let at = self.reasons.iter().position(|r| **r == *reason);
        let at = at.unwrap_or_else(|| {
            self.reasons.push(reason.into());
            self.reasons.len() - 1
        });
        u16::try_from(at).unwrap_or_default()
    }

    /// The line in its context, looked up at most once.
    pub(crate) fn line(&mut self, context: ContextId, line: &str, words: &[&str]) -> LineId {
        let key = Lexicon::key(context, line);
        if let Some(known) = self.lexicon.known(key) {
            return known;
        }
        let info = Info::new(&self.dialect.read(context, line, words), self.dialect);
        self.lexicon.enter(key, info)
    }

    /// As [`Self::line`], for a line that was read already.
    pub(crate) fn read(&mut self, reading: &Reading<'_, '_>) -> LineId {
        let key = Lexicon::key(reading.context, reading.line);
        if let Some(known) = self.lexicon.known(key) {
            return known;
        }
        self.lexicon.enter(key, Info::new(reading, self.dialect))
    }

    /// As [`Self::read`], under another name than the text it was read from.
    pub(crate) fn read_as(&mut self, reading: &Reading<'_, '_>, name: &str) -> LineId {
        let key = Lexicon::key(reading.context, name);
        if let Some(known) = self.lexicon.known(key) {
            return known;
        }
        let mut info = Info::new(reading, self.dialect);
        info.command = name.into();
        self.lexicon.enter(key, info)
    }

    /// The lines this one stands for, where it holds a list; else nothing.
    pub(crate) fn items(&mut self, line: LineId) -> Vec<LineId> {
        let info = Arc::clone(self.info(line));
        let Some(rule) = self.dialect.rule(info.rule).filter(|r| r.expand.is_some()) else {
            return Vec::new();
        };
        debug_assert!(rule.literal.is_none());
        let mut words = Vec::new();
        self.dialect.words(&info.command, &mut words);
        let reading = self.dialect.read(info.context, &info.command, &words);
        let Some(lines) = reading.expanded(self.dialect) else {
            return Vec::new();
        };
        let mut ids = Vec::with_capacity(lines.len());
        for text in &lines {
            let mut words = Vec::new();
            self.dialect.words(text, &mut words);
            ids.push(self.line(info.context, text, &words));
        }
        ids
    }

    /// The first line with the last value of the second behind its own.
    pub(crate) fn joined(&mut self, base: LineId, more: LineId) -> Option<LineId> {
        let text = join_values(self.dialect, self.info(base), self.info(more))?;
        let context = self.info(base).context;
        let mut words = Vec::new();
        self.dialect.words(&text, &mut words);
        Some(self.line(context, &text, &words))
    }

    /// The context of a block's children.
    pub(crate) fn inside(&self, block: NodeId) -> ContextId {
        let line = self.nodes[block.at()].line;
        let opens = (line != LineId::NONE).then(|| self.info(line).opens);
        opens.flatten().unwrap_or(ContextId::UNKNOWN)
    }

    pub(crate) fn info(&self, line: LineId) -> &Arc<Info> {
        self.lexicon.info(line)
    }

    /// Adds a command.
    pub(crate) fn command(
        &mut self,
        line: LineId,
        parent: Option<NodeId>,
        extent: Extent,
    ) -> NodeId {
        let info = Arc::clone(self.info(line));
        let inherited = parent.and_then(|p| {
            let above = &self.nodes[p.at()];
            (above.kind == NodeKind::Noise).then_some(above.reason)
        });
        let id = self.push(NodeKind::Command, parent, extent, line);
        let own = if inherited.is_none() && info.ignored {
            let rule = self.dialect.rule(info.rule);
            let reason = rule.and_then(|r| r.ignore.as_deref()).unwrap_or_default();
            Some(self.reason(reason))
        } else {
            inherited
        };
        let node = &mut self.nodes[id.at()];
        node.slot = info.slot;
        node.value = info.value;
        match own {
            Some(reason) => {
                node.kind = NodeKind::Noise;
                node.reason = reason;
            }
            None => {
                if info.opens.is_some() {
                    node.kind = NodeKind::Block;
                }
                node.standing = if info.absent {
                    Standing::Absent
                } else {
                    Standing::Live
                };
            }
        }
        id
    }

    fn push(
        &mut self,
        kind: NodeKind,
        parent: Option<NodeId>,
        extent: Extent,
        line: LineId,
    ) -> NodeId {
        let small = |n: usize| u32::try_from(n).expect("a text is below 4 GiB");
        let id = NodeId(small(self.nodes.len()));
        if let Some(parent) = parent {
            let block = &mut self.nodes[parent.at()];
            if kind == NodeKind::Command && block.kind == NodeKind::Command {
                block.kind = NodeKind::Block;
            }
        }
        self.nodes.push(Raw {
            line,
            parent: parent.map_or(ROOT, |p| p.0),
            start: small(extent.start),
            end: small(extent.end),
            number: extent.line,
            kind,
            standing: Standing::Trivia,
            inactive: false,
            reason: 0,
            slot: 0,
            value: 0,
            hash: 0,
            rank: 0,
        });
        id
    }

    /// The document, its standings and hashes still to be found.
    pub(crate) fn finish(self) -> Document {
        let children = lists(&self.nodes);
        Document {
            text: self.text.to_owned(),
            form: self.form,
            paths: self.dialect.braces.paths,
            opaque: self.dialect.family == Family::File,
            lexicon: Arc::new(self.lexicon),
            nodes: self.nodes,
            children,
            bodies: Lists::default(),
            literals: self.literals,
            reasons: self.reasons,
            tokens: self.tokens,
            incomplete: self.incomplete,
            by_text: std::sync::OnceLock::new(),
        }
    }
}

/// A line with the last value of another one behind its own, between commas.
pub(crate) fn join_values(dialect: &Dialect, base: &Info, more: &Info) -> Option<String> {
    let meaning = dialect.meaning(more.context, &more.command);
    let (_, value) = dialect.captures(&meaning).pop()?;
    Some(format!("{},{value}", base.command))
}

/// Children by parent, in written order.
fn lists(nodes: &[Raw]) -> Lists {
    let slot = |node: &Raw| {
        if node.parent == ROOT {
            0
        } else {
            node.parent as usize + 1
        }
    };
    let mut starts = vec![0u32; nodes.len() + 2];
    for node in nodes {
        starts[slot(node) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut items = vec![NodeId(0); nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        let place = &mut next[slot(node)];
        items[*place as usize] = NodeId(u32::try_from(at).unwrap_or(u32::MAX));
        *place += 1;
    }
    Lists::new(starts, items)
}

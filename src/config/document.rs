//! The lossless document.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::build::Builder;
use super::dialect::{ContextId, Dialect, Meaning, RuleId, Slot};
use super::hash::{self, Mix};
use super::index::Index;
use super::lexer;
use super::lexicon::{Info, Lexicon, LineId};
use super::literal;
use super::resolve;
use crate::model::Fingerprint;

/// Index of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    pub(crate) fn at(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A command without children.
    Command,
    /// A command that opens a block (also when the block is empty).
    Block,
    /// A command with a multi-line literal (banner, certificate).
    Literal,
    /// A comment a person wrote.
    Comment,
    /// `!` and blank lines, brackets.
    Separator,
    /// `exit-address-family` and the like.
    Terminator,
    /// No meaning; [`Node::reason`] says why.
    Noise,
    /// Could not be understood; kept.
    Error,
}

/// Whether a command counts when documents are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It counts.
    #[default]
    Live,
    /// It says that its slot is empty, or has the platform's default.
    Absent,
    /// The same line stands before it, or a later one overrides it, or (a block) its
    /// children count as those of the first block with this header.
    Duplicate,
    /// Not a command.
    Trivia,
}

/// How a document was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Blocks: indented, in braces, or between words.
    #[default]
    Blocks,
    /// One complete path a line (`set interfaces …`).
    Paths,
}

/// One node, as others see it.
#[derive(Clone, Debug)]
pub struct Node<'d> {
    /// What it is.
    pub kind: NodeKind,
    /// Enclosing block.
    pub parent: Option<NodeId>,
    /// Children in written order, trivia included.
    pub children: &'d [NodeId],
    /// Bytes of the node's own line(s), with line ends.
    pub span: Range<usize>,
    /// First line, from 1.
    pub line: u32,
    /// The command in canonical words with its `no` (what is compared); empty for trivia.
    /// For a literal only the opening words; [`Document::literal`] has the rest.
    pub command: &'d str,
    /// `no …`
    pub negated: bool,
    /// The context it stands in.
    pub context: ContextId,
    /// The context its children stand in, if it is a block.
    pub opens: Option<ContextId>,
    /// The rule that knows it.
    pub rule: RuleId,
    /// Whether it counts.
    pub standing: Standing,
    /// Why it is noise.
    pub reason: Option<&'d str>,
    /// Switched off where it stands (Junos `inactive:`).
    pub inactive: bool,
}

/// One node, as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) line: LineId,
    pub(crate) parent: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) number: u32,
    pub(crate) kind: NodeKind,
    pub(crate) standing: Standing,
    pub(crate) inactive: bool,
    /// Index of the reason, for noise.
    pub(crate) reason: u16,
    /// Hash of slot name and key.
    pub(crate) slot: u128,
    /// Hash of what it says, its literal included.
    pub(crate) value: u128,
    /// Hash of the whole subtree.
    pub(crate) hash: u128,
    /// The number the device would give it.
    pub(crate) rank: u64,
}

/// No parent.
pub(crate) const ROOT: u32 = u32::MAX;

/// Lists of nodes, one for the top level and one for every node, in one piece of memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    starts: Vec<u32>,
    items: Vec<NodeId>,
}

impl Lists {
    pub(crate) fn new(starts: Vec<u32>, items: Vec<NodeId>) -> Self {
        Self { starts, items }
    }

    pub(crate) fn of(&self, parent: Option<NodeId>) -> &[NodeId] {
        let at = parent.map_or(0, |id| id.at() + 1);
        match self.starts.get(at..at + 2) {
            Some(bounds) => &self.items[bounds[0] as usize..bounds[1] as usize],
            None => &[],
        }
    }
}

/// A parsed configuration. Every byte of the text belongs to exactly one token.
#[derive(Clone, Debug, Default)]
pub struct Document {
    pub(crate) text: String,
    pub(crate) form: Form,
    /// Statements are paths in one tree of words.
    pub(crate) paths: bool,
    /// A file whose lines are not looked into.
    pub(crate) opaque: bool,
    pub(crate) lexicon: Arc<Lexicon>,
    pub(crate) nodes: Vec<Raw>,
    /// Written order, trivia included.
    pub(crate) children: Lists,
    /// What counts, blocks with one header joined.
    pub(crate) bodies: Lists,
    /// Bodies of literals by node, in order.
    pub(crate) literals: Vec<(NodeId, String)>,
    /// Why lines are noise.
    pub(crate) reasons: Vec<Box<str>>,
    /// Where tokens end, where they are not the nodes' own lines.
    pub(crate) tokens: Vec<u32>,
    pub(crate) incomplete: Option<String>,
    /// Commands that count, by parent and text; made when first asked for.
    pub(crate) by_text: OnceLock<Index>,
}

/// The hash of a command below a parent.
fn place_of(parent: Option<NodeId>, text: &str) -> u128 {
    let mut mix = Mix::new(40);
    mix.word(parent.map_or(u64::MAX, |p| u64::from(p.0)));
    mix.text(text);
    mix.finish()
}

impl Document {
    /// Parses any text; never fails.
    #[must_use]
    pub fn parse(text: &str, dialect: &Dialect) -> Self {
        Self::parse_with(text, dialect, &mut Arc::default())
    }

    /// Parses two texts that have much in common: what their lines mean is looked up once.
    #[must_use]
    pub fn pair(running: &str, intended: &str, dialect: &Dialect) -> (Self, Self) {
        let mut lexicon = Arc::default();
        let mut running = Self::parse_with(running, dialect, &mut lexicon);
        running.lexicon = Arc::default();
        let intended = Self::parse_with(intended, dialect, &mut lexicon);
        running.lexicon = lexicon;
        (running, intended)
    }

    /// Parses a text that has much in common with a document: what the lines of that one
    /// mean is not looked up again.
    #[must_use]
    pub fn parse_beside(text: &str, other: &Self, dialect: &Dialect) -> Self {
        Self::parse_with(text, dialect, &mut Arc::clone(&other.lexicon))
    }

    fn parse_with(text: &str, dialect: &Dialect, lexicon: &mut Arc<Lexicon>) -> Self {
        let lines = std::mem::take(lexicon);
        let lines = Arc::try_unwrap(lines).unwrap_or_else(|shared| (*shared).clone());
        let mut builder = Builder::new(text, dialect, lines);
        lexer::run(&mut builder);
        let mut document = builder.finish();
        resolve::run(&mut document, dialect);
        *lexicon = Arc::clone(&document.lexicon);
        document
    }

    /// The text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it was written.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Hash over what it means; noise, separators and the order of unordered siblings do
    /// not count. Entries of a list that carry no number count as if the device had
    /// numbered them.
    ///
    /// Equal fingerprints mean no difference. The converse holds too, with two
    /// exceptions: a list without numbers equals one with any numbers in the same order,
    /// and a secret cannot be told from a hash of it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut stream = Vec::with_capacity(self.text.len());
        resolve::stream(self, self.bodies.of(None), &mut stream);
        Fingerprint::of([stream.as_slice()])
    }

    /// Why this cannot be a device's whole configuration, if it cannot.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn complete(&self) -> Result<(), String> {
        match &self.incomplete {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }

    /// How many lines mean something.
    #[must_use]
    pub fn semantic_lines(&self) -> usize {
        self.counting().count()
    }

    /// The share of the semantic lines that specific rules cover, in percent.
    #[must_use]
    pub fn coverage(&self) -> u8 {
        let all = self.semantic_lines();
        let covered = all - self.generic_lines().len();
        (covered * 100)
            .checked_div(all)
            .and_then(|percent| u8::try_from(percent).ok())
            .unwrap_or(100)
    }

    /// Nodes that are commands.
    fn counting(&self) -> impl Iterator<Item = NodeId> {
        self.ids()
            .filter(|id| self.raw(*id).standing != Standing::Trivia)
    }

    /// Lines that only the generic rule covers, in written order.
    #[must_use]
    pub fn generic_lines(&self) -> Vec<NodeId> {
        // Of a file that is replaced as a whole nothing has to be known.
        let opaque = self.opaque;
        self.counting()
            .filter(|_| !opaque)
            .filter(|id| self.info(*id).is_some_and(|i| i.rule == RuleId::GENERIC))
            .collect()
    }

    /// Lines that could not be understood and were kept.
    #[must_use]
    pub fn unreadable(&self) -> Vec<NodeId> {
        self.ids()
            .filter(|id| self.raw(*id).kind == NodeKind::Error)
            .collect()
    }

    /// The text put together again from its tokens.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        if self.tokens.is_empty() {
            for node in &self.nodes {
                out.push_str(&self.text[node.start as usize..node.end as usize]);
            }
            return out;
        }
        let mut start = 0;
        for end in &self.tokens {
            out.push_str(&self.text[start..*end as usize]);
            start = *end as usize;
        }
        out
    }

    /// Top-level nodes in written order.
    #[must_use]
    pub fn roots(&self) -> &[NodeId] {
        self.children.of(None)
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let raw = self.raw(id);
        let info = self.info(id);
        Node {
            kind: raw.kind,
            parent: self.parent(id),
            children: self.children.of(Some(id)),
            span: raw.start as usize..raw.end as usize,
            line: raw.number,
            command: self.command(id),
            negated: info.is_some_and(|i| i.negated()),
            context: info.map_or(ContextId::TOP, |i| i.context),
            opens: info.and_then(|i| i.opens),
            rule: info.map_or(RuleId::GENERIC, |i| i.rule),
            standing: raw.standing,
            reason: (raw.kind == NodeKind::Noise).then(|| &*self.reasons[raw.reason as usize]),
            inactive: raw.inactive,
        }
    }

    pub(crate) fn raw(&self, id: NodeId) -> &Raw {
        &self.nodes[id.at()]
    }

    /// What the node's line means; `None` for trivia.
    pub(crate) fn info(&self, id: NodeId) -> Option<&Arc<Info>> {
        let line = self.raw(id).line;
        (line != LineId::NONE).then(|| self.lexicon.info(line))
    }

    /// The enclosing block.
    #[must_use]
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        let parent = self.raw(id).parent;
        (parent != ROOT).then_some(NodeId(parent))
    }

    /// The command in canonical words; empty for trivia.
    #[must_use]
    pub fn command(&self, id: NodeId) -> &str {
        self.info(id).map_or("", |info| &info.command)
    }

    /// First line, from 1.
    #[must_use]
    pub fn line(&self, id: NodeId) -> u32 {
        self.raw(id).number
    }

    /// True when the node opens a block, known or not.
    #[must_use]
    pub fn is_block(&self, id: NodeId) -> bool {
        self.raw(id).kind == NodeKind::Block
    }

    /// All nodes in written order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// The first command with this text below a parent (`None`: at top level).
    #[must_use]
    pub fn child(&self, parent: Option<NodeId>, text: &str) -> Option<NodeId> {
        let index = self.by_text.get_or_init(|| {
            let mut index = Index::with_room(self.nodes.len());
            for parent in std::iter::once(None).chain(self.ids().map(Some)) {
                for id in self.commands(parent) {
                    index.enter(place_of(parent, self.command(*id)), id.0);
                }
            }
            index
        });
        index.get(place_of(parent, text)).map(NodeId)
    }

    /// The entries of one ordered list below a parent, in written order.
    pub(crate) fn entries_of(&self, parent: Option<NodeId>, slot: &Slot) -> Vec<NodeId> {
        let slot = hash::of(10, &[&slot.name, &slot.key]);
        let all = self.commands(parent).iter().copied();
        all.filter(|id| self.raw(*id).slot == slot && self.listed(*id))
            .collect()
    }

    /// What the line says, without its number.
    pub(crate) fn content(&self, id: NodeId) -> &str {
        self.info(id).map_or("", |info| info.content())
    }

    /// One of an ordered list.
    pub(crate) fn listed(&self, id: NodeId) -> bool {
        self.info(id).is_some_and(|info| info.listed())
    }

    /// The commands that count inside a block (`None`: at top level), in written order,
    /// those of other blocks with the same header included.
    #[must_use]
    pub fn commands(&self, parent: Option<NodeId>) -> &[NodeId] {
        self.bodies.of(parent)
    }

    /// The node's own first line as written, without indentation and line end; where the
    /// node is a part of a longer line, its canonical words.
    #[must_use]
    pub fn line_text(&self, id: NodeId) -> &str {
        let raw = self.raw(id);
        if !self.tokens.is_empty() && raw.line != LineId::NONE {
            return self.command(id);
        }
        let own = &self.text[raw.start as usize..raw.end as usize];
        own.lines().next().unwrap_or_default().trim()
    }

    /// The body of a literal, line ends as `\n`; `None` for other nodes.
    #[must_use]
    pub fn literal(&self, id: NodeId) -> Option<&str> {
        let at = self
            .literals
            .binary_search_by_key(&id, |(node, _)| *node)
            .ok()?;
        Some(&self.literals[at].1)
    }

    /// The lines to type for this node alone, in canonical words: one, except for a
    /// literal, whose delimiter is chosen so that it does not occur in the body.
    #[must_use]
    pub fn typed(&self, id: NodeId, dialect: &Dialect) -> Vec<String> {
        let node = self.node(id);
        match self.literal(id) {
            Some(body) => literal::typed_literal(node.command, body, node.rule, dialect),
            None => vec![node.command.to_owned()],
        }
    }

    /// Header lines (canonical) of the enclosing blocks, outermost first.
    #[must_use]
    pub fn path(&self, id: NodeId) -> Vec<&str> {
        let mut path = Vec::new();
        let mut at = self.parent(id);
        while let Some(parent) = at {
            path.push(self.command(parent));
            at = self.parent(parent);
        }
        path.reverse();
        path
    }

    /// What the dialect says about the node.
    #[must_use]
    pub fn meaning(&self, id: NodeId, dialect: &Dialect) -> Meaning {
        let node = self.node(id);
        if node.kind == NodeKind::Literal {
            return literal::literal_meaning(self, id, dialect);
        }
        dialect.meaning(node.context, node.command)
    }
}

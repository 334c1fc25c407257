//! The lossless document.

use std::ops::Range;

use super::dialect::{Cardinality, ContextId, Dialect, Meaning, RuleId};
use super::lexer;
use super::literal;
use super::resolve;
use crate::model::Fingerprint;

/// Index of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A command without children.
    Command,
    /// A command that opens a block (also when the block is empty).
    Block,
    /// A command with a multi-line literal (banner, certificate).
    Literal,
    /// A comment a person wrote.
    Comment,
    /// `!` and blank lines.
    Separator,
    /// `exit-address-family` and the like.
    Terminator,
    /// No meaning; the reason id says why.
    Noise(String),
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

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Enclosing block.
    pub parent: Option<NodeId>,
    /// Children in written order, trivia included.
    pub children: Vec<NodeId>,
    /// Bytes of the node's own line(s), with line ends.
    pub span: Range<usize>,
    /// First line, from 1.
    pub line: u32,
    /// The command in canonical words with its `no` (what is compared); empty for trivia.
    /// For a literal only the opening words; [`Document::literal`] has the rest.
    pub command: String,
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
}

/// What comparing needs to know of a node.
#[derive(Clone, Debug)]
pub(crate) struct Sem {
    /// Hash of slot name and key: siblings with equal slots are alternatives.
    pub(crate) slot: u128,
    /// Hash of what the line says (without its number), its literal included.
    pub(crate) value: u128,
    /// Hash of the whole subtree.
    pub(crate) hash: u128,
    pub(crate) cardinality: Cardinality,
    /// The number in the line.
    pub(crate) number: Option<u64>,
    /// The number the device would give it.
    pub(crate) rank: u64,
    /// The commands that count inside it.
    pub(crate) body: Vec<NodeId>,
    /// The command without its number, where it has one.
    pub(crate) content: Option<Box<str>>,
    /// The rule says the device never prints it.
    pub(crate) hidden: bool,
    /// The device keeps the block even when nothing is left in it.
    pub(crate) stays: bool,
}

impl Sem {
    /// One of an ordered list.
    pub(crate) fn listed(&self) -> bool {
        matches!(self.cardinality, Cardinality::Seq | Cardinality::Keyed)
    }
}

/// A parsed configuration. Every byte of the text belongs to exactly one node.
#[derive(Clone, Debug, Default)]
pub struct Document {
    pub(crate) text: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) sems: Vec<Sem>,
    pub(crate) roots: Vec<NodeId>,
    /// The top-level commands that count.
    pub(crate) body: Vec<NodeId>,
    /// Bodies of literals by node, in order.
    pub(crate) literals: Vec<(NodeId, String)>,
    pub(crate) incomplete: Option<String>,
}

impl Document {
    /// Parses any text; never fails.
    #[must_use]
    pub fn parse(text: &str, dialect: &Dialect) -> Self {
        let mut document = lexer::parse(text, dialect);
        resolve::standings(&mut document);
        resolve::prune(&mut document);
        resolve::numbers(&mut document, dialect);
        resolve::hashes(&mut document);
        document
    }

    /// The text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
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
        resolve::stream(self, &self.body, &mut stream);
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
        self.commands_all().count()
    }

    /// The share of the semantic lines that specific rules cover, in percent.
    #[must_use]
    pub fn coverage(&self) -> u8 {
        let all = self.semantic_lines();
        let known = |n: &&Node| n.rule != RuleId::GENERIC;
        let covered = self.commands_all().filter(known).count();
        (covered * 100)
            .checked_div(all)
            .and_then(|percent| u8::try_from(percent).ok())
            .unwrap_or(100)
    }

    fn commands_all(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|n| n.standing != Standing::Trivia)
    }

    /// Top-level nodes in written order.
    #[must_use]
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// All nodes in written order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// What the line says, without its number.
    pub(crate) fn content(&self, id: NodeId) -> &str {
        self.sem(id)
            .content
            .as_deref()
            .unwrap_or(&self.node(id).command)
    }

    pub(crate) fn sem(&self, id: NodeId) -> &Sem {
        &self.sems[id.0 as usize]
    }

    /// The commands that count inside a block (`None`: at top level), in written order,
    /// those of other blocks with the same header included.
    #[must_use]
    pub fn commands(&self, parent: Option<NodeId>) -> &[NodeId] {
        parent.map_or(&self.body, |id| &self.sem(id).body)
    }

    /// The node's own first line as written, without indentation and line end.
    #[must_use]
    pub fn line_text(&self, id: NodeId) -> &str {
        let own = &self.text[self.node(id).span.clone()];
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
            Some(body) => literal::typed_literal(&node.command, body, node.rule, dialect),
            None => vec![node.command.clone()],
        }
    }

    /// Header lines (canonical) of the enclosing blocks, outermost first.
    #[must_use]
    pub fn path(&self, id: NodeId) -> Vec<&str> {
        let mut path = Vec::new();
        let mut at = self.node(id).parent;
        while let Some(parent) = at {
            path.push(self.node(parent).command.as_str());
            at = self.node(parent).parent;
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
        dialect.meaning(node.context, &node.command)
    }
}

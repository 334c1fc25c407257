//! The lossless document.

use std::ops::Range;

use super::dialect::{ContextId, Dialect, Meaning, RuleId};
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

/// A parsed configuration. Every byte of the text belongs to exactly one node.
#[derive(Clone, Debug, Default)]
pub struct Document {}

impl Document {
    /// Parses any text; never fails.
    #[must_use]
    pub fn parse(_text: &str, _dialect: &Dialect) -> Self {
        unimplemented!()
    }
    /// The text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &str {
        unimplemented!()
    }
    /// Hash over what it means; noise, separators and the order of unordered siblings do
    /// not count.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        unimplemented!()
    }
    /// Why this cannot be a device's whole configuration, if it cannot.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn complete(&self) -> Result<(), String> {
        unimplemented!()
    }
    /// How many lines mean something.
    #[must_use]
    pub fn semantic_lines(&self) -> usize {
        unimplemented!()
    }
    /// The share of the semantic lines that specific rules cover, in percent.
    #[must_use]
    pub fn coverage(&self) -> u8 {
        unimplemented!()
    }
    /// Top-level nodes in written order.
    #[must_use]
    pub fn roots(&self) -> &[NodeId] {
        unimplemented!()
    }
    /// A node.
    #[must_use]
    pub fn node(&self, _id: NodeId) -> &Node {
        unimplemented!()
    }
    /// The commands that count inside a block (`None`: at top level), in written order,
    /// those of later blocks with the same header included.
    #[must_use]
    pub fn commands(&self, _parent: Option<NodeId>) -> &[NodeId] {
        unimplemented!()
    }
    /// The node's own first line as written, without indentation and line end.
    #[must_use]
    pub fn line_text(&self, _id: NodeId) -> &str {
        unimplemented!()
    }
    /// The body of a literal, line ends as `\n`; `None` for other nodes.
    #[must_use]
    pub fn literal(&self, _id: NodeId) -> Option<&str> {
        unimplemented!()
    }
    /// The lines to type for this node alone: one, except for a literal.
    #[must_use]
    pub fn typed(&self, _id: NodeId, _dialect: &Dialect) -> Vec<String> {
        unimplemented!()
    }
    /// Header lines (canonical) of the enclosing blocks, outermost first.
    #[must_use]
    pub fn path(&self, _id: NodeId) -> Vec<&str> {
        unimplemented!()
    }
    /// What the dialect says about the node.
    #[must_use]
    pub fn meaning(&self, _id: NodeId, _dialect: &Dialect) -> Meaning {
        unimplemented!()
    }
}

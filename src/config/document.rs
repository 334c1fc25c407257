//! The lossless document.

use std::ops::Range;

use super::dialect::Dialect;
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

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Enclosing block.
    pub parent: Option<NodeId>,
    /// Children in written order.
    pub children: Vec<NodeId>,
    /// Bytes of the node's own line(s), with line ends.
    pub span: Range<usize>,
    /// First line, from 1.
    pub line: u32,
    /// The command in canonical words (what is compared); empty for trivia.
    pub command: String,
    /// `no …`
    pub negated: bool,
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
}

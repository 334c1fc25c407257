//! XML as NETCONF carries it: an element is a level, whatever its prefix; entries of lists
//! are told apart by their keys, blanks between elements do not count.

use super::elements::{self, Item, Markup};
use super::roles::{self, Role};
use crate::config::build::{Builder, Extent};
use crate::config::dialect::{Cardinality, ContextId};
use crate::config::document::{NodeId, NodeKind};
use crate::config::xml::{self, DELETE, Form, Line};

/// Operations that demand absence.
const ABSENT: &[&str] = &["delete", "remove"];

/// Reads the builder's text.
pub(super) fn run(builder: &mut Builder<'_, '_>) {
    let mut markup = elements::read(builder.text, &builder.dialect.models);
    builder.tokens = std::mem::take(&mut markup.tokens);
    builder.incomplete = markup
        .fault
        .take()
        .map(|(line, why)| format!("line {line}: {why}"));
    let (roles, _) = roles::roles(&markup, &builder.dialect.models);
    let count = markup.elements.len();
    let mut lexer = Lexer {
        out: builder,
        markup: &markup,
        nodes: vec![None; count],
        silent: vec![false; count],
    };
    for item in &markup.items {
        match item {
            Item::Element(at) => lexer.element(*at, &roles[*at]),
            Item::Trivia(kind, parent, extent) => {
                let parent = parent.and_then(|p| lexer.nodes[p]);
                lexer.out.trivia(*kind, parent, *extent);
            }
        }
    }
}

struct Lexer<'b, 'd, 't> {
    out: &'b mut Builder<'d, 't>,
    markup: &'b Markup,
    /// The node an element became, or the one it is part of.
    nodes: Vec<Option<NodeId>>,
    /// What is in it does not count.
    silent: Vec<bool>,
}

impl Lexer<'_, '_, '_> {
    fn element(&mut self, at: usize, role: &Role) {
        let element = &self.markup.elements[at];
        let parent = element.parent.and_then(|p| self.nodes[p]);
        self.nodes[at] = parent;
        self.silent[at] = element.parent.is_some_and(|p| self.silent[p]);
        if self.silent[at] {
            return;
        }
        match role {
            Role::Wrapper | Role::Hidden => {}
            Role::Nameless(why) => {
                self.out.trivia(NodeKind::Error, parent, element.extent);
                let why = || format!("line {}: {why}", element.extent.line);
                self.out.incomplete.get_or_insert_with(why);
            }
            Role::Line(line) => {
                let operation = element.operation.as_deref().unwrap_or_default();
                let absent = ABSENT.contains(&operation);
                let node = match absent {
                    true => self.demand(line, parent, element.extent),
                    false => self.line(line, parent, element.extent),
                };
                let leaf = element.children.is_empty();
                let raw = &mut self.out.nodes[node.at()];
                self.silent[at] = absent || raw.kind == NodeKind::Noise;
                // An empty leaf and an empty container look alike.
                if leaf && raw.kind == NodeKind::Block {
                    raw.kind = NodeKind::Command;
                }
                self.nodes[at] = Some(node);
            }
        }
    }

    fn context(&self, parent: Option<NodeId>) -> ContextId {
        parent.map_or(ContextId::TOP, |id| self.out.inside(id))
    }

    fn line(&mut self, line: &str, parent: Option<NodeId>, extent: Extent) -> NodeId {
        let mut words = Vec::new();
        xml::words(line, &mut words);
        if let Some(hit) = self.out.dialect.noise.find(&words) {
            let dialect = self.out.dialect;
            let (reason, top) = &dialect.noise_reasons[hit.rule as usize];
            if !top || parent.is_none() {
                return self.out.noise(reason, parent, extent);
            }
        }
        let context = self.context(parent);
        let id = self.out.line(context, line, &words);
        self.out.command(id, parent, extent)
    }

    /// A line that must not be there; of a leaf with one value whatever that is.
    fn demand(&mut self, line: &str, parent: Option<NodeId>, extent: Extent) -> NodeId {
        let parts = Line::of(line);
        let models = &self.out.dialect.models;
        let single = models.cardinality(&parts, self.context(parent)) == Cardinality::One;
        let what = if single && matches!(parts.form, Form::Value(_)) {
            parts.name
        } else {
            line
        };
        self.line(&format!("{DELETE} {what}"), parent, extent)
    }
}

//! Lines whose nesting is told by indentation (IOS) or by keywords (FRR).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MAX_DEPTH;
use super::cut::{Cut, cut};
use super::literal::Ends;
use crate::config::build::{Builder, Extent};
use crate::config::dialect::{ContextId, Dialect, RuleId};
use crate::config::document::{NodeId, NodeKind, ROOT};
use crate::config::lexicon::{Lexicon, LineId};
use crate::config::pattern;
use crate::config::rules::Rule;
use crate::config::spec::LiteralSpec;

/// Reads the builder's text.
pub(crate) fn run(builder: &mut Builder<'_, '_>) {
    let (text, dialect) = (builder.text, builder.dialect);
    let mut lexer = Lexer {
        dialect,
        text,
        out: builder,
        stack: Vec::new(),
        line: 0,
        soft_end: false,
        ends: Ends(BTreeMap::new()),
    };
    let mut at = 0;
    let mut words = Vec::with_capacity(16);
    while at < text.len() {
        at = lexer.next(at, &mut words);
    }
}

/// How many lines before it a line can go on with.
const LOOK_BACK: usize = 16;

/// An open block.
struct Open {
    indent: usize,
    node: NodeId,
    /// Other blocks the same line opens (`vlan 10,20`).
    twins: Vec<NodeId>,
    /// The context of its children.
    inner: ContextId,
    /// A rule knows the line, and it opens nothing.
    leaf: bool,
    /// The context it stands in.
    outer: ContextId,
}

struct Lexer<'b, 'd, 't> {
    dialect: &'d Dialect,
    text: &'t str,
    out: &'b mut Builder<'d, 't>,
    stack: Vec<Open>,
    line: u32,
    /// A `!` in the first column since the last command (grammar family).
    soft_end: bool,
    ends: Ends,
}

impl<'t> Lexer<'_, '_, 't> {
    /// Reads the line at `at`; where the next one begins.
    fn next(&mut self, at: usize, words: &mut Vec<&'t str>) -> usize {
        let cut = cut(self.text, at);
        self.line += 1;
        if cut.text.is_empty() {
            return self.trivia(NodeKind::Separator, cut);
        }
        if let Some(kind) = self.separator(cut.text) {
            self.soft_end |= cut.indent == 0;
            return self.trivia(kind, cut);
        }
        if let Some((depth, line)) = self.known(&cut) {
            self.stack.truncate(depth);
            return self.place(cut, line);
        }
        pattern::words(cut.text, words);
        if let Some(reason) = self.noise(&cut, words) {
            let parent = self.around(cut.indent);
            let reason = &self.dialect.noise_reasons[reason].0;
            self.out.noise(reason, parent, self.extent(&cut));
            return cut.end;
        }
        if self.dialect.comment(cut.text) {
            return self.trivia(NodeKind::Comment, cut);
        }
        if let Some(levels) = self.dialect.leaves(cut.text) {
            return self.terminator(cut, levels);
        }
        self.command(cut, words)
    }

    /// A comment mark and nothing else.
    fn separator(&self, text: &str) -> Option<NodeKind> {
        let mark = self.dialect.comments.first()?;
        let first = *mark.as_bytes().first()?;
        let only = text.bytes().all(|b| b == first);
        (only && self.dialect.comment(text)).then_some(NodeKind::Separator)
    }

    fn noise(&self, cut: &Cut<'_>, words: &[&str]) -> Option<usize> {
        let hit = self.dialect.noise.find(words)?;
        let (_, top) = &self.dialect.noise_reasons[hit.rule as usize];
        (!top || cut.indent == 0).then_some(hit.rule as usize)
    }

    fn extent(&self, cut: &Cut<'_>) -> Extent {
        Extent {
            start: cut.start,
            end: cut.end,
            line: self.line,
        }
    }

    /// The innermost open block a line of trivia with this indentation stands in.
    fn around(&self, indent: usize) -> Option<NodeId> {
        let holds = |open: &&Open| {
            open.indent < indent && self.out.nodes[open.node.at()].kind == NodeKind::Block
        };
        self.stack.iter().rev().find(holds).map(|open| open.node)
    }

    fn trivia(&mut self, kind: NodeKind, cut: Cut<'_>) -> usize {
        let parent = self.around(cut.indent);
        self.out.trivia(kind, parent, self.extent(&cut));
        cut.end
    }

    fn terminator(&mut self, cut: Cut<'_>, levels: usize) -> usize {
        if self.dialect.climbs() {
            self.leave(cut.text, levels);
        } else {
            self.dedent(cut.indent);
        }
        if levels == usize::MAX {
            self.stack.clear();
        }
        self.trivia(NodeKind::Terminator, cut)
    }

    /// `exit-address-family` closes the innermost block it belongs to, `exit` one level.
    fn leave(&mut self, text: &str, levels: usize) {
        let own = self
            .stack
            .iter()
            .rposition(|open| self.dialect.exit_line(open.inner) == text);
        match own {
            Some(at) if text.contains('-') => self.stack.truncate(at),
            _ if text.contains('-') => {}
            _ => self.stack.truncate(self.stack.len().saturating_sub(levels)),
        }
    }

    fn dedent(&mut self, indent: usize) {
        while self.stack.last().is_some_and(|open| open.indent >= indent) {
            self.stack.pop();
        }
    }

    fn inner(&self) -> ContextId {
        self.stack.last().map_or(ContextId::TOP, |open| open.inner)
    }

    fn command(&mut self, cut: Cut<'t>, words: &[&'t str]) -> usize {
        if self.dialect.climbs() {
            self.climb(&cut, words);
        } else {
            self.dedent(cut.indent);
            self.skip_leaves(&cut, words);
        }
        let reading = self.dialect.read(self.inner(), cut.text, words);
        let line = self.out.read(&reading);
        self.place(cut, line)
    }

    /// A line that was read before in the context its indentation (or the innermost block)
    /// says, and how many open blocks it stands in. The common case, kept short.
    fn known(&self, cut: &Cut<'_>) -> Option<(usize, LineId)> {
        let climbs = self.dialect.climbs();
        if climbs && self.soft_end {
            return None;
        }
        let depth = if climbs {
            self.stack.len()
        } else {
            let outer = |open: &Open| open.indent < cut.indent;
            self.stack.iter().rposition(outer).map_or(0, |at| at + 1)
        };
        let context = match depth.checked_sub(1).map(|at| &self.stack[at]) {
            Some(open) if open.leaf => return None,
            Some(open) => open.inner,
            None => ContextId::TOP,
        };
        let line = self.out.lexicon.known(Lexicon::key(context, cut.text))?;
        let generic = self.out.info(line).rule == RuleId::GENERIC;
        (!climbs || !generic).then_some((depth, line))
    }

    /// Puts a command where the open blocks say.
    fn place(&mut self, cut: Cut<'t>, line: LineId) -> usize {
        self.soft_end = false;
        let outer = self.inner();
        let parent = self.stack.last().map(|open| open.node);
        let info = Arc::clone(self.out.info(line));
        let rule = self.dialect.rule(info.rule);
        if let (Some(rule), false) = (rule, info.negated())
            && let Some(spec) = &rule.literal
        {
            return self.literal(&cut, rule, spec, parent);
        }
        if let Some(base) = rule.and_then(|r| r.joins)
            && self.joins(line, base, parent, &cut)
        {
            return cut.end;
        }
        let (id, twins) = self.nodes(line, parent, &cut);
        let opener = !self.dialect.climbs() || info.opens.is_some();
        if opener && self.stack.len() < MAX_DEPTH {
            self.stack.push(Open {
                indent: cut.indent,
                node: id,
                twins,
                inner: info.opens.unwrap_or(ContextId::UNKNOWN),
                leaf: rule.is_some() && info.opens.is_none(),
                outer,
            });
        }
        cut.end
    }

    /// The nodes of a line: one, or one for each item of its list, in each of the blocks
    /// that are open here. The first has the text.
    fn nodes(
        &mut self,
        line: LineId,
        parent: Option<NodeId>,
        cut: &Cut<'t>,
    ) -> (NodeId, Vec<NodeId>) {
        let extent = self.extent(cut);
        let lines = self.out.items(line);
        let (first, others) = lines
            .split_first()
            .map_or((line, &[][..]), |(f, o)| (*f, o));
        let id = self.out.command(first, parent, extent);
        let empty = Extent {
            start: extent.end,
            ..extent
        };
        let mut twins: Vec<NodeId> = Vec::new();
        for other in others {
            twins.push(self.out.command(*other, parent, empty));
        }
        let around = self.stack.last().map(|open| open.twins.clone());
        for block in around.unwrap_or_default() {
            for each in std::iter::once(&first).chain(others) {
                twins.push(self.out.command(*each, Some(block), empty));
            }
        }
        (id, twins)
    }

    /// Appends a line's value to that of the line before it which it goes on with.
    fn joins(&mut self, line: LineId, base: RuleId, parent: Option<NodeId>, cut: &Cut<'t>) -> bool {
        let nodes = self.out.nodes.iter().enumerate().rev();
        let siblings = nodes.filter(|(_, n)| n.parent == parent.map_or(ROOT, |p| p.0));
        let found = siblings
            .take(LOOK_BACK)
            .find(|(_, n)| n.line != LineId::NONE && self.out.info(n.line).rule == base);
        let Some((at, _)) = found else {
            return false;
        };
        let Some(joined) = self.out.joined(self.out.nodes[at].line, line) else {
            return false;
        };
        let info = Arc::clone(self.out.info(joined));
        let node = &mut self.out.nodes[at];
        (node.line, node.slot, node.value) = (joined, info.slot, info.value);
        self.out
            .trivia(NodeKind::Terminator, parent, self.extent(cut));
        true
    }

    fn literal(
        &mut self,
        cut: &Cut<'t>,
        rule: &Rule,
        spec: &LiteralSpec,
        parent: Option<NodeId>,
    ) -> usize {
        let extent = self.extent(cut);
        let out = &mut *self.out;
        let end = self.ends.literal(out, cut, rule, spec, parent, extent);
        let bytes = self.text[cut.start..end].bytes();
        let lines = bytes.filter(|b| *b == b'\n').count().saturating_sub(1);
        self.line += u32::try_from(lines).unwrap_or_default();
        end
    }

    /// A line one too deep under a command that opens nothing is its sibling, if their
    /// context knows it.
    fn skip_leaves(&mut self, cut: &Cut<'_>, words: &[&str]) {
        while let Some(open) = self.stack.last() {
            let sibling = open.leaf && self.dialect.read(open.outer, cut.text, words).hit.is_some();
            if !sibling {
                return;
            }
            self.stack.pop();
        }
    }

    /// Leaves blocks until one knows the line; a line nobody knows stays where its
    /// indentation says.
    fn climb(&mut self, cut: &Cut<'_>, words: &[&str]) {
        let knows = |c: ContextId| self.dialect.read(c, cut.text, words).hit.is_some();
        let at_margin = cut.indent == 0;
        if at_margin && self.soft_end && knows(ContextId::TOP) {
            self.stack.clear();
            return;
        }
        let keep = (0..self.stack.len())
            .rev()
            .find(|at| knows(self.stack[*at].inner));
        match keep {
            Some(at) => self.stack.truncate(at + 1),
            None if at_margin || knows(ContextId::TOP) => self.stack.clear(),
            None => {}
        }
    }
}

//! From text to nodes. Order inside a line's reading: literals, noise, comments,
//! terminators, commands. Nothing here fails: a line that cannot be read is kept as such.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, ContextId, Dialect, RuleId};
use super::document::{Document, Node, NodeId, NodeKind, Sem, Standing};
use super::hash;
use super::pattern;
use super::reading::Reading;
use super::rules::Rule;

/// Deeper nesting than any platform has; further lines stay on this level.
const MAX_DEPTH: usize = 32;
/// Parses any text.
pub(crate) fn parse(text: &str, dialect: &Dialect) -> Document {
    let mut lexer = Lexer {
        dialect,
        text,
        doc: Document::default(),
        stack: Vec::new(),
        line: 0,
        soft_end: false,
        no_end: BTreeMap::new(),
    };
    let expected = text.len() / 24;
    lexer.doc.nodes.reserve(expected);
    lexer.doc.sems.reserve(expected);
    let mut at = 0;
    let mut words = Vec::with_capacity(16);
    while at < text.len() {
        at = lexer.next(at, &mut words);
    }
    let mut doc = lexer.doc;
    doc.incomplete = incomplete(text, dialect);
    text.clone_into(&mut doc.text);
    doc
}

/// An open block.
struct Open {
    indent: usize,
    node: NodeId,
    /// The context of its children.
    inner: ContextId,
    /// A rule knows the line, and it opens nothing.
    leaf: bool,
    /// The context it stands in.
    outer: ContextId,
}

pub(crate) struct Lexer<'d, 't> {
    pub(crate) dialect: &'d Dialect,
    pub(crate) text: &'t str,
    pub(crate) doc: Document,
    stack: Vec<Open>,
    pub(crate) line: u32,
    /// A `!` in the first column since the last command (grammar family).
    soft_end: bool,
    /// Per terminator: up to where it is known not to occur.
    pub(crate) no_end: BTreeMap<String, usize>,
}

/// A line cut out of the text.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'t> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) indent: usize,
    /// Without indentation, trailing blanks and line end.
    pub(crate) text: &'t str,
}

pub(crate) fn cut(text: &str, start: usize) -> Cut<'_> {
    let end = text[start..]
        .find('\n')
        .map_or(text.len(), |n| start + n + 1);
    let raw = &text[start..end];
    let blank = |c: char| c.is_ascii_whitespace() || c == '\u{8}';
    let body = raw.trim_start_matches(blank);
    let mut indent = 0;
    for byte in raw[..raw.len() - body.len()].bytes() {
        match byte {
            b'\t' => indent = (indent / 8 + 1) * 8,
            b' ' => indent += 1,
            8 => indent = 0,
            _ => {}
        }
    }
    Cut {
        start,
        end,
        indent,
        text: body.trim_end_matches(blank),
    }
}

impl<'t> Lexer<'_, 't> {
    /// Reads the line at `at`; where the next one begins.
    fn next(&mut self, at: usize, words: &mut Vec<&'t str>) -> usize {
        let cut = cut(self.text, at);
        self.line += 1;
        if cut.text.is_empty() {
            return self.trivia(NodeKind::Separator, cut);
        }
        pattern::words(cut.text, words);
        if let Some(reason) = self.noise(&cut, words) {
            return self.trivia(NodeKind::Noise(reason), cut);
        }
        if let Some(kind) = self.comment(cut.text) {
            self.soft_end |= kind == NodeKind::Separator && cut.indent == 0;
            return self.trivia(kind, cut);
        }
        if let Some(levels) = self.dialect.leaves(cut.text) {
            return self.terminator(cut, levels);
        }
        self.command(cut, words)
    }

    fn noise(&self, cut: &Cut<'_>, words: &[&str]) -> Option<String> {
        let hit = self.dialect.noise.find(words)?;
        let (reason, top) = &self.dialect.noise_reasons[hit.rule as usize];
        (!top || cut.indent == 0).then(|| reason.to_string())
    }

    fn comment(&self, text: &str) -> Option<NodeKind> {
        let mark = self
            .dialect
            .comments
            .iter()
            .find(|c| text.starts_with(&***c))?;
        let rest = text.trim_start_matches(&**mark).trim();
        Some(if rest.is_empty() {
            NodeKind::Separator
        } else {
            NodeKind::Comment
        })
    }

    pub(crate) fn trivia(&mut self, kind: NodeKind, cut: Cut<'_>) -> usize {
        let around = |open: &&Open| {
            let block = &self.doc.nodes[open.node.0 as usize];
            open.indent < cut.indent && block.kind == NodeKind::Block
        };
        let parent = self.stack.iter().rev().find(around).map(|open| open.node);
        self.push(kind, parent, cut.start, cut.end);
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
        self.soft_end = false;
        let context = self.inner();
        let dialect = self.dialect;
        let reading = dialect.read(context, cut.text, words);
        let literal = reading.rule.and_then(|r| r.literal.as_ref());
        if let (Some(spec), None) = (literal, reading.negator) {
            return self.literal(&cut, &reading, spec);
        }
        let id = self.add(&cut, &reading);
        let opens = self.doc.nodes[id.0 as usize].opens;
        let opener = !dialect.climbs() || opens.is_some();
        if opener && self.stack.len() < MAX_DEPTH {
            self.stack.push(Open {
                indent: cut.indent,
                node: id,
                inner: opens.unwrap_or(ContextId::UNKNOWN),
                leaf: reading.rule.is_some() && opens.is_none(),
                outer: context,
            });
        }
        cut.end
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

    /// Adds a command node.
    pub(crate) fn add(&mut self, cut: &Cut<'_>, reading: &Reading<'_, '_>) -> NodeId {
        let dialect = self.dialect;
        let positive = reading.canonical(dialect);
        let cardinality = reading.cardinality(dialect);
        let key = reading.key(dialect, &positive);
        let slot = hash::of(10, &[reading.slot_name(dialect), &key]);
        let mut number = None;
        let mut content = None;
        if cardinality == Cardinality::Keyed {
            number = reading.number(dialect);
            content = number.map(|_| reading.content(dialect, &positive));
        }
        let negated = reading.negator.is_some();
        let said = content.as_deref().unwrap_or(&positive);
        let value = hash::of(11, &[said, reading.negator.unwrap_or_default()]);
        let parent = self.stack.last().map(|open| open.node);
        let ignored = reading
            .rule
            .and_then(|r| r.ignore.as_deref())
            .or_else(|| self.ignored());
        let kind = match ignored {
            Some(reason) => NodeKind::Noise(reason.to_owned()),
            None => NodeKind::Command,
        };
        let live = ignored.is_none();
        let id = self.push(kind, parent, cut.start, cut.end);
        let node = &mut self.doc.nodes[id.0 as usize];
        node.command = match reading.negator {
            Some(negator) => format!("{negator} {positive}"),
            None => positive,
        };
        node.negated = negated;
        node.context = reading.context;
        node.opens = reading.rule.and_then(|r| r.opens).filter(|_| !negated);
        node.rule = reading.id();
        if live && node.opens.is_some() {
            node.kind = NodeKind::Block;
        }
        node.standing = match (live, reading.absent()) {
            (false, _) => Standing::Trivia,
            (true, true) => Standing::Absent,
            (true, false) => Standing::Live,
        };
        let sem = &mut self.doc.sems[id.0 as usize];
        sem.slot = slot;
        sem.value = value;
        sem.cardinality = cardinality;
        sem.number = number;
        sem.content = content.map(Into::into);
        sem.hidden = reading.rule.is_some_and(|r| r.hidden);
        sem.stays = !negated && reading.rule.is_some_and(Rule::stays);
        id
    }

    /// The reason why the enclosing block does not count.
    fn ignored(&self) -> Option<&str> {
        let open = self.stack.last()?;
        match &self.doc.nodes[open.node.0 as usize].kind {
            NodeKind::Noise(reason) => Some(reason),
            NodeKind::Command
            | NodeKind::Block
            | NodeKind::Literal
            | NodeKind::Comment
            | NodeKind::Separator
            | NodeKind::Terminator
            | NodeKind::Error => None,
        }
    }

    fn push(&mut self, kind: NodeKind, parent: Option<NodeId>, start: usize, end: usize) -> NodeId {
        let id = NodeId(u32::try_from(self.doc.nodes.len()).expect("a text is below 4 GiB"));
        match parent {
            Some(parent) => {
                let block = &mut self.doc.nodes[parent.0 as usize];
                block.children.push(id);
                let commands = matches!(kind, NodeKind::Command | NodeKind::Literal);
                if commands && block.kind == NodeKind::Command {
                    block.kind = NodeKind::Block;
                }
            }
            None => self.doc.roots.push(id),
        }
        self.doc.nodes.push(Node {
            kind,
            parent,
            children: Vec::new(),
            span: start..end,
            line: self.line,
            command: String::new(),
            negated: false,
            context: self.inner(),
            opens: None,
            rule: RuleId::GENERIC,
            standing: Standing::Trivia,
        });
        self.doc.sems.push(Sem {
            slot: 0,
            value: 0,
            hash: 0,
            cardinality: Cardinality::Set,
            number: None,
            rank: 0,
            body: Vec::new(),
            content: None,
            hidden: false,
            stays: false,
        });
        id
    }
}

/// Why the text cannot be a whole running configuration.
fn incomplete(text: &str, dialect: &Dialect) -> Option<String> {
    let complete = &dialect.complete;
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty());
    let Some(last) = text.lines().rev().map(str::trim).find(|l| !l.is_empty()) else {
        return Some("it is empty".to_owned());
    };
    if last != &*complete.last {
        return Some(format!("its last line is not `{}`", complete.last));
    }
    let known = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        complete
            .first
            .iter()
            .any(|parts| pattern::matches(parts, &words))
    };
    if complete.first.is_empty() || lines().take(complete.within).any(known) {
        return None;
    }
    Some("it does not begin like a running configuration".to_owned())
}

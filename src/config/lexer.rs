//! From text to nodes. Order inside a line's reading: literals, noise, comments,
//! terminators, commands. Nothing here fails: a line that cannot be read is kept as such.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, ContextId, Dialect, Meaning, Reading, RuleId};
use super::document::{Document, Node, NodeId, NodeKind, Sem, Standing};
use super::hash;
use super::pattern::{self, Elem};
use super::spec::LiteralSpec;

/// Deeper nesting than any platform has; further lines stay on this level.
const MAX_DEPTH: usize = 32;
/// Longest body of a delimited literal, in bytes: far above what a device stores, low
/// enough that unterminated openers cannot make parsing slow.
const MAX_LITERAL: usize = 64 << 10;

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

struct Lexer<'d, 't> {
    dialect: &'d Dialect,
    text: &'t str,
    doc: Document,
    stack: Vec<Open>,
    line: u32,
    /// A `!` in the first column since the last command (grammar family).
    soft_end: bool,
    /// Per terminator: up to where it is known not to occur.
    no_end: BTreeMap<String, usize>,
}

/// A line cut out of the text.
#[derive(Clone, Copy)]
struct Cut<'t> {
    start: usize,
    end: usize,
    indent: usize,
    /// Without indentation, trailing blanks and line end.
    text: &'t str,
}

fn cut(text: &str, start: usize) -> Cut<'_> {
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

    fn trivia(&mut self, kind: NodeKind, cut: Cut<'_>) -> usize {
        let parent = self.stack.last().map(|open| open.node);
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
    fn add(&mut self, cut: &Cut<'_>, reading: &Reading<'_, '_>) -> NodeId {
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
        });
        id
    }

    /// Captures a literal; where the next line begins. One without an end is an error
    /// node of one line, and reading goes on behind it.
    fn literal(&mut self, cut: &Cut<'t>, reading: &Reading<'_, '_>, spec: &LiteralSpec) -> usize {
        let found = match spec {
            LiteralSpec::Delimiter => self.delimited(cut, reading),
            LiteralSpec::Until(last) => self.until(cut, last),
        };
        let Some((body, end)) = found else {
            return self.trivia(NodeKind::Error, *cut);
        };
        let whole = Cut { end, ..*cut };
        let id = self.add(&whole, reading);
        let node = &mut self.doc.nodes[id.0 as usize];
        if node.standing != Standing::Trivia {
            node.kind = NodeKind::Literal;
        }
        if *spec == LiteralSpec::Delimiter {
            node.command = opening(&node.command, reading.rule.map_or(&[], |r| &r.variants[0]));
        }
        let lines = self.text[cut.start..end]
            .bytes()
            .filter(|b| *b == b'\n')
            .count();
        self.line += u32::try_from(lines.saturating_sub(1)).unwrap_or(u32::MAX);
        let command = node.command.clone();
        let body = body_text(&self.text[body], spec);
        self.doc.sems[id.0 as usize].value = hash::of(12, &[&command, &body]);
        self.doc.literals.push((id, body));
        end
    }

    fn delimited(
        &mut self,
        cut: &Cut<'t>,
        reading: &Reading<'_, '_>,
    ) -> Option<(std::ops::Range<usize>, usize)> {
        let at = rest_index(reading.rule.map_or(&[], |r| &r.variants[0]))?;
        let word = reading.words.get(at)?;
        let rest = word.as_ptr() as usize - self.text.as_ptr() as usize;
        let mark = if word.starts_with("^C") {
            "^C"
        } else {
            &word[..word.chars().next()?.len_utf8()]
        };
        let start = rest + mark.len();
        let known = self.no_end.get(mark).copied().unwrap_or_default();
        let from = start.max(known);
        let mut to = self.text.len().min(start + MAX_LITERAL);
        while !self.text.is_char_boundary(to) {
            to -= 1;
        }
        let Some(n) = self.text.get(from..to).and_then(|t| t.find(mark)) else {
            self.no_end.insert(mark.to_owned(), known.max(to));
            return None;
        };
        let close = from + n;
        let end = self.text[close..]
            .find('\n')
            .map_or(self.text.len(), |n| close + n + 1);
        debug_assert!(end >= cut.end);
        Some((start..close, end))
    }

    fn until(&mut self, cut: &Cut<'t>, last: &str) -> Option<(std::ops::Range<usize>, usize)> {
        let known = self.no_end.get(last).copied().unwrap_or_default();
        if known >= self.text.len() && known > 0 {
            return None;
        }
        let mut at = cut.end;
        while at < self.text.len() {
            let line = self::cut(self.text, at);
            if line.text == last {
                return Some((cut.end..line.start, line.end));
            }
            if cut.indent > 0 && line.indent <= cut.indent && !line.text.is_empty() {
                return None;
            }
            at = line.end;
        }
        self.no_end.insert(last.to_owned(), self.text.len());
        None
    }
}

/// Index of the word at which the rest of a pattern begins.
fn rest_index(parts: &[pattern::Part]) -> Option<usize> {
    parts
        .iter()
        .position(|p| matches!(p.elem, Elem::Rest { .. }))
}

/// The opening words of a literal's command.
fn opening(command: &str, parts: &[pattern::Part]) -> String {
    let count = rest_index(parts).unwrap_or(usize::MAX);
    let words: Vec<&str> = command.split_ascii_whitespace().take(count).collect();
    words.join(" ")
}

/// The body as compared: line ends as `\n`; blanks around lines do not count where the
/// device indents them itself.
fn body_text(raw: &str, spec: &LiteralSpec) -> String {
    match spec {
        LiteralSpec::Delimiter => raw.replace("\r\n", "\n"),
        LiteralSpec::Until(_) => {
            let mut out = String::with_capacity(raw.len());
            for line in raw.lines() {
                out.push_str(line.trim());
                out.push('\n');
            }
            out
        }
    }
}

/// Delimiters to choose from when a literal is typed.
const DELIMITERS: &[char] = &['#', '@', '%', '~', '|', '+', '$', '&', '\u{3}'];

/// The lines to type for a literal.
pub(crate) fn typed_literal(
    command: &str,
    body: &str,
    rule: RuleId,
    dialect: &Dialect,
) -> Vec<String> {
    let spec = dialect.rule(rule).and_then(|r| r.literal.as_ref());
    let text = match spec {
        Some(LiteralSpec::Until(last)) => format!("{command}\n{body}{last}"),
        Some(LiteralSpec::Delimiter) | None => {
            let free = |c: &&char| !body.contains(**c);
            let mark = DELIMITERS.iter().find(free).copied().unwrap_or('\u{3}');
            format!("{command} {mark}{body}{mark}")
        }
    };
    text.split('\n').map(str::to_owned).collect()
}

/// The meaning of a literal node, whose command lacks its text.
pub(crate) fn literal_meaning(doc: &Document, id: NodeId, dialect: &Dialect) -> Meaning {
    let node = doc.node(id);
    let mut meaning = dialect.meaning(node.context, doc.line_text(id));
    meaning.canonical.clone_from(&node.command);
    meaning
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

//! Multi-line texts inside a configuration: banners, certificates, keys.

use super::dialect::{Dialect, Meaning, RuleId};
use super::document::{Document, NodeId, NodeKind, Standing};
use super::hash;
use super::lexer::{Cut, Lexer, cut as cut_line};
use super::pattern::{self, Elem};
use super::reading::Reading;
use super::spec::LiteralSpec;

/// Longest body of a delimited literal, in bytes: far above what a device stores, low
/// enough that unterminated openers cannot make parsing slow.
const MAX_LITERAL: usize = 64 << 10;

impl<'t> Lexer<'_, 't> {
    /// Captures a literal; where the next line begins. One without an end is an error
    /// node of one line, and reading goes on behind it.
    pub(crate) fn literal(
        &mut self,
        cut: &Cut<'t>,
        reading: &Reading<'_, '_>,
        spec: &LiteralSpec,
    ) -> usize {
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
            let line = cut_line(self.text, at);
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

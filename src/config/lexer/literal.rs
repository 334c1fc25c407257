//! Multi-line texts inside a configuration: banners, certificates, keys.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cut::{Cut, cut as cut_line};
use crate::config::build::{Builder, Extent};
use crate::config::document::{NodeId, NodeKind, Standing};
use crate::config::hash;
use crate::config::literal::{body_text, opening, rest_index};
use crate::config::rules::Rule;
use crate::config::spec::LiteralSpec;

/// Longest body of a delimited literal, in bytes: far above what a device stores, low
/// enough that unterminated openers cannot make parsing slow.
const MAX_LITERAL: usize = 64 << 10;

/// Per terminator: up to where it is known not to occur.
pub(super) struct Ends(pub(super) BTreeMap<String, usize>);

impl Ends {
    /// Captures a literal; where the next line begins. One without an end is an error
    /// node of one line, and reading goes on behind it.
    pub(super) fn literal(
        &mut self,
        out: &mut Builder<'_, '_>,
        cut: &Cut<'_>,
        rule: &Rule,
        spec: &LiteralSpec,
        parent: Option<NodeId>,
        extent: Extent,
    ) -> usize {
        let found = match spec {
            LiteralSpec::Delimiter => self.delimited(out.text, cut, rule),
            LiteralSpec::Until(last) => self.until(out.text, cut, last),
        };
        let Some((body, end)) = found else {
            out.trivia(NodeKind::Error, parent, extent);
            return cut.end;
        };
        let body = body_text(&out.text[body], spec, rule.body);
        let words: Vec<&str> = cut.text.split_ascii_whitespace().collect();
        let head = match spec {
            LiteralSpec::Delimiter => opening(cut.text, &rule.variants[0]),
            LiteralSpec::Until(_) => words.join(" "),
        };
        // The opening words alone are what the node is called.
        let context = parent.map_or(crate::config::ContextId::TOP, |p| out.inside(p));
        let reading = out.dialect.read(context, cut.text, &words);
        let line = out.read_as(&reading, &head);
        let id = out.command(line, parent, Extent { end, ..extent });
        let node = &mut out.nodes[id.at()];
        if node.standing != Standing::Trivia {
            node.kind = NodeKind::Literal;
        }
        node.value = hash::of(12, &[&head, &body]);
        out.literals.push((id, body));
        end
    }

    fn delimited(
        &mut self,
        text: &str,
        cut: &Cut<'_>,
        rule: &Rule,
    ) -> Option<(Range<usize>, usize)> {
        let at = rest_index(&rule.variants[0])?;
        let word = cut.text.split_ascii_whitespace().nth(at)?;
        let rest = word.as_ptr() as usize - text.as_ptr() as usize;
        let mark = if word.starts_with("^C") {
            "^C"
        } else {
            &word[..word.chars().next()?.len_utf8()]
        };
        let start = rest + mark.len();
        let known = self.0.get(mark).copied().unwrap_or_default();
        let from = start.max(known);
        let mut to = text.len().min(start + MAX_LITERAL);
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        let Some(n) = text.get(from..to).and_then(|t| t.find(mark)) else {
            self.0.insert(mark.to_owned(), known.max(to));
            return None;
        };
        let close = from + n;
        let end = text[close..]
            .find('\n')
            .map_or(text.len(), |n| close + n + 1);
        Some((start..close, end))
    }

    fn until(&mut self, text: &str, cut: &Cut<'_>, last: &str) -> Option<(Range<usize>, usize)> {
        let known = self.0.get(last).copied().unwrap_or_default();
        if known >= text.len() && known > 0 {
            return None;
        }
        let mut at = cut.end;
        // A text that is indented ends with its indentation, too: templates leave the last
        // line out.
        let mut deeper = None;
        while at < text.len() {
            let line = cut_line(text, at);
            if line.text == last {
                return Some((cut.end..line.start, line.end));
            }
            if !line.text.is_empty() {
                let inside = line.indent > cut.indent;
                if deeper == Some(true) && !inside {
                    return Some((cut.end..line.start, line.start));
                }
                deeper.get_or_insert(inside);
            }
            at = line.end;
        }
        if deeper == Some(true) {
            return Some((cut.end..text.len(), text.len()));
        }
        self.0.insert(last.to_owned(), text.len());
        None
    }
}

//! Cuts a template's source into text and tags, the way minijinja's lexer does, so that
//! origin marks can be put where they do not disturb whitespace control.

use std::ops::Range;

/// One piece of a template's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text, also the inside of a raw block.
    Text(Range<usize>),
    /// A whole `{{ … }}`.
    Variable(Range<usize>),
    /// A whole `{% … %}`, with its first word.
    Block(Range<usize>, String),
    /// A whole `{# … #}`, or the tags around a raw block.
    Other(Range<usize>),
}

/// Cuts a source; `None` if a tag does not end (minijinja will say so better).
pub(super) fn scan(source: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let Some(open) = next_tag(source, at) else {
            pieces.push(Piece::Text(at..source.len()));
            break;
        };
        if open > at {
            pieces.push(Piece::Text(at..open));
        }
        at = tag(source, open, &mut pieces)?;
    }
    Some(pieces)
}

/// The next `{{`, `{%` or `{#`.
fn next_tag(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    (from..bytes.len().saturating_sub(1))
        .find(|&i| bytes[i] == b'{' && matches!(bytes[i + 1], b'{' | b'%' | b'#'))
}

/// Adds the tag that begins at `open`; says where it ends.
fn tag(source: &str, open: usize, pieces: &mut Vec<Piece>) -> Option<usize> {
    match source.as_bytes()[open + 1] {
        b'#' => {
            let end = open + 2 + source[open + 2..].find("#}")? + 2;
            pieces.push(Piece::Other(open..end));
            Some(end)
        }
        b'{' => {
            let end = tag_end(source, open + 2, "}}")?;
            pieces.push(Piece::Variable(open..end));
            Some(end)
        }
        _ => {
            let end = tag_end(source, open + 2, "%}")?;
            let word = first_word(&source[open + 2..end]);
            if word == "raw" {
                return raw(source, open, end, pieces);
            }
            pieces.push(Piece::Block(open..end, word.to_owned()));
            Some(end)
        }
    }
}

/// A raw block: its tags are left alone, its inside is text.
fn raw(source: &str, open: usize, inside: usize, pieces: &mut Vec<Piece>) -> Option<usize> {
    pieces.push(Piece::Other(open..inside));
    let mut at = inside;
    loop {
        let close = at + source[at..].find("{%")?;
        let rest = &source[close + 2..];
        let end = close + 2 + rest.find("%}").map_or(rest.len(), |e| e + 2);
        if first_word(rest) == "endraw" {
            pieces.push(Piece::Text(inside..close));
            pieces.push(Piece::Other(close..end));
            return Some(end);
        }
        at = close + 2;
    }
}

/// The first word inside a tag, after `-` or `+`.
fn first_word(inside: &str) -> &str {
    let rest = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    &rest[..end]
}

/// Where a tag ends (behind its closing delimiter), minding strings and brackets.
fn tag_end(source: &str, from: usize, close: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut depth = 0_i32;
    let mut at = from;
    while at < bytes.len() {
        if depth == 0 && source.is_char_boundary(at) && source[at..].starts_with(close) {
            return Some(at + close.len());
        }
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = string_end(bytes, at, quote)?,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Index of the quote that ends a string.
fn string_end(bytes: &[u8], open: usize, quote: u8) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b if b == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(source: &str) -> Vec<String> {
        let piece = |p: &Piece| match p {
            Piece::Text(r) => format!("T{}", &source[r.clone()]),
            Piece::Variable(r) => format!("V{}", &source[r.clone()]),
            Piece::Block(r, w) => format!("B[{w}]{}", &source[r.clone()]),
            Piece::Other(r) => format!("O{}", &source[r.clone()]),
        };
        scan(source).expect("whole").iter().map(piece).collect()
    }

    #[test]
    fn strings_and_brackets_do_not_end_a_tag() {
        assert_eq!(
            show("a{{ {'x': {'}}': 1}} }}b"),
            ["Ta", "V{{ {'x': {'}}': 1}} }}", "Tb"]
        );
        assert_eq!(show("{%- if '%}' -%}"), ["B[if]{%- if '%}' -%}"]);
    }

    #[test]
    fn raw_blocks_are_text() {
        assert_eq!(
            show("{% raw -%}{{ x }}{% y %}{%- endraw %}z"),
            ["O{% raw -%}", "T{{ x }}{% y %}", "O{%- endraw %}", "Tz"]
        );
    }

    #[test]
    fn an_open_tag_is_not_cut() {
        assert_eq!(scan("a {{ b"), None);
        assert_eq!(scan("{% raw %} x"), None);
    }
}

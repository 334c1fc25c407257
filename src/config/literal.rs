//! Texts of several lines: what is compared of them, and how they are typed.

use super::dialect::{Dialect, Meaning, RuleId};
use super::document::{Document, NodeId};
use super::pattern::{self, Elem};
use super::spec::{BodySpec, LiteralSpec};

/// Index of the word at which the rest of a pattern begins.
pub(crate) fn rest_index(parts: &[pattern::Part]) -> Option<usize> {
    parts
        .iter()
        .position(|p| matches!(p.elem, Elem::Rest { .. }))
}

/// The opening words of a literal's command.
pub(crate) fn opening(command: &str, parts: &[pattern::Part]) -> String {
    let count = rest_index(parts).unwrap_or(usize::MAX);
    let words: Vec<&str> = command.split_ascii_whitespace().take(count).collect();
    words.join(" ")
}

/// The body as compared: line ends as `\n`; blanks around lines do not count where the
/// device indents them itself.
pub(crate) fn body_text(raw: &str, spec: &LiteralSpec, body: BodySpec) -> String {
    match (spec, body) {
        (LiteralSpec::Delimiter, _) => raw.replace("\r\n", "\n"),
        (LiteralSpec::Until(_), BodySpec::Trim) => lines_of(raw.lines().map(str::trim)),
        (LiteralSpec::Until(_), BodySpec::Text) => lines_of(raw.lines().map(str::trim_end)),
        (LiteralSpec::Until(_), BodySpec::Set) => {
            let items = raw.lines().map(str::trim).filter(|l| !l.starts_with('#'));
            let items = items.flat_map(|line| line.split(',')).map(str::trim);
            let mut items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
            items.sort_unstable();
            items.dedup();
            lines_of(items.join(",\n").lines())
        }
    }
}

fn lines_of<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out
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
    node.command.clone_into(&mut meaning.canonical);
    meaning
}

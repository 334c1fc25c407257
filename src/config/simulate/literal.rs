//! Texts of several lines: banners, certificates.

use super::super::dialect::Meaning;
use super::super::pattern::{Elem, Part};
use super::super::spec::LiteralSpec;
use super::slots::Site;
use super::tree::{Entry, Tree};

impl Site<'_> {
    /// Gathers a literal: its text and the number of lines it took.
    pub(super) fn literal(
        &self,
        meaning: &Meaning,
        lines: &[&str],
    ) -> Result<Option<(Entry, usize)>, String> {
        let rule = self.dialect.rule(meaning.rule);
        let Some((rule, spec)) = rule.and_then(|r| Some((r, r.literal.as_ref()?))) else {
            return Ok(None);
        };
        if meaning.negated {
            return Ok(None);
        }
        let before_text = |p: &&Part| !matches!(p.elem, Elem::Rest { .. });
        let opening = rule.variants[0].iter().take_while(before_text).count();
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        let (body, used) = match spec {
            LiteralSpec::Until(last) => until(lines, last)?,
            LiteralSpec::Delimiter => delimited(lines, words.get(opening).copied())?,
        };
        let header = match spec {
            LiteralSpec::Until(_) => words.join(" "),
            LiteralSpec::Delimiter => words[..opening.min(words.len())].join(" "),
        };
        let mut entry = self.entry(meaning);
        entry.text = header;
        entry.body = Some(body);
        Ok(Some((entry, used)))
    }
}

/// Lines up to one that says just `last`.
fn until(lines: &[&str], last: &str) -> Result<(String, usize), String> {
    let end = lines.iter().skip(1).position(|l| l.trim() == last);
    let end = end.ok_or_else(|| format!("no line `{last}` ends its text"))?;
    let body = lines[1..=end]
        .iter()
        .map(|l| format!("{l}\n"))
        .collect::<Vec<_>>();
    Ok((body.concat(), end + 2))
}

/// Text between two occurrences of the first character of `start`.
fn delimited(lines: &[&str], start: Option<&str>) -> Result<(String, usize), String> {
    let start = start.ok_or("no delimiter begins its text")?;
    // A device takes one character; `^C` is how it prints the character it was given.
    let mark: String = match start.strip_prefix("^C") {
        Some(_) => "^C".to_owned(),
        None => start.chars().take(1).collect(),
    };
    let whole = lines.join("\n");
    let from = whole.find(&mark).map_or(0, |at| at + mark.len());
    let length = whole[from..].find(&mark);
    let length = length.ok_or_else(|| format!("no second `{mark}` ends its text"))?;
    let body = &whole[from..from + length];
    Ok((body.to_owned(), body.matches('\n').count() + 1))
}

/// A literal takes the place of the one before it.
pub(super) fn put(
    tree: &mut Tree,
    site: &Site<'_>,
    meaning: &Meaning,
    entry: Entry,
) -> Result<(), String> {
    let at = site.slot(tree, meaning).first().copied();
    if let Some(at) = at {
        tree.take(site.path, at);
    }
    tree.insert(site.path, at, entry);
    Ok(())
}

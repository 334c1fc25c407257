//! Texts of several lines: banners, certificates.

use std::sync::Arc;

use super::ground::{Ground, Spot};
use super::tree::Entry;
use crate::config::dialect::Event;
use crate::config::lexicon::Info;
use crate::config::literal::body_text;
use crate::config::pattern::{Elem, Part};
use crate::config::rules::Rule;
use crate::config::spec::LiteralSpec;

impl Ground<'_> {
    /// Gathers a literal and puts it into its place; how many lines it took.
    pub(super) fn literal(
        &mut self,
        spot: &Spot,
        info: &Info,
        lines: &[&str],
    ) -> Result<Option<usize>, String> {
        let rule = self.dialect.rule(info.rule);
        let Some((rule, spec)) = rule.and_then(|r| Some((r, r.literal.as_ref()?))) else {
            return Ok(None);
        };
        if info.negated() {
            return Ok(None);
        }
        let (head, body, used) = gather(rule, spec, lines)?;
        let mut info = info.clone();
        info.command = head.into();
        let entry = Entry::literal(Arc::new(info), &body);
        match self.tree.slot(spot.block, entry.info.slot).first().copied() {
            // A literal takes the place of the one before it.
            Some(old) => {
                self.replace(spot, old, entry);
            }
            None => {
                let info = Arc::clone(&entry.info);
                self.append(spot, entry);
                self.wipe(spot, &info, Event::Add);
            }
        }
        Ok(Some(used))
    }
}

/// Opening words, text and number of lines.
fn gather(
    rule: &Rule,
    spec: &LiteralSpec,
    lines: &[&str],
) -> Result<(String, String, usize), String> {
    let before_text = |p: &&Part| !matches!(p.elem, Elem::Rest { .. });
    let opening = rule.variants[0].iter().take_while(before_text).count();
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    match spec {
        LiteralSpec::Until(last) => {
            let (body, used) = until(lines, last)?;
            let body = body_text(&body, spec, rule.body);
            Ok((words.join(" "), body, used))
        }
        LiteralSpec::Delimiter => {
            let (body, used) = delimited(lines, words.get(opening).copied())?;
            let head = words[..opening.min(words.len())].join(" ");
            Ok((head, body, used))
        }
    }
}

/// Lines up to one that says just `last`.
fn until(lines: &[&str], last: &str) -> Result<(String, usize), String> {
    let end = lines.iter().skip(1).position(|l| l.trim() == last);
    let end = end.ok_or_else(|| format!("no line `{last}` ends its text"))?;
    let body = lines[1..=end].iter().map(|l| format!("{l}\n"));
    Ok((body.collect(), end + 2))
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

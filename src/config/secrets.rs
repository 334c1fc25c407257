//! Where secrets stand in a line.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pattern::{self, Elem, Part};
use super::spec::SecretSpec;

/// The patterns, by the word they begin with.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretTable {
    /// Begin with the line's first word.
    anchored: BTreeMap<Box<str>, Vec<Variants>>,
    /// Begin at any word.
    floating: BTreeMap<Box<str>, Vec<Variants>>,
}

/// A pattern with and without its optional words, the longest first.
#[derive(Clone, Debug)]
struct Variants {
    parts: Vec<Vec<Part>>,
    /// Header lines under which it does not hold.
    not_under: Box<str>,
}

/// Lines of free text: words in them are no keywords.
const FREE_TEXT: &[&str] = &["description", "remark", "title", "name"];

impl SecretTable {
    /// Compiles the patterns; the fault names the entry's place in the list.
    pub(crate) fn compile(specs: &[SecretSpec]) -> Result<Self, (usize, String)> {
        let mut table = Self::default();
        for (at, spec) in specs.iter().enumerate() {
            table.add(spec).map_err(|why| (at, why))?;
        }
        for (at, spec) in specs.iter().enumerate() {
            for example in spec.example.split(" || ") {
                let found = table.find(example, "");
                let mut left = example.to_owned();
                for range in found.into_iter().rev() {
                    left.replace_range(range, "");
                }
                if left.contains("CANARY") || left == *example {
                    return Err((at, format!("example `{example}` is not covered: `{left}`")));
                }
            }
        }
        Ok(table)
    }

    fn add(&mut self, spec: &SecretSpec) -> Result<(), String> {
        let line = &spec.line;
        for alternative in line.split(" || ") {
            let (floating, text) = match alternative.strip_prefix("~ ") {
                Some(rest) => (true, rest),
                None => (false, alternative),
            };
            let variants = pattern::compile(text)?;
            if !variants.iter().all(|parts| parts.iter().any(is_secret)) {
                return Err(format!("`{line}` has no <secret>"));
            }
            let Some(Elem::Word(first)) = variants[0].first().map(|p| &p.elem) else {
                return Err(format!("`{line}` must begin with a fixed word"));
            };
            let first = first.clone();
            let map = if floating {
                &mut self.floating
            } else {
                &mut self.anchored
            };
            map.entry(first).or_default().push(Variants {
                parts: variants,
                not_under: spec.not_under.as_str().into(),
            });
        }
        Ok(())
    }

    /// The byte ranges of the secrets in a line, in order, not overlapping. `section` is
    /// the header line of the section it stands in.
    pub(crate) fn find(&self, line: &str, section: &str) -> Vec<Range<usize>> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let mut found = Vec::new();
        let skip = usize::from(words.first().is_some_and(|w| *w == "no" || *w == "default"));
        for start in [0, skip] {
            if let Some(patterns) = words.get(start).and_then(|w| self.anchored.get(*w)) {
                collect(patterns, section, line, &words[start..], &mut found);
            }
        }
        let free = words.first().is_some_and(|w| FREE_TEXT.contains(w));
        for start in (0..words.len()).filter(|_| !free) {
            if let Some(patterns) = self.floating.get(words[start]) {
                collect(patterns, section, line, &words[start..], &mut found);
            }
        }
        for word in &words {
            found.extend(url_password(word).map(|r| shift(&r, offset(line, word))));
        }
        merge(found)
    }
}

fn is_secret(part: &Part) -> bool {
    part.elem
        .capture()
        .is_some_and(|(name, _)| name.starts_with("secret"))
}

/// Of each pattern's variants the longest that matches is taken, with all the secrets it
/// names. A pattern need not reach the end of the line.
fn collect(
    patterns: &[Variants],
    section: &str,
    line: &str,
    words: &[&str],
    found: &mut Vec<Range<usize>>,
) {
    let holds = |v: &&Variants| v.not_under.is_empty() || !section.starts_with(&*v.not_under);
    for variants in patterns.iter().filter(holds) {
        let Some(parts) = variants.parts.iter().find(|parts| reaches(parts, words)) else {
            continue;
        };
        for (at, part) in parts.iter().enumerate() {
            if is_secret(part) {
                let text = pattern::text_of(line, words, at, &part.elem);
                let start = offset(line, text);
                found.push(start..start + text.trim_end().len());
            }
        }
    }
}

fn reaches(parts: &[Part], words: &[&str]) -> bool {
    let has_rest = matches!(parts.last().map(|p| &p.elem), Some(Elem::Rest { .. }));
    let reach = if has_rest { words.len() } else { parts.len() };
    words
        .get(..reach)
        .is_some_and(|words| pattern::matches(parts, words))
}

fn offset(line: &str, part: &str) -> usize {
    part.as_ptr() as usize - line.as_ptr() as usize
}

fn shift(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// `ftp://user:password@host/`: the password.
fn url_password(word: &str) -> Option<Range<usize>> {
    let start = word.find("://")? + 3;
    let at = start + word[start..].rfind('@')?;
    let colon = start + word[start..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

fn merge(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|r| (r.start, std::cmp::Reverse(r.end)));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            Some(_) | None => out.push(range),
        }
    }
    out
}

//! Where secrets stand in a line.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pattern::{self, Elem, Part};
use super::spec::{Family, SecretSpec};

/// The patterns, by the word they begin with.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretTable {
    /// How words are cut.
    family: Family,
    /// By first byte: the lengths of the words that begin a pattern, as bits.
    begins: BTreeMap<u8, u64>,
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
    /// Header lines under one of which it has to stand.
    under: Box<str>,
}

/// Lines of free text: words in them are no keywords.
const FREE_TEXT: &[&str] = &["description", "remark", "title", "name"];

impl SecretTable {
    /// Compiles the patterns; the fault names the entry's place in the list.
    pub(crate) fn compile(specs: &[SecretSpec], family: Family) -> Result<Self, (usize, String)> {
        let mut table = Self {
            family,
            ..Self::default()
        };
        for (at, spec) in specs.iter().enumerate() {
            table.add(spec).map_err(|why| (at, why))?;
        }
        for (at, spec) in specs.iter().enumerate() {
            for example in spec.example.split(" || ") {
                let under = spec.under.split(" || ").next().unwrap_or_default();
                let found = table.find(example, "", &[under]);
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

    /// Whether a line can hold a secret at all; most lines cannot, and this is quick.
    pub(crate) fn may_hold(&self, line: &str) -> bool {
        let parts = line.split([' ', '\t', '{', '}', ';']);
        let begins = |word: &str| {
            let first = word.bytes().next();
            let lengths = first.and_then(|byte| self.begins.get(&byte));
            lengths.is_some_and(|bits| bits & length_bit(word) != 0)
        };
        line.contains(['$', '=', ':']) || parts.into_iter().any(begins)
    }

    /// The words of a line; where brackets tell the structure, these part words too.
    fn cut<'t>(&self, line: &'t str) -> Vec<&'t str> {
        let mut words = Vec::new();
        match self.family {
            Family::Brace => {
                let mut quoted = Vec::new();
                pattern::quoted_words(line, &mut quoted);
                for word in quoted {
                    if word.starts_with('"') {
                        words.push(word);
                    } else {
                        let parts = word.split(['{', '}', ';']);
                        words.extend(parts.filter(|part| !part.is_empty()));
                    }
                }
            }
            Family::Edit => pattern::quoted_words(line, &mut words),
            Family::Indent | Family::Grammar | Family::Xml | Family::File => {
                words.extend(line.split_ascii_whitespace());
            }
        }
        words
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
            if let Some(byte) = first.bytes().next() {
                *self.begins.entry(byte).or_default() |= length_bit(&first);
            }
            let map = if floating {
                &mut self.floating
            } else {
                &mut self.anchored
            };
            map.entry(first).or_default().push(Variants {
                parts: variants,
                not_under: spec.not_under.as_str().into(),
                under: spec.under.as_str().into(),
            });
        }
        Ok(())
    }

    /// The byte ranges of the secrets in a line, in order, not overlapping. `section` is
    /// the top-level header line it stands under, `around` all of them.
    pub(crate) fn find(&self, line: &str, section: &str, around: &[&str]) -> Vec<Range<usize>> {
        let words = self.cut(line);
        let mut found = Vec::new();
        let skip = usize::from(words.first().is_some_and(|w| *w == "no" || *w == "default"));
        for start in [0, skip] {
            if let Some(patterns) = words.get(start).and_then(|w| self.anchored.get(*w)) {
                collect(
                    patterns,
                    (section, around),
                    line,
                    &words[start..],
                    &mut found,
                );
            }
        }
        let free = |word: Option<&&str>| word.is_some_and(|w| FREE_TEXT.contains(w));
        // Where quotes hold a text together it is one word, elsewhere all of the line.
        let by_word = matches!(self.family, Family::Brace | Family::Edit);
        let whole = !by_word && free(words.first());
        let is_text = |at: usize| by_word && at > 0 && free(words.get(at - 1));
        for start in (0..words.len()).filter(|at| !whole && !is_text(*at)) {
            if let Some(patterns) = self.floating.get(words[start]) {
                collect(
                    patterns,
                    (section, around),
                    line,
                    &words[start..],
                    &mut found,
                );
            }
        }
        for word in &words {
            let inside = [url_password(word), assigned(word), crypt(word)];
            let inside = inside.into_iter().flatten();
            found.extend(inside.map(|r| shift(&r, offset(line, word))));
        }
        merge(found)
    }
}

fn is_secret(part: &Part) -> bool {
    part.elem
        .capture()
        .is_some_and(|(name, _)| name.starts_with("secret"))
}

fn length_bit(word: &str) -> u64 {
    1 << word.len().min(63)
}

/// Of each pattern's variants the longest that matches is taken, with all the secrets it
/// names. A pattern need not reach the end of the line.
fn collect(
    patterns: &[Variants],
    (section, around): (&str, &[&str]),
    line: &str,
    words: &[&str],
    found: &mut Vec<Range<usize>>,
) {
    let holds = |v: &&Variants| {
        let mut heads = v.not_under.split(" || ").filter(|head| !head.is_empty());
        let below = |head: &str| line.contains(head) || around.iter().any(|a| a.contains(head));
        !heads.any(|head| section.starts_with(head))
            && (v.under.is_empty() || v.under.split(" || ").any(below))
    };
    for variants in patterns.iter().filter(holds) {
        let Some(parts) = variants.parts.iter().find(|parts| reaches(parts, words)) else {
            continue;
        };
        for (at, part) in parts.iter().enumerate() {
            if is_secret(part) {
                let text = pattern::text_of(line, words, at, &part.elem);
                let text = unquoted(text.trim_end());
                let start = offset(line, text);
                found.push(start..start + text.len());
            }
        }
    }
}

/// The secret itself, without quotes around it and the mark that ends a statement.
fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        let Some(inner) = text.strip_prefix(quote) else {
            continue;
        };
        if let Some(end) = inner.find(quote) {
            return &inner[..end];
        }
    }
    text.strip_suffix(';').unwrap_or(text)
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

/// `psk="…"`, `PrivateKey=…`: the value.
fn assigned(word: &str) -> Option<Range<usize>> {
    const NAMES: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "psk",
        "secret",
        "privatekey",
        "presharedkey",
        "community",
        "token",
        "api_key",
        "apikey",
        "api-key",
    ];
    let (name, value) = word.split_once('=')?;
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let known = NAMES.iter().any(|n| n.eq_ignore_ascii_case(name));
    let start = word.len() - value.len();
    let inner = unquoted(value);
    let start = start + offset(value, inner);
    (known && !inner.is_empty()).then(|| start..start + inner.len())
}

/// A hash as crypt(3) writes it, wherever it stands in a word.
fn crypt(word: &str) -> Option<Range<usize>> {
    const KINDS: &[&str] = &[
        "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$8$", "$9$", "$y$",
    ];
    let start = KINDS.iter().filter_map(|kind| word.find(kind)).min()?;
    let ends = |c: char| matches!(c, ':' | '"' | '\'' | ',' | ';' | ')');
    let length = word[start..].find(ends).unwrap_or(word.len() - start);
    Some(start..start + length)
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

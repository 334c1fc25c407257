//! Words of a command line: abbreviations, patterns, natural order.
//!
//! A *phrase* is one line a mode takes: literal words, `<` for one required argument, `>`
//! for free text to the end of the line (at least one word), a trailing `.` for "nothing may
//! follow". A *pattern* selects stored lines: literal words, `*` for a word that is part of
//! the key, `~` for one that is part of the value, a trailing `$` for the end of the line;
//! further words are value.

use std::cmp::Ordering;

/// What became of a typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expanded {
    /// The line with keywords written out.
    Line(String),
    /// The word at this index is none the mode knows.
    Invalid(usize),
    /// The word at this index could be several keywords.
    Ambiguous,
    /// More words are needed. What there is, written out, and whether a value (not only a
    /// keyword) has been given or is what is missing: then `no` may leave the rest away.
    Incomplete(String, bool),
}

/// Writes the keywords of `line` out, as far as `phrases` know them. With `exact`, the first
/// word must be a whole keyword.
pub(super) fn expand<'a>(
    phrases: impl Iterator<Item = &'a str>,
    line: &str,
    exact: bool,
) -> Expanded {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut candidates: Vec<Vec<&str>> = phrases
        .filter(|p| same_start(p, words.first().copied().unwrap_or_default()))
        .map(|p| p.split(' ').collect())
        .collect();
    if exact
        && words
            .first()
            .is_some_and(|w| !has_keyword(&candidates, 0, w))
    {
        return Expanded::Invalid(0);
    }
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        if candidates.iter().any(|c| c.get(at) == Some(&">")) && !has_keyword(&candidates, at, word)
        {
            out.push(rest_of(line, at).to_owned());
            return Expanded::Line(out.join(" "));
        }
        match narrow(&mut candidates, at, word) {
            Narrowed::Keyword(keyword) => out.push(keyword),
            Narrowed::Argument => out.push((*word).to_owned()),
            Narrowed::Ambiguous => return Expanded::Ambiguous,
            Narrowed::Nothing => return Expanded::Invalid(at),
        }
    }
    let ends = |c: &Vec<&str>| c.get(words.len()).is_none_or(|next| *next == ".");
    if candidates.iter().any(ends) {
        Expanded::Line(out.join(" "))
    } else {
        let given = candidates
            .iter()
            .any(|c| c[..=words.len()].iter().any(|t| !is_literal(t)));
        Expanded::Incomplete(out.join(" "), given)
    }
}

/// Whether a phrase can begin with this (possibly shortened) word.
fn same_start(phrase: &str, word: &str) -> bool {
    phrase.starts_with(['<', '>'])
        || phrase
            .as_bytes()
            .first()
            .zip(word.as_bytes().first())
            .is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

fn has_keyword(candidates: &[Vec<&str>], at: usize, word: &str) -> bool {
    candidates.iter().any(|c| {
        c.get(at)
            .is_some_and(|token| is_literal(token) && token.eq_ignore_ascii_case(word))
    })
}

enum Narrowed {
    Keyword(String),
    Argument,
    Ambiguous,
    Nothing,
}

fn is_literal(token: &str) -> bool {
    !matches!(token, "<" | ">" | ".")
}

/// Keeps the candidates that `word` at index `at` leaves possible.
fn narrow(candidates: &mut Vec<Vec<&str>>, at: usize, word: &str) -> Narrowed {
    let lower = word.to_ascii_lowercase();
    let literal = |c: &Vec<&str>| {
        c.get(at)
            .copied()
            .filter(|t| is_literal(t))
            .map(str::to_owned)
    };
    let mut found: Vec<String> = candidates
        .iter()
        .filter_map(literal)
        .filter(|t| t.to_ascii_lowercase().starts_with(&lower))
        .collect();
    found.sort();
    found.dedup();
    if let Some(exact) = found.iter().find(|t| t.eq_ignore_ascii_case(word)).cloned() {
        found = vec![exact];
    }
    match found.len() {
        0 => {
            candidates.retain(|c| c.get(at).is_none_or(|t| *t == "<"));
            if candidates.is_empty() {
                Narrowed::Nothing
            } else {
                Narrowed::Argument
            }
        }
        1 => {
            let keyword = found.remove(0);
            candidates.retain(|c| c.get(at) == Some(&keyword.as_str()));
            Narrowed::Keyword(keyword)
        }
        _ => Narrowed::Ambiguous,
    }
}

/// The line from its word number `at` on, as written.
pub(super) fn rest_of(line: &str, at: usize) -> &str {
    let mut rest = line.trim_start();
    for _ in 0..at {
        rest = rest
            .split_once(char::is_whitespace)
            .map_or("", |(_, r)| r.trim_start());
    }
    rest.trim_end()
}

/// Column (in bytes) at which word number `at` of the line begins.
pub(super) fn column_of(line: &str, at: usize) -> usize {
    line.trim_end().len() - rest_of(line, at).len()
}

/// Whether `line` begins with all words of `start`.
pub(super) fn starts_with_words(line: &str, start: &str) -> bool {
    let mut words = line.split(' ');
    start.split(' ').all(|w| words.next() == Some(w))
}

/// The key words of `line` under `pattern`; `None` if it does not match.
pub(super) fn captures<'a>(pattern: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let mut words = line.split(' ');
    let mut keys = Vec::new();
    for token in pattern.split(' ') {
        if token == "$" {
            return words.next().is_none().then_some(keys);
        }
        let word = words.next()?;
        match token {
            "*" => keys.push(word),
            "~" => {}
            literal if literal == word => {}
            _ => return None,
        }
    }
    Some(keys)
}

/// Like [`captures`], for a line that may stop before the pattern does.
pub(super) fn captures_short<'a>(pattern: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let mut words = line.split(' ');
    let mut keys = Vec::new();
    for token in pattern.split(' ') {
        let Some(word) = words.next() else { break };
        match token {
            "*" => keys.push(word),
            "~" => {}
            "$" => return None,
            literal if literal == word => {}
            _ => return None,
        }
    }
    Some(keys)
}

/// Compares with runs of digits as numbers.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (n, rest_a) = number(a);
                let (m, rest_b) = number(b);
                match n.cmp(&m) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    other @ (Ordering::Less | Ordering::Greater) => return other,
                }
            }
            (Some(x), Some(y)) => match x.cmp(y) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other @ (Ordering::Less | Ordering::Greater) => return other,
            },
        }
    }
}

fn number(bytes: &[u8]) -> (u128, &[u8]) {
    let end = bytes
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(bytes.len());
    let value = bytes[..end].iter().fold(0u128, |n, b| {
        n.saturating_mul(10).saturating_add(u128::from(b - b'0'))
    });
    (value, &bytes[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASES: &[&str] = &[
        "ip address < <",
        "ip access-group <",
        "interface <",
        "shutdown .",
        "description >",
    ];

    fn typed(line: &str) -> Expanded {
        expand(PHRASES.iter().copied(), line, false)
    }

    #[test]
    fn keywords_may_be_shortened_as_far_as_they_are_unique() {
        assert_eq!(typed("shut"), Expanded::Line("shutdown".into()));
        assert_eq!(typed("int Gi0/1"), Expanded::Line("interface Gi0/1".into()));
        assert_eq!(
            typed("ip add 1.1.1.1 2.2.2.2"),
            Expanded::Line("ip address 1.1.1.1 2.2.2.2".into())
        );
        assert_eq!(typed("ip a 1.1.1.1"), Expanded::Ambiguous);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(typed("shutdown now"), Expanded::Invalid(1));
        assert_eq!(typed("bogus"), Expanded::Invalid(0));
        assert_eq!(
            typed("ip address 1.1.1.1"),
            Expanded::Incomplete("ip address 1.1.1.1".into(), true)
        );
        assert_eq!(typed("ip"), Expanded::Incomplete("ip".into(), false));
        assert_eq!(
            typed("description  to   core "),
            Expanded::Line("description to   core".into())
        );
        assert_eq!(column_of("ip  addresss x", 1), 4);
    }

    #[test]
    fn patterns_tell_key_from_value() {
        assert_eq!(
            captures("neighbor * route-map ~ in", "neighbor A route-map B in"),
            Some(vec!["A"])
        );
        assert_eq!(
            captures("neighbor * route-map ~ in", "neighbor A route-map B out"),
            None
        );
        assert_eq!(
            captures("ip address ~ ~ $", "ip address 1 2 secondary"),
            None
        );
        assert_eq!(
            captures_short("neighbor * remote-as", "neighbor A"),
            Some(vec!["A"])
        );
    }

    #[test]
    fn numbers_sort_as_numbers() {
        assert_eq!(natural("Gi0/2", "Gi0/10"), Ordering::Less);
        assert_eq!(natural("10.0.0.9", "10.0.0.10"), Ordering::Less);
    }
}

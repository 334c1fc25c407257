//! User-written regexes: linear time, bounded size, and a remark when one is loose.

use regex::{Regex, RegexBuilder};

/// Longest pattern a rule may hold. Real ones stay under a hundred bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// Largest compiled program and lazy automaton, in bytes; `\w{1,1000}` nests do not fit.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Deepest nesting of groups.
const MAX_NESTING: u32 = 50;

/// A checked pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern; the error is one sentence without the pattern.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(format!(
                "the pattern is longer than {MAX_PATTERN_BYTES} bytes"
            ));
        }
        RegexBuilder::new(text)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .nest_limit(MAX_NESTING)
            .build()
            .map(Self)
            .map_err(|error| explain(&error))
    }

    pub(super) fn is_match(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The last line of a syntax error says what is wrong; the ones above draw the pattern.
fn explain(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let what = last.trim_start_matches("error: ");
    format!("not a usable regular expression: {what}")
}

/// True when every alternative of the pattern starts at the start of the line.
pub(super) fn is_anchored(pattern: &str) -> bool {
    alternatives(pattern)
        .iter()
        .all(|a| a.starts_with('^') || a.starts_with("\\A") || a.starts_with("(?i)^"))
}

/// The pattern cut at each `|` that stands outside groups and character classes.
fn alternatives(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut in_class, mut escaped) = (0, 0_usize, false, false);
    for (at, c) in pattern.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            '|' if !in_class && depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchoring_looks_at_every_alternative() {
        assert!(is_anchored("^transport input ssh$"));
        assert!(is_anchored("^(a|b) c"));
        assert!(is_anchored("^a[|]b"));
        assert!(is_anchored(r"^a\|b"));
        assert!(is_anchored("^a|^b"));
        assert!(!is_anchored("^a|b"));
        assert!(!is_anchored("telnet"));
    }

    #[test]
    fn huge_patterns_are_refused_not_compiled() {
        assert!(Pattern::new(r"^(\w{1,1000}){1,1000}$").is_err());
        assert!(Pattern::new(&"a".repeat(MAX_PATTERN_BYTES + 1)).is_err());
        assert!(Pattern::new(&format!("^{}{}", "(".repeat(99), ")".repeat(99))).is_err());
    }

    #[test]
    fn a_syntax_error_is_one_sentence() {
        let why = Pattern::new("^(a").unwrap_err();
        assert_eq!(why, "not a usable regular expression: unclosed group");
    }
}

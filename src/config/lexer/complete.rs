//! Whether a text can be a device's whole configuration.

use crate::config::dialect::Dialect;
use crate::config::pattern;

/// Why the text cannot be a whole running configuration.
pub(crate) fn why_not(text: &str, dialect: &Dialect) -> Option<String> {
    let complete = &dialect.complete;
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty());
    let Some(last) = text.lines().rev().map(str::trim).find(|l| !l.is_empty()) else {
        return Some("it is empty".to_owned());
    };
    if !complete.last.is_empty() && last != &*complete.last {
        return Some(format!("its last line is not `{}`", complete.last));
    }
    let known = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        complete
            .first
            .iter()
            .any(|parts| pattern::matches(parts, &words))
    };
    if complete.first.is_empty() || lines().take(complete.within).any(known) {
        return None;
    }
    Some("it does not begin like a running configuration".to_owned())
}

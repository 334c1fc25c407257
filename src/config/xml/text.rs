//! Texts in lines, and between tags.

use std::fmt::Write as _;

use std::borrow::Cow;

/// Writes a text as the value of a line.
pub(crate) fn write_value(text: &str, out: &mut String) {
    let special = |c: char| c.is_control() || matches!(c, ']' | '[');
    let plain =
        !text.starts_with(['"', '{', ' ']) && !text.ends_with(' ') && !text.contains(special);
    if plain && text.trim() == text {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A quoted value without its quotes.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').unwrap_or(raw);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A character of a name.
pub(crate) fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A name without a prefix.
pub(crate) fn plain_name(text: &str) -> bool {
    let begins = |c: char| c.is_alphabetic() || c == '_';
    text.starts_with(begins) && text.chars().all(in_name)
}

/// A URI that is one word and ends where its brace does.
pub(super) fn plain_uri(uri: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '}';
    if !uri.contains(odd) {
        return Cow::Borrowed(uri);
    }
    Cow::Owned(uri.replace(odd, "_"))
}

/// Text as it stands between tags, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => {
                write!(out, "&#{};", u32::from(c)).expect("writing to a String cannot fail");
            }
            c => out.push(c),
        }
    }
    out
}

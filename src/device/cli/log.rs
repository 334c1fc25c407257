//! The session log, and what keeps secrets out of it and out of errors.
//!
//! The log holds what was typed, with secrets replaced, and the answers to configuration
//! lines, complete and with the same replacements. Of what a reading command printed it
//! holds only the length: a configuration is full of secrets that nobody has named.

use std::io::Write;

use crate::model::SecretText;

/// Stands for a secret in a log.
const HIDDEN: &str = "[secret]";

/// Shorter values would tear ordinary words apart; they are hidden by not logging the line.
const SHORTEST: usize = 3;

/// Replaces known secrets in texts.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<SecretText>,
}

impl Redactor {
    /// Adds a secret; empty and very short ones are not looked for.
    pub fn learn(&mut self, secret: &SecretText) {
        if secret.expose().len() >= SHORTEST && !self.secrets.contains(secret) {
            self.secrets.push(secret.clone());
            // Longest first: one secret may be a part of another.
            self.secrets
                .sort_by_key(|s| std::cmp::Reverse(s.expose().len()));
        }
    }

    /// Adds what a sealed line hides of the open one.
    pub fn learn_line(&mut self, open: &str, sealed: &str) {
        for value in hidden_values(open, sealed) {
            self.learn(&SecretText::new(value));
        }
    }

    /// The text without the known secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            if clean.contains(secret.expose()) {
                clean = clean.replace(secret.expose(), HIDDEN);
            }
        }
        clean
    }
}

/// What stands in `open` where `sealed` has a token `⟦…⟧`.
fn hidden_values<'o>(open: &'o str, sealed: &str) -> Vec<&'o str> {
    let mut literal = Vec::new();
    let mut rest = sealed;
    while let Some(at) = rest.find('\u{27e6}') {
        literal.push(&rest[..at]);
        let Some(end) = rest[at..].find('\u{27e7}') else {
            break;
        };
        rest = &rest[at + end + '\u{27e7}'.len_utf8()..];
    }
    if literal.is_empty() {
        return Vec::new();
    }
    literal.push(rest);
    let Some(mut left) = open.strip_prefix(literal[0]) else {
        return vec![open];
    };
    let mut values = Vec::new();
    for (index, piece) in literal.iter().enumerate().skip(1) {
        let last = index + 1 == literal.len();
        let end = match (piece.is_empty(), last) {
            (true, true) => Some(left.len()),
            (_, true) => left.len().checked_sub(piece.len()),
            (_, false) => left.find(piece),
        };
        let Some(end) = end.filter(|end| left.is_char_boundary(*end)) else {
            return vec![open];
        };
        values.push(&left[..end]);
        left = &left[end + piece.len()..];
    }
    values
}

/// Where a session is written down.
pub struct SessionLog(Box<dyn Write + Send>);

impl SessionLog {
    /// Writes to `writer`; it should be a file of mode 0600.
    #[must_use]
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(writer)
    }

    /// A line typed, as it may be shown.
    pub fn typed(&mut self, shown: &str) {
        self.line(">", shown);
    }

    /// An answer, complete.
    pub fn answered(&mut self, answer: &str, redactor: &Redactor) {
        for line in redactor.clean(answer).lines() {
            self.line("<", line);
        }
    }

    /// An answer that is not shown.
    pub fn answered_bytes(&mut self, bytes: usize) {
        self.line("<", &format!("({bytes} bytes)"));
    }

    /// Anything else worth a line.
    pub fn note(&mut self, text: &str) {
        self.line("=", text);
    }

    /// A log that cannot be written must not end a session that changes a device.
    fn line(&mut self, mark: &str, text: &str) {
        if writeln!(self.0, "{mark} {text}")
            .and_then(|()| self.0.flush())
            .is_err()
        {
            tracing::warn!("the session log cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_behind_tokens_are_found() {
        assert_eq!(
            hidden_values(
                "neighbor 1.2.3.4 password hunter2",
                "neighbor 1.2.3.4 password ⟦secret:bgp⟧"
            ),
            ["hunter2"]
        );
        assert_eq!(
            hidden_values("a xx b yy c", "a ⟦sealed:1⟧ b ⟦sealed:2⟧ c"),
            ["xx", "yy"]
        );
        assert!(hidden_values("plain", "plain").is_empty());
        assert_eq!(hidden_values("other line", "x ⟦sealed:1⟧"), ["other line"]);
    }

    #[test]
    fn known_secrets_are_replaced_the_longer_first() {
        let mut redactor = Redactor::default();
        redactor.learn(&SecretText::new("abc"));
        redactor.learn(&SecretText::new("abcdef"));
        redactor.learn(&SecretText::new(""));
        assert_eq!(redactor.clean("x abcdef y abc"), "x [secret] y [secret]");
    }
}

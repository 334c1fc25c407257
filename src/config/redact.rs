//! Sealing: no document, diff, plan, log or stored text holds a secret.
//!
//! Every secret in a text becomes an opaque token before the text becomes a document:
//! `⟦secret:NAME⟧` where the value is that of a secret the intent names, otherwise
//! `⟦sealed:HASH⟧`, a keyed hash. Equal secrets give equal tokens, so documents compare as
//! text; only a [`Vault`], in memory, leads back.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::dialect::Dialect;
use super::redact_xml;
use super::spec::Family;
use crate::model::{SecretName, SecretText, placeholder};

const OPEN: char = '\u{27e6}';
const CLOSE: char = '\u{27e7}';
/// Bytes of the keyed hash in a token: collisions are out of reach for one device's
/// secrets, and nothing can be computed back without the key.
const HASH_BYTES: usize = 8;
/// Shorter values are looked for only where secrets stand: they may be ordinary words.
const MIN_ANYWHERE: usize = 8;

/// Leads tokens back to values. Lives as long as one attempt; neither prints nor serialises.
#[derive(Clone, Default)]
pub struct Vault {
    values: BTreeMap<String, SecretText>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[vault of {}]", self.values.len())
    }
}

impl Vault {
    /// The value of the one token in a word.
    pub(crate) fn value(&self, word: &str) -> Option<&str> {
        let start = word.find(OPEN)?;
        let end = word.find(CLOSE)? + CLOSE.len_utf8();
        self.values
            .get(word.get(start..end)?)
            .map(SecretText::expose)
    }

    /// The text with all tokens replaced by their values.
    ///
    /// # Errors
    /// The first token without a value.
    pub fn open(&self, sealed: &str) -> Result<SecretText, String> {
        let mut out = String::with_capacity(sealed.len());
        let mut rest = sealed;
        while let Some(at) = rest.find(OPEN) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let end = from
                .find(CLOSE)
                .map_or(from.len(), |n| n + CLOSE.len_utf8());
            let (token, after) = from.split_at(end);
            let value = self.values.get(token).ok_or_else(|| token.to_owned())?;
            out.push_str(value.expose());
            rest = after;
        }
        out.push_str(rest);
        Ok(SecretText::new(out))
    }
}

/// Seals texts of one device.
pub struct Sealer {
    key: [u8; 32],
    /// Placeholder by keyed hash of the value; of several names for one value the first.
    by_hash: BTreeMap<String, String>,
    /// What stands for a name: itself, or the first name with the same value.
    canonical: BTreeMap<String, String>,
    known: Vec<SecretText>,
    vault: Vault,
    /// Seals nothing.
    open: bool,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[sealer with {} named secrets]", self.known.len())
    }
}

impl Sealer {
    /// `key` is the installation's own; `known` are the named secrets the intent uses.
    #[must_use]
    pub fn new(key: [u8; 32], known: BTreeMap<SecretName, SecretText>) -> Self {
        let mut sealer = Self {
            key,
            by_hash: BTreeMap::new(),
            canonical: BTreeMap::new(),
            known: Vec::new(),
            vault: Vault::default(),
            open: false,
        };
        for (name, value) in known {
            let token = placeholder(&name);
            if !value.is_empty() {
                let hash = sealer.hash(value.expose());
                let first = sealer.by_hash.entry(hash).or_insert_with(|| token.clone());
                sealer.canonical.insert(token.clone(), first.clone());
            }
            sealer.vault.values.insert(token, value.clone());
            sealer.known.push(value);
        }
        sealer
    }

    /// One that leaves every secret where it is, for a person who asked for that.
    #[must_use]
    pub fn open() -> Self {
        Self {
            open: true,
            ..Self::new([0; 32], BTreeMap::new())
        }
    }

    /// Seals a text read from a device. Literal token brackets in it are sealed too.
    pub fn running(&mut self, text: &str, dialect: &Dialect) -> String {
        self.seal(text, dialect, false)
    }

    /// Seals a rendered text: placeholders stay, plain secrets become tokens.
    pub fn intended(&mut self, text: &str, dialect: &Dialect) -> String {
        self.seal(text, dialect, true)
    }

    /// What leads back.
    #[must_use]
    pub fn into_vault(self) -> Vault {
        self.vault
    }

    /// What leads back so far.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    fn seal(&mut self, text: &str, dialect: &Dialect, placeholders: bool) -> String {
        if self.open {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len() + 64);
        let mut at = 0;
        if dialect.family == Family::Xml {
            for found in redact_xml::find(text, &dialect.secrets) {
                if let Some(before) = text.get(at..found.place.start) {
                    self.lines(before, dialect, placeholders, &mut out);
                    self.secret(&found.value, placeholders, &mut out);
                    at = found.place.end;
                }
            }
        }
        self.lines(&text[at..], dialect, placeholders, &mut out);
        out
    }

    /// Seals line by line.
    fn lines(&mut self, text: &str, dialect: &Dialect, placeholders: bool, out: &mut String) {
        let mut section = "";
        let mut around: Vec<(usize, &str)> = Vec::new();
        let mut private = false;
        for raw in text.split_inclusive('\n') {
            let line = raw.trim_end_matches(['\n', '\r']);
            let trimmed = line.trim();
            if line.len() == line.trim_start().len() && !trimmed.is_empty() {
                section = trimmed;
            }
            let indent = line.len() - line.trim_start().len();
            while around.last().is_some_and(|(other, _)| *other >= indent) && !trimmed.is_empty() {
                around.pop();
            }
            let begins = trimmed.contains("-----BEGIN") && trimmed.contains("PRIVATE KEY");
            let ends = trimmed.contains("-----END");
            private = (private || begins) && !ends;
            let mut secrets = if begins && ends {
                one_line_key(trimmed).into_iter().collect()
            } else if private && !begins && !trimmed.is_empty() {
                std::iter::once(0..trimmed.len()).collect()
            } else if dialect.secrets.may_hold(trimmed) {
                let headers: Vec<&str> = around.iter().map(|(_, header)| *header).collect();
                dialect.secrets.find(trimmed, section, &headers)
            } else {
                Vec::new()
            };
            if !trimmed.is_empty() {
                around.push((indent, trimmed));
            }
            self.known_values(trimmed, &mut secrets);
            if secrets.is_empty() && !trimmed.contains([OPEN, CLOSE]) {
                out.push_str(raw);
                continue;
            }
            let start = raw.len() - raw.trim_start().len();
            out.push_str(&raw[..start]);
            self.line(trimmed, secrets, placeholders, out);
            out.push_str(&raw[(start + trimmed.len()).min(raw.len())..]);
        }
    }

    /// Named values that stand where no pattern expects a secret.
    fn known_values(&self, line: &str, secrets: &mut Vec<Range<usize>>) {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        for value in &self.known {
            let value = value.expose();
            if value.len() < MIN_ANYWHERE {
                continue;
            }
            for (at, _) in line.match_indices(value) {
                let end = at + value.len();
                let inside =
                    word(line[..at].chars().next_back()) || word(line[end..].chars().next());
                let covered = secrets.iter().any(|r| r.start < end && at < r.end);
                if !inside && !covered {
                    secrets.push(at..end);
                }
            }
        }
        secrets.sort_unstable_by_key(|r| r.start);
    }

    /// Writes a line with its secrets and foreign brackets replaced.
    fn line(
        &mut self,
        line: &str,
        secrets: Vec<Range<usize>>,
        placeholders: bool,
        out: &mut String,
    ) {
        let mut at = 0;
        for range in secrets {
            if range.start < at {
                continue;
            }
            self.text(&line[at..range.start], placeholders, out);
            self.secret(&line[range.clone()], placeholders, out);
            at = range.end;
        }
        self.text(&line[at..], placeholders, out);
    }

    /// Ordinary text: only brackets that are no placeholder are sealed.
    fn text(&mut self, text: &str, placeholders: bool, out: &mut String) {
        if !text.contains([OPEN, CLOSE]) {
            out.push_str(text);
            return;
        }
        for (piece, kind) in pieces(text) {
            match kind {
                Piece::Placeholder if placeholders => self.name(piece, out),
                Piece::Placeholder | Piece::Bracket => {
                    let token = self.token(piece);
                    out.push_str(&token);
                }
                Piece::Text => out.push_str(piece),
            }
        }
    }

    /// A secret: one token, except for placeholders in it.
    fn secret(&mut self, text: &str, placeholders: bool, out: &mut String) {
        if placeholders && text.contains(OPEN) {
            for (piece, kind) in pieces(text) {
                match kind {
                    Piece::Placeholder => self.name(piece, out),
                    Piece::Text if piece.trim().is_empty() => out.push_str(piece),
                    Piece::Text | Piece::Bracket => {
                        let token = self.token(piece);
                        out.push_str(&token);
                    }
                }
            }
            return;
        }
        let token = self.token(text);
        out.push_str(&token);
    }

    fn name(&self, token: &str, out: &mut String) {
        out.push_str(self.canonical.get(token).map_or(token, String::as_str));
    }

    /// The token for a value.
    fn token(&mut self, value: &str) -> String {
        let hash = self.hash(value);
        if let Some(name) = self.by_hash.get(&hash) {
            return name.clone();
        }
        let token = format!("{OPEN}sealed:{hash}{CLOSE}");
        let known = self.vault.values.contains_key(&token);
        if !known {
            self.vault
                .values
                .insert(token.clone(), SecretText::new(value));
        }
        token
    }

    fn hash(&self, value: &str) -> String {
        use fmt::Write as _;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key length is valid");
        mac.update(value.as_bytes());
        let mut hex = String::with_capacity(HASH_BYTES * 2);
        for byte in mac.finalize().into_bytes().iter().take(HASH_BYTES) {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        }
        hex
    }
}

/// A private key whose line ends are written `\n`.
fn one_line_key(line: &str) -> Option<Range<usize>> {
    let start = line.find("-----BEGIN")?;
    let end = line.rfind("-----END")?;
    let close = line[end + 5..].find("-----").map(|n| end + 5 + n + 5)?;
    (start < close).then_some(start..close)
}

/// What a piece of text with brackets is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Text,
    /// `⟦secret:NAME⟧` with a good name.
    Placeholder,
    /// Anything else in brackets, or a single bracket.
    Bracket,
}

fn pieces(text: &str) -> Vec<(&str, Piece)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find([OPEN, CLOSE]) {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            out.push((before, Piece::Text));
        }
        let end = if from.starts_with(OPEN) {
            from.find(CLOSE)
        } else {
            Some(0)
        };
        let end = end.map_or(OPEN.len_utf8(), |n| n + CLOSE.len_utf8());
        let (token, after) = from.split_at(end);
        let name = token
            .strip_prefix("\u{27e6}secret:")
            .and_then(|t| t.strip_suffix(CLOSE));
        let good = name.is_some_and(|name| SecretName::new(name).is_ok());
        out.push((
            token,
            if good {
                Piece::Placeholder
            } else {
                Piece::Bracket
            },
        ));
        rest = after;
    }
    if !rest.is_empty() {
        out.push((rest, Piece::Text));
    }
    out
}

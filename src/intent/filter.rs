//! `--filter 'platform=ios and site=lon'`.
//!
//! ```text
//! filter = any { "or" any }        any = all { "and" all }      all = "not" all | "(" filter ")" | test
//! test   = KEY "=" VALUE | KEY "!=" VALUE | "has" KEY
//! ```
//! KEY is `name`, `hostname`, `port`, `username`, `platform`, `group` (at any level),
//! `groups` (listed by the host itself), `site`, `netkeel__apply`, `netkeel__manage`,
//! `netkeel__site`, or a key of the data; `a__b` walks into mappings. VALUE is a word, with
//! globs (`*`, `?`, `[…]`, `{a,b}`), or quoted text without. A list matches when one of its
//! items does. `!=` is exactly `not … = …`.

use globset::{GlobBuilder, GlobMatcher};

use super::scalar;
use crate::model::{Data, Device};

/// Longest expression, in bytes.
const MAX_TEXT: usize = 4096;
/// Deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 50;

/// A parsed filter expression.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` matches everything.
    root: Option<Expr>,
}

/// Why an expression is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter `{text}`, column {column}: {why}")]
pub struct FilterError {
    /// The expression.
    pub text: String,
    /// Where, from 1.
    pub column: usize,
    /// What.
    pub why: String,
}

#[derive(Clone, Debug)]
enum Expr {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Equals(Key, Pattern),
    Has(Key),
}

/// What is looked at.
#[derive(Clone, Debug)]
enum Key {
    Name,
    Hostname,
    Port,
    Username,
    Platform,
    Group,
    Groups,
    Site,
    Apply,
    Manage,
    KeelSite,
    Data(Vec<String>),
}

/// What it must be.
#[derive(Clone, Debug)]
enum Pattern {
    /// This text, and where it was a bare word also the scalar it means.
    Exact(String, Option<Data>),
    Glob(GlobMatcher),
}

impl Filter {
    /// Parses an expression; the empty one matches everything.
    ///
    /// # Errors
    /// Says where and what.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let fail = |(column, why): (usize, String)| FilterError {
            text: text.chars().take(200).collect(),
            column,
            why,
        };
        if text.len() > MAX_TEXT {
            return Err(fail((1, format!("longer than {MAX_TEXT} bytes"))));
        }
        let tokens = tokens(text).map_err(fail)?;
        if tokens.is_empty() {
            return Ok(Self::default());
        }
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            end: text.chars().count() + 1,
        };
        let root = parser.or(0).map_err(fail)?;
        match parser.peek() {
            None => Ok(Self { root: Some(root) }),
            Some(token) => Err(fail((
                token.column,
                format!(
                    "expected `and`, `or` or the end, not {}",
                    token.kind.shown()
                ),
            ))),
        }
    }

    /// Whether a device matches.
    #[must_use]
    pub fn matches(&self, device: &Device) -> bool {
        self.root.as_ref().is_none_or(|root| root.matches(device))
    }

    /// True for the filter that matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

impl Expr {
    fn matches(&self, device: &Device) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|p| p.matches(device)),
            Self::And(parts) => parts.iter().all(|p| p.matches(device)),
            Self::Not(inner) => !inner.matches(device),
            Self::Has(key) => key.value(device) != Data::Null,
            Self::Equals(key, pattern) => pattern.matches(&key.value(device)),
        }
    }
}

impl Key {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "name" => Self::Name,
            "hostname" => Self::Hostname,
            "port" => Self::Port,
            "username" => Self::Username,
            "platform" => Self::Platform,
            "group" => Self::Group,
            "groups" => Self::Groups,
            "site" => Self::Site,
            "netkeel__apply" => Self::Apply,
            "netkeel__manage" => Self::Manage,
            "netkeel__site" => Self::KeelSite,
            "password" => return Err("`password` cannot be filtered on".to_owned()),
            _ if text == "netkeel" || text.starts_with("netkeel__") => {
                return Err(format!(
                    "`{text}` cannot be filtered on; use netkeel__apply, netkeel__manage or site"
                ));
            }
            _ => {
                let parts: Vec<String> = text.split("__").map(str::to_owned).collect();
                if parts.iter().any(String::is_empty) {
                    return Err(format!("`{text}` has an empty part between `__`"));
                }
                Self::Data(parts)
            }
        })
    }

    /// The value of a device under this key; null where there is none.
    fn value(&self, device: &Device) -> Data {
        let text = |t: Option<&String>| t.map_or(Data::Null, |t| Data::Text(t.clone()));
        let list = |l: &[String]| Data::List(l.iter().cloned().map(Data::Text).collect());
        match self {
            Self::Name => Data::Text(device.name.clone()),
            Self::Hostname => text(device.hostname.as_ref()),
            Self::Port => device.port.map_or(Data::Null, |p| Data::Int(p.into())),
            Self::Username => text(device.username.as_ref()),
            Self::Platform => text(device.platform.as_ref()),
            Self::Group => list(&device.all_groups),
            Self::Groups => list(&device.groups),
            Self::Site if device.keel.site.is_none() => data_at(&device.data, &["site"]),
            Self::Site | Self::KeelSite => text(device.keel.site.as_ref()),
            Self::Apply => Data::Text(device.keel.apply.as_str().to_owned()),
            Self::Manage => Data::Text(manage_word(device).to_owned()),
            Self::Data(path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                data_at(&device.data, &path)
            }
        }
    }
}

fn manage_word(device: &Device) -> &'static str {
    match device.keel.manage {
        crate::model::Manage::Full => "full",
        crate::model::Manage::Partial => "partial",
    }
}

/// Walks mappings; null where the way ends.
fn data_at(data: &Data, path: &[&str]) -> Data {
    let found = path.iter().try_fold(data, |at, part| {
        at.entries()
            .iter()
            .find(|(key, _)| shown(key).as_deref() == Some(*part))
            .map(|(_, value)| value)
    });
    found.cloned().unwrap_or_default()
}

/// A scalar's text; nothing for null and collections.
fn shown(data: &Data) -> Option<String> {
    match data {
        Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => Some(data.to_string()),
        Data::Null | Data::List(_) | Data::Map(_) => None,
    }
}

impl Pattern {
    /// A bare word: a glob, or a text and the scalar it means.
    fn word(text: &str) -> Result<Self, String> {
        if text.contains(['*', '?', '[', '{']) {
            let glob = GlobBuilder::new(text).build();
            let glob = glob.map_err(|e| format!("`{text}` is not a glob: {}", e.kind()))?;
            return Ok(Self::Glob(glob.compile_matcher()));
        }
        let meaning = scalar::plain(text).ok().map(|r| r.data);
        Ok(Self::Exact(
            text.to_owned(),
            meaning.filter(|m| !matches!(m, Data::Text(_))),
        ))
    }

    fn matches(&self, data: &Data) -> bool {
        if let Data::List(items) = data {
            return items
                .iter()
                .any(|item| !matches!(item, Data::List(_)) && self.matches(item));
        }
        match self {
            Self::Exact(text, meaning) => {
                meaning.as_ref().is_some_and(|m| same(m, data))
                    || shown(data).as_ref() == Some(text)
            }
            Self::Glob(glob) => shown(data).is_some_and(|t| glob.is_match(t)),
        }
    }
}

/// Equal as YAML scalars: `1` is `1.0`, as in Python.
fn same(a: &Data, b: &Data) -> bool {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a filter on a number beyond 2^53 compares it as text"
    )]
    match (a, b) {
        (Data::Int(i), Data::Float(x)) | (Data::Float(x), Data::Int(i)) => *i as f64 == *x,
        (a, b) => a == b,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Open,
    Close,
    Is,
    IsNot,
    Word(String),
    Quoted(String),
}

impl Kind {
    fn shown(&self) -> String {
        match self {
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::Is => "`=`".to_owned(),
            Self::IsNot => "`!=`".to_owned(),
            Self::Word(text) => format!("`{text}`"),
            Self::Quoted(text) => format!("\"{text}\""),
        }
    }
}

#[derive(Clone, Debug)]
struct Token {
    column: usize,
    kind: Kind,
}

type Fault = (usize, String);

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let column = at + 1;
        let kind = match chars[at] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => Kind::Open,
            ')' => Kind::Close,
            '=' => Kind::Is,
            '!' if chars.get(at + 1) == Some(&'=') => {
                at += 1;
                Kind::IsNot
            }
            quote @ ('\'' | '"') => {
                let length = chars[at + 1..].iter().position(|c| *c == quote);
                let length = length.ok_or_else(|| (column, format!("{quote} is not closed")))?;
                let inner = chars[at + 1..=at + length].iter().collect();
                at += length + 1;
                Kind::Quoted(inner)
            }
            _ => {
                let value = matches!(
                    tokens.last(),
                    Some(Token {
                        kind: Kind::Is | Kind::IsNot,
                        ..
                    })
                );
                let word = word(&chars[at..], value);
                at += word.chars().count().saturating_sub(1);
                Kind::Word(word)
            }
        };
        tokens.push(Token { column, kind });
        at += 1;
    }
    Ok(tokens)
}

/// A bare word; in a key an operator ends it, in a value only space or a parenthesis.
fn word(chars: &[char], value: bool) -> String {
    let ends = |(at, c): (usize, &char)| {
        let operator = *c == '=' || (*c == '!' && chars.get(at + 1) == Some(&'='));
        c.is_whitespace() || matches!(c, '(' | ')') || (operator && !value)
    };
    let end = chars
        .iter()
        .enumerate()
        .position(ends)
        .unwrap_or(chars.len());
    chars[..end.max(1)].iter().collect()
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn keyword(&self, word: &str) -> bool {
        let next_is_test = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|t| matches!(t.kind, Kind::Is | Kind::IsNot));
        match self.peek().map(|t| &t.kind) {
            // A key may be called `and`: what follows tells.
            Some(Kind::Word(w)) => w.eq_ignore_ascii_case(word) && !next_is_test,
            _ => false,
        }
    }

    fn or(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = vec![self.and(depth)?];
        while self.keyword("or") {
            self.at += 1;
            parts.push(self.and(depth)?);
        }
        Ok(single(parts, Expr::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = vec![self.not(depth)?];
        while self.keyword("and") {
            self.at += 1;
            parts.push(self.not(depth)?);
        }
        Ok(single(parts, Expr::And))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, Fault> {
        let column = self.peek().map_or(self.end, |t| t.column);
        if depth > MAX_DEPTH {
            return Err((column, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.keyword("not") {
            self.at += 1;
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.peek().is_some_and(|t| t.kind == Kind::Open) {
            self.at += 1;
            let inner = self.or(depth + 1)?;
            return match self.peek().map(|t| &t.kind) {
                Some(Kind::Close) => {
                    self.at += 1;
                    Ok(inner)
                }
                _ => Err((column, "`(` is not closed".to_owned())),
            };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Expr, Fault> {
        if self.keyword("has") {
            self.at += 1;
            return Ok(Expr::Has(self.key()?));
        }
        let key = self.key()?;
        let (column, negated) = match self.peek() {
            Some(Token {
                kind: Kind::Is,
                column,
            }) => (*column, false),
            Some(Token {
                kind: Kind::IsNot,
                column,
            }) => (*column, true),
            other => {
                let column = other.map_or(self.end, |t| t.column);
                return Err((column, "expected `=` or `!=` after the key".to_owned()));
            }
        };
        self.at += 1;
        let pattern = match self.peek().map(|t| &t.kind) {
            Some(Kind::Word(word)) => Pattern::word(word).map_err(|why| (column + 1, why))?,
            Some(Kind::Quoted(text)) => Pattern::Exact(text.clone(), None),
            _ => return Err((column + 1, "a value is missing".to_owned())),
        };
        self.at += 1;
        let test = Expr::Equals(key, pattern);
        Ok(if negated {
            Expr::Not(Box::new(test))
        } else {
            test
        })
    }

    fn key(&mut self) -> Result<Key, Fault> {
        let Some(token) = self.peek() else {
            return Err((self.end, "a key is missing".to_owned()));
        };
        let Kind::Word(word) = &token.kind else {
            let why = format!("expected a key, not {}", token.kind.shown());
            return Err((token.column, why));
        };
        self.at += 1;
        Key::parse(word).map_err(|why| (token.column, why))
    }
}

fn single(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}

#[cfg(test)]
mod tests;

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

mod parse;

use globset::{GlobBuilder, GlobMatcher};

use super::scalar;
use crate::model::{Data, Device};

/// Longest expression, in bytes.
const MAX_TEXT: usize = 4096;
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
        parse::expression(text)
            .map(|root| Self { root })
            .map_err(fail)
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

#[cfg(test)]
mod tests;

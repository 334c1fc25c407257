//! YAML with the place of every key and value, under limits.
//!
//! Only what an inventory needs, read the way Nornir's loader reads it: one document, the
//! core tags, anchors, aliases and merge keys. Aliases are copied, within a budget, so that
//! a file of a few lines cannot become a gigabyte.

mod loader;
mod merge;

use self::loader::Loader;
pub(super) use self::merge::identity;
use crate::model::{Data, Diagnostic, Position};

/// Largest file, in bytes.
const MAX_BYTES: usize = 32 << 20;
/// One value and where it was written (an alias's value: where the anchor stands).
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where.
    pub(super) at: Position,
    /// What.
    pub(super) value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Anything that is no collection.
    Scalar(Data),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, merge keys already applied.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The same without places.
    pub(super) fn data(&self) -> Data {
        match &self.value {
            Value::Scalar(data) => data.clone(),
            Value::List(items) => Data::List(items.iter().map(Self::data).collect()),
            Value::Map(entries) => {
                Data::Map(entries.iter().map(|(k, v)| (k.data(), v.data())).collect())
            }
        }
    }

    /// True for `null`, `~` and nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Data::Null))
    }

    /// The text, when it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Data::Text(text)) => Some(text),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What kind of value this is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(data) => data.kind(),
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The entries of a mapping; none for null.
    pub(super) fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(Data::Null) => Some(&[]),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The items of a list; none for null.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Scalar(Data::Null) => Some(&[]),
            Value::Scalar(_) | Value::Map(_) => None,
        }
    }
}

/// A read file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// The one document; null when the file holds none.
    pub(super) root: Node,
    /// What authors should know (dates, numbers that do not fit).
    pub(super) notes: Vec<Diagnostic>,
}

/// Reads a file of the repository.
///
/// # Errors
/// The first fault, with its place.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Document, Diagnostic> {
    let text = readable(file, bytes)?;
    Loader::new(file, text).read()
}

/// The file as text, if it is text that YAML allows.
fn readable<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Diagnostic> {
    let at = |line, column| {
        Some(Position {
            file: file.to_owned(),
            line,
            column,
        })
    };
    if bytes.len() > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Diagnostic::error(at(1, 1), message));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        Diagnostic::error(at(line, 1), "the file is not UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        if let Some(column) = line.chars().position(forbidden) {
            let message = "a control character is not allowed here";
            return Err(Diagnostic::error(at(index + 1, column + 1), message));
        }
    }
    old_version(text).map_or(Ok(text), |line| {
        let error = Diagnostic::error(at(line, 1), "only YAML 1.2 is read");
        Err(error.with_hint(
            "remove the `%YAML` line; `yes`, `on` and `0777` mean other things in YAML 1.1",
        ))
    })
}

/// Characters that YAML does not allow unescaped.
fn forbidden(c: char) -> bool {
    let allowed = matches!(c, '\t' | '\r' | '\u{85}');
    (c.is_control() && !allowed) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The line of a `%YAML` directive of another version than 1.2.
fn old_version(text: &str) -> Option<usize> {
    text.lines()
        .take_while(|l| l.starts_with(['%', '#']) || l.trim().is_empty())
        .position(|l| {
            l.strip_prefix("%YAML")
                .is_some_and(|v| v.split('#').next().is_some_and(|v| v.trim() != "1.2"))
        })
        .map(|index| index + 1)
}

#[cfg(test)]
mod tests;

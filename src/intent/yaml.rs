//! YAML with the place of every key and value, under limits.
//!
//! Only what an inventory needs, read the way Nornir's loader reads it: one document, the
//! core tags, anchors, aliases and merge keys. Aliases are copied, within a budget, so that
//! a file of a few lines cannot become a gigabyte.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::scalar;
use crate::model::{Data, Diagnostic, Position};

/// Largest file, in bytes.
const MAX_BYTES: usize = 32 << 20;
/// Deepest nesting, aliases unfolded.
const MAX_DEPTH: usize = 100;
/// Nodes that aliases may add to any file, however short.
const FREE_EXPANSION: usize = 10_000;
/// Nodes that aliases may add per written one, so that large inventories may use merge keys.
const EXPANSION_PER_NODE: usize = 10;

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
    let mut loader = Loader {
        file,
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        written: 0,
        expanded: 0,
        notes: Vec::new(),
    };
    let root = loader.document()?;
    Ok(Document {
        root,
        notes: loader.notes,
    })
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

struct Loader<'a> {
    file: &'a str,
    events: Parser<'a, StrInput<'a>>,
    /// Anchored nodes with their height and number of nodes.
    anchors: BTreeMap<usize, (Node, usize, usize)>,
    written: usize,
    expanded: usize,
    notes: Vec<Diagnostic>,
}

/// A node with how high it is and how many nodes it holds.
struct Built {
    node: Node,
    height: usize,
    size: usize,
    /// A plain, untagged `<<`: a merge key where it stands as a key.
    merge: bool,
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Node, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let message = "a second document begins here; only one is read";
                    return Err(self.error(span.start, message));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?.node);
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    return Err(self.error(span.start, "a value outside the document"));
                }
            }
        }
        Ok(root.unwrap_or_else(|| Node {
            at: self.position(Marker::new(0, 1, 0)),
            value: Value::Scalar(Data::Null),
        }))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(fault)) => Err(self.fault(&fault)),
            None => Err(self.error(Marker::new(0, 1, 0), "the file ends too early")),
        }
    }

    fn position(&self, mark: Marker) -> Position {
        Position {
            file: self.file.to_owned(),
            line: mark.line(),
            column: mark.col() + 1,
        }
    }

    fn error(&self, mark: Marker, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Some(self.position(mark)), message)
    }

    fn fault(&self, fault: &ScanError) -> Diagnostic {
        self.error(*fault.marker(), format!("not valid YAML: {}", fault.info()))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Built, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(self.error(span.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if let Event::Alias(id) = event {
            return self.alias(id, span, depth);
        }
        self.written += 1;
        let (anchor, built) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_deref(), span)?)
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection_tag(tag.as_ref(), "seq", span)?;
                (anchor, self.list(span, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.collection_tag(tag.as_ref(), "map", span)?;
                (anchor, self.map(span, depth)?)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.error(span.start, "a value is missing here")),
        };
        if anchor > 0 {
            let kept = (built.node.clone(), built.height, built.size);
            self.anchors.insert(anchor, kept);
        }
        Ok(built)
    }

    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Built, Diagnostic> {
        let Some((node, height, size)) = self.anchors.get(&id) else {
            return Err(self.error(span.start, "an alias inside the value it stands for"));
        };
        let (height, size) = (*height, *size);
        self.expanded += size;
        if self.expanded > FREE_EXPANSION + EXPANSION_PER_NODE * self.written {
            let message = format!(
                "aliases add {} values to this file, too many",
                self.expanded
            );
            return Err(self
                .error(span.start, message)
                .with_hint("write the values out, or put them into a group"));
        }
        if depth + height > MAX_DEPTH {
            let message = format!("this alias nests deeper than {MAX_DEPTH} levels");
            return Err(self.error(span.start, message));
        }
        Ok(Built {
            node: node.clone(),
            height,
            size,
            merge: false,
        })
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Built, Diagnostic> {
        let quoted = style != ScalarStyle::Plain;
        let merge = !quoted && tag.is_none() && text == "<<";
        let resolved = match tag {
            Some(tag) if tag.is_yaml_core_schema() => {
                scalar::tagged(&tag.suffix, text).ok_or_else(|| self.unknown_tag(tag, span))?
            }
            Some(tag) if !(tag.handle.is_empty() && tag.suffix == "!") => {
                return Err(self.unknown_tag(tag, span));
            }
            _ if quoted || merge => Ok(text_value(text)),
            _ => scalar::plain(text),
        };
        let resolved = resolved.map_err(|why| self.error(span.start, why))?;
        if let Some(note) = resolved.note {
            let at = self.position(span.start);
            self.notes.push(Diagnostic::warning(Some(at), note));
        }
        Ok(Built {
            node: Node {
                at: self.position(span.start),
                value: Value::Scalar(resolved.data),
            },
            height: 0,
            size: 1,
            merge,
        })
    }

    fn unknown_tag(&self, tag: &Tag, span: Span) -> Diagnostic {
        let message = format!("the tag `{}{}` is not supported", tag.handle, tag.suffix);
        self.error(span.start, message)
    }

    fn collection_tag(
        &self,
        tag: Option<&Cow<'a, Tag>>,
        expected: &str,
        span: Span,
    ) -> Result<(), Diagnostic> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => {
                Err(self.unknown_tag(tag, span))
            }
            _ => Ok(()),
        }
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Built, Diagnostic> {
        let (mut items, mut height, mut size) = (Vec::new(), 0, 1);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let item = self.unmerged(event, span, depth + 1)?;
            height = height.max(item.height + 1);
            size += item.size;
            items.push(item.node);
        }
        Ok(self.built(start, Value::List(items), height, size))
    }

    /// A value that is not a merge key, which means something only as a key.
    fn unmerged(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Built, Diagnostic> {
        let built = self.node(event, span, depth)?;
        if built.merge {
            return Err(self.error(span.start, "`<<` has a special meaning in YAML; quote it"));
        }
        Ok(built)
    }

    fn built(&self, start: Span, value: Value, height: usize, size: usize) -> Built {
        Built {
            node: Node {
                at: self.position(start.start),
                value,
            },
            height,
            size,
            merge: false,
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Built, Diagnostic> {
        let (mut own, mut height, mut size) = (Vec::new(), 0, 1);
        let mut merge: Option<Vec<(Node, Node)>> = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.key(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.unmerged(event, span, depth + 1)?;
            height = height.max(value.height + 1);
            size += 1 + value.size;
            if !key.merge {
                own.push((key.node, value.node));
            } else if merge.is_some() {
                return Err(Diagnostic::error(
                    Some(key.node.at),
                    "a second `<<` in one mapping",
                ));
            } else {
                merge = Some(merged(value.node)?);
            }
        }
        check_duplicates(&own)?;
        let entries = match merge {
            Some(base) => overlay(base, own),
            None => own,
        };
        Ok(self.built(start, Value::Map(entries), height, size))
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Built, Diagnostic> {
        // `=` as a key is only the text.
        if let Event::Scalar(text, ScalarStyle::Plain, 0, None) = &event
            && text == "="
        {
            self.written += 1;
            let value = Value::Scalar(Data::Text("=".to_owned()));
            return Ok(self.built(span, value, 0, 1));
        }
        let key = self.node(event, span, depth)?;
        if matches!(key.node.value, Value::Scalar(_)) {
            return Ok(key);
        }
        let message = format!("a key must be a single value, not {}", key.node.kind());
        Err(self.error(span.start, message))
    }
}

fn text_value(text: &str) -> scalar::Resolved {
    scalar::Resolved {
        data: Data::Text(text.to_owned()),
        note: None,
    }
}

/// The entries a `<<` brings in: of a mapping, or of a list of them, the first of which win.
fn merged(node: Node) -> Result<Vec<(Node, Node)>, Diagnostic> {
    let wrong = |node: &Node| {
        let message = format!(
            "`<<` needs a mapping or a list of mappings, not {}",
            node.kind()
        );
        Diagnostic::error(Some(node.at.clone()), message)
    };
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut base = Vec::new();
            for item in items.into_iter().rev() {
                let Value::Map(entries) = item.value else {
                    return Err(wrong(&item));
                };
                base = overlay(base, entries);
            }
            Ok(base)
        }
        Value::Scalar(_) => Err(wrong(&node)),
    }
}

/// `base` with the entries of `over` put on top; a key keeps the place it had first, as in
/// a Python dict.
fn overlay(base: Vec<(Node, Node)>, over: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<(Node, Node)> = Vec::with_capacity(base.len() + over.len());
    for entry in base.into_iter().chain(over) {
        match index.get(&identity(&entry.0)) {
            Some(at) => entries[*at] = entry,
            None => {
                index.insert(identity(&entry.0), entries.len());
                entries.push(entry);
            }
        }
    }
    entries
}

fn check_duplicates(entries: &[(Node, Node)]) -> Result<(), Diagnostic> {
    let mut seen: BTreeMap<String, &Position> = BTreeMap::new();
    for (key, _) in entries {
        if let Some(first) = seen.insert(identity(key), &key.at) {
            let message = format!(
                "the key `{}` is written twice, first in line {}",
                key.data(),
                first.line
            );
            return Err(Diagnostic::error(Some(key.at.clone()), message));
        }
    }
    Ok(())
}

/// What tells keys apart. Two keys are one if Python thinks so: `1`, `1.0` and `true` are.
pub(super) fn identity(key: &Node) -> String {
    match &key.value {
        Value::Scalar(Data::Text(text)) => format!("t{text}"),
        Value::Scalar(Data::Bool(b)) => format!("n{}", f64::from(u8::from(*b))),
        Value::Scalar(Data::Float(x)) => format!("n{x}"),
        Value::Scalar(data) => format!("n{data}"),
        Value::List(_) | Value::Map(_) => format!("c{}", key.data()),
    }
}

#[cfg(test)]
mod tests;

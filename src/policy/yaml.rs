//! YAML with the place of every value, as far as policy files need it.
//!
//! Scalars stay text (a rule id `010` keeps its nought). Anchors, aliases and tags are
//! refused: a pack has no use for them, and an alias can blow a file up.

use saphyr_parser::{Event, Parser, Span};

use crate::model::{Diagnostic, Position};

/// Deepest nesting of lists and mappings; a rule needs six.
const MAX_DEPTH: usize = 20;

/// A value and where it starts.
#[derive(Clone, Debug)]
pub(super) struct Spanned {
    pub(super) at: Position,
    pub(super) value: Value,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Spanned>),
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Spanned,
}

impl Value {
    /// What kind of value this is, in words a YAML author knows.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(text) if text.is_empty() => "nothing",
            Self::Scalar(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// All documents of a file.
///
/// # Errors
/// The first fault, with its place.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Spanned>, Diagnostic> {
    let mut reader = Reader {
        file,
        events: Parser::new_from_str(text),
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            other @ (Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd) => documents.push(reader.value(&other, span, 0)?),
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    file: &'a str,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Diagnostic> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok(pair)) => Ok(Some(pair)),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = self.position(marker.line(), marker.col());
                Err(Diagnostic::error(
                    Some(at),
                    format!("not valid YAML: {}", error.info()),
                ))
            }
        }
    }

    fn position(&self, line: usize, column: usize) -> Position {
        Position {
            file: self.file.to_owned(),
            line,
            column: column + 1,
        }
    }

    fn value(
        &mut self,
        event: &Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Spanned, Diagnostic> {
        let at = self.position(span.start.line(), span.start.col());
        if depth > MAX_DEPTH {
            return Err(Diagnostic::error(Some(at), "nested too deeply"));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_extras(&at, *anchor, tag.is_some())?;
                let null = *style == saphyr_parser::ScalarStyle::Plain && is_null(text);
                Value::Scalar(if null {
                    String::new()
                } else {
                    text.to_string()
                })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_extras(&at, *anchor, tag.is_some())?;
                Value::List(self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                refuse_extras(&at, *anchor, tag.is_some())?;
                Value::Map(self.map(depth)?)
            }
            Event::Alias(_) => return Err(extras(&at)),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(Diagnostic::error(Some(at), "a value was expected")),
        };
        Ok(Spanned { at, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Spanned>, Diagnostic> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.value(&event, span, depth + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Diagnostic> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let at = self.position(span.start.line(), span.start.col());
            let Value::Scalar(key) = self.value(&event, span, depth + 1)?.value else {
                return Err(Diagnostic::error(Some(at), "a key must be text"));
            };
            if let Some(first) = entries.iter().find(|e| e.key == key) {
                let line = first.at.line;
                let message = format!("key `{key}` is given twice (first on line {line})");
                return Err(Diagnostic::error(Some(at), message));
            }
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value = self.value(&event, span, depth + 1)?;
            entries.push(Entry { key, at, value });
        }
        Ok(entries)
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn refuse_extras(at: &Position, anchor: usize, tagged: bool) -> Result<(), Diagnostic> {
    if anchor == 0 && !tagged {
        return Ok(());
    }
    Err(extras(at))
}

fn extras(at: &Position) -> Diagnostic {
    Diagnostic::error(
        Some(at.clone()),
        "anchors, aliases and tags are not used in policy files",
    )
}

//! From parser events to nodes: tags, anchors, aliases, merge keys, limits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::merge::{check_duplicates, merged, overlay};
use super::{Document, Node, Value};
use crate::intent::scalar;
use crate::model::{Data, Diagnostic, Position};

/// Deepest nesting, aliases unfolded.
const MAX_DEPTH: usize = 100;
/// Most values written in one file: enough for tens of thousands of hosts.
const MAX_WRITTEN: usize = 2_000_000;
/// Nodes that aliases may add to any file, however short.
const FREE_EXPANSION: usize = 10_000;
/// Nodes that aliases may add per written one, so that large inventories may use merge keys.
const EXPANSION_PER_NODE: usize = 10;

/// Turns parser events into nodes.
pub(super) struct Loader<'a> {
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
    /// Reads `text` as the content of `file`.
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            events: Parser::new_from_str(text),
            anchors: BTreeMap::new(),
            written: 0,
            expanded: 0,
            notes: Vec::new(),
        }
    }

    /// Reads the one document.
    pub(super) fn read(mut self) -> Result<Document, Diagnostic> {
        let root = self.document()?;
        Ok(Document {
            root,
            notes: self.notes,
        })
    }

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
        if self.written > MAX_WRITTEN {
            let message = format!("more than {MAX_WRITTEN} values in one file");
            return Err(self.error(span.start, message));
        }
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
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" && !quoted => {
                scalar::plain(text)
            }
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(text_value(text)),
            Some(tag) => core_name(tag)
                .and_then(|name| scalar::tagged(name, text))
                .ok_or_else(|| self.unknown_tag(tag, span))?,
            None if quoted || merge => Ok(text_value(text)),
            None => scalar::plain(text),
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
        let message = match core_name(tag) {
            Some(name) => format!("the tag `!!{name}` is not supported"),
            None => format!("the tag `{}{}` is not supported", tag.handle, tag.suffix),
        };
        self.error(span.start, message)
    }

    fn collection_tag(
        &self,
        tag: Option<&Cow<'a, Tag>>,
        expected: &str,
        span: Span,
    ) -> Result<(), Diagnostic> {
        match tag {
            Some(tag) if core_name(tag) != Some(expected) => Err(self.unknown_tag(tag, span)),
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

/// The name of a core tag (`!!int`, or written out).
fn core_name(tag: &Tag) -> Option<&str> {
    const CORE: &str = "tag:yaml.org,2002:";
    match tag.handle.as_str() {
        CORE => Some(&tag.suffix),
        "" => tag.suffix.strip_prefix(CORE),
        _ => None,
    }
}

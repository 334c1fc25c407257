//! One `<config>` document for `<edit-config>`: what changes, with the keys of everything
//! around it.

use std::fmt::Write as _;

use std::collections::BTreeMap;

use super::super::change::{Action, Change, Pair};
use super::{why, worst};
use crate::config::dialect::Cardinality;
use crate::config::xml::{self, Form, NETCONF, Value, YANG};
use crate::config::{Document, NodeId};
use crate::model::{Command, Disruption};

/// Writes the document for changes in this order.
pub(super) fn emit(pair: Pair<'_>, changes: &[Change], order: &[usize]) -> Vec<Command> {
    if changes.is_empty() {
        return Vec::new();
    }
    let mut draft = Draft {
        pair,
        parts: vec![Part::default()],
        known: BTreeMap::new(),
    };
    for index in order {
        draft.change(&changes[*index]);
    }
    let placed = draft.parts.iter().any(|part| part.insert.is_some());
    let mut writer = Writer {
        pair,
        why: "around the changes".to_owned(),
        disruption: Disruption::None,
        commands: Vec::new(),
    };
    let yang = if placed {
        format!(" xmlns:yang=\"{YANG}\"")
    } else {
        String::new()
    };
    writer.push(
        0,
        &format!("<config xmlns=\"{NETCONF}\" xmlns:nc=\"{NETCONF}\"{yang}>"),
    );
    for part in &draft.parts[0].children {
        writer.part(&draft, *part, NETCONF, 1);
    }
    writer.around();
    writer.push(0, "</config>");
    writer.commands
}

/// An element of the document.
#[derive(Default)]
struct Part<'a> {
    line: String,
    operation: Option<&'static str>,
    /// `before` or `last`, and the line of the entry it goes before.
    insert: Option<(&'static str, Option<String>)>,
    /// All in it is written as it stands there.
    content: Option<(&'a Document, NodeId)>,
    children: Vec<usize>,
    why: String,
    disruption: Disruption,
}

/// The document in the making: an element once, whatever happens to it.
struct Draft<'a> {
    pair: Pair<'a>,
    parts: Vec<Part<'a>>,
    known: BTreeMap<(usize, String), usize>,
}

impl<'a> Draft<'a> {
    fn child(&mut self, parent: usize, line: &str) -> usize {
        let key = (parent, line.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let at = self.parts.len();
        self.parts.push(Part {
            line: line.to_owned(),
            ..Part::default()
        });
        self.parts[parent].children.push(at);
        self.known.insert(key, at);
        at
    }

    fn change(&mut self, change: &Change) {
        let pair = self.pair;
        let mut at = 0;
        for header in &change.path {
            at = self.child(at, header);
        }
        let subject = change.subject();
        let why = why(pair, &change.action, subject);
        let source = pair.source(&change.action);
        let disruption = worst(pair, source, subject);
        let single = subject.meaning.cardinality == Cardinality::One;
        let line = match (
            &change.action,
            xml::Line::of(&subject.meaning.canonical).name,
        ) {
            (Action::Remove(_), name) if single => name.to_owned(),
            _ => subject.meaning.canonical.clone(),
        };
        let own = self.child(at, &line);
        if let Action::Place(_, other, behind) = &change.action {
            // What is placed later is written later.
            self.parts[at].children.retain(|child| *child != own);
            self.parts[at].children.push(own);
            let target = &other.meaning.canonical;
            self.parts[own].insert = Some(match behind {
                true => ("last", None),
                false => ("before", Some(target.clone())),
            });
        }
        let part = &mut self.parts[own];
        part.why = why;
        part.disruption = part.disruption.max(disruption);
        match &change.action {
            Action::Remove(_) => part.operation = Some("delete"),
            Action::Replace(_, new) => {
                part.operation = Some("replace");
                part.content = Some((source, new.id));
            }
            Action::Add(new) | Action::Restore(new, _) => part.content = Some((source, new.id)),
            Action::Switch(..) | Action::Place(..) => {}
        }
    }
}

struct Writer<'a> {
    pair: Pair<'a>,
    why: String,
    disruption: Disruption,
    commands: Vec<Command>,
}

/// A start tag in the making.
struct Tag {
    local: String,
    uri: String,
    attributes: String,
}

impl Writer<'_> {
    fn push(&mut self, depth: usize, text: &str) {
        self.commands.push(Command {
            line: format!("{}{text}", "  ".repeat(depth)),
            why: self.why.clone(),
            disruption: self.disruption,
        });
    }

    /// Says from now on why this element is written.
    fn speak(&mut self, part: &Part<'_>) {
        if part.why.is_empty() {
            return self.around();
        }
        self.why.clone_from(&part.why);
        self.disruption = part.disruption;
    }

    fn around(&mut self) {
        "around the changes".clone_into(&mut self.why);
        self.disruption = Disruption::None;
    }

    fn part(&mut self, draft: &Draft<'_>, at: usize, space: &str, depth: usize) {
        let part = &draft.parts[at];
        self.speak(part);
        let parts = xml::Line::of(&part.line);
        let mut tag = self.tag(&parts, space);
        if let Some(operation) = part.operation {
            write!(tag.attributes, " nc:operation=\"{operation}\"")
                .expect("writing to a String cannot fail");
        }
        if let Some((place, target)) = &part.insert {
            write!(tag.attributes, " yang:insert=\"{place}\"")
                .expect("writing to a String cannot fail");
            if let Some(target) = target {
                let anchor = self.anchor(target, &tag.uri);
                tag.attributes.push_str(&anchor);
            }
        }
        let own: Vec<NodeId> = match part.content {
            Some((doc, id)) => doc.commands(Some(id)).to_vec(),
            None => Vec::new(),
        };
        let bare = part.children.is_empty() && own.is_empty();
        if self.open(&parts, &tag, bare, depth) {
            let uri = tag.uri.clone();
            if let Some((doc, _)) = part.content {
                for child in own {
                    self.subtree(doc, child, &uri, depth + 1);
                }
            }
            for child in &part.children {
                self.part(draft, *child, &uri, depth + 1);
            }
            self.speak(part);
            self.push(depth, &format!("</{}>", tag.local));
        }
    }

    /// An element with everything in it.
    fn subtree(&mut self, doc: &Document, id: NodeId, space: &str, depth: usize) {
        let line = doc.command(id);
        let parts = xml::Line::of(line);
        let tag = self.tag(&parts, space);
        let children = doc.commands(Some(id));
        if self.open(&parts, &tag, children.is_empty(), depth) {
            for child in children {
                self.subtree(doc, *child, &tag.uri, depth + 1);
            }
            self.push(depth, &format!("</{}>", tag.local));
        }
    }

    fn tag(&self, parts: &xml::Line<'_>, space: &str) -> Tag {
        let (uri, local) = self.pair.dialect.models.resolve(parts.name);
        let attributes = match uri == space {
            true => String::new(),
            false => format!(" xmlns=\"{}\"", xml::escape(uri)),
        };
        Tag {
            local: local.to_owned(),
            uri: uri.to_owned(),
            attributes,
        }
    }

    /// Writes a leaf, or an empty element; or else a start tag with the keys behind it: then
    /// it has to be closed.
    fn open(&mut self, parts: &xml::Line<'_>, tag: &Tag, bare: bool, depth: usize) -> bool {
        let Tag {
            local, attributes, ..
        } = tag;
        match &parts.form {
            Form::Value(raw) => self.leaf(local, attributes, raw, depth),
            Form::Bare | Form::Place(_) if bare => {
                self.push(depth, &format!("<{local}{attributes}/>"));
            }
            Form::Bare | Form::Place(_) => {
                self.push(depth, &format!("<{local}{attributes}>"));
                return true;
            }
            Form::Keys(keys) => {
                self.push(depth, &format!("<{local}{attributes}>"));
                for (key, raw) in keys {
                    self.leaf(key, "", raw, depth + 1);
                }
                return true;
            }
        }
        false
    }

    fn leaf(&mut self, local: &str, attributes: &str, raw: &str, depth: usize) {
        let (declared, text) = self.text(raw);
        let line = format!("<{local}{declared}{attributes}>{text}</{local}>");
        self.push(depth, &line);
    }

    /// A value between tags, and the prefix it needs.
    fn text(&self, raw: &str) -> (String, String) {
        match self.pair.dialect.models.value(raw) {
            Value::Text(text) => (String::new(), xml::escape(&text)),
            Value::Name { prefix, uri, local } => {
                let declared = format!(" xmlns:{prefix}=\"{}\"", xml::escape(uri));
                (declared, format!("{prefix}:{local}"))
            }
        }
    }

    /// The attributes that say which entry another one goes before.
    fn anchor(&self, target: &str, uri: &str) -> String {
        let keys = match xml::Line::of(target).form {
            Form::Keys(keys) => keys,
            Form::Value(raw) => {
                let (declared, text) = self.text(raw);
                return format!("{declared} yang:value=\"{text}\"");
            }
            Form::Bare | Form::Place(_) => return String::new(),
        };
        let mut out = format!(" xmlns:k=\"{}\"", xml::escape(uri));
        let mut predicates = String::new();
        for (key, raw) in keys {
            let (declared, text) = self.text(raw);
            out.push_str(&declared);
            // What stands in quotes must not hold the same ones.
            let quote = if text.contains('\'') { "&quot;" } else { "'" };
            write!(predicates, "[k:{key}={quote}{text}{quote}]")
                .expect("writing to a String cannot fail");
        }
        write!(out, " yang:key=\"{predicates}\"").expect("writing to a String cannot fail");
        out
    }
}

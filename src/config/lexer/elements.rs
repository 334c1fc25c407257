//! The elements of an XML text: names with their namespaces resolved, what stands in leaves,
//! and what is wrong with the structure. Tags that do not match are recovered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::markup::{self, Kind, Piece, Scanner};
use crate::config::build::Extent;
use crate::config::document::NodeKind;
use crate::config::xml::{self, Models, NETCONF, YANG};

/// Deeper nesting than any model has; what is deeper still is kept, not understood.
const DEPTH: usize = 64;

/// One element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// As lines call it.
    pub(crate) name: String,
    pub(crate) local: String,
    /// It stands in NETCONF's own namespace, or in none.
    pub(crate) protocol: bool,
    pub(crate) parent: Option<usize>,
    /// Elements in it.
    pub(crate) children: Vec<usize>,
    /// What stands in it, as the value of a line; empty where there is nothing.
    pub(crate) value: String,
    /// The `operation` attribute.
    pub(crate) operation: Option<String>,
    /// Where it goes among the entries of its list.
    pub(crate) insert: Option<Box<Insert>>,
    /// The start tag; of a leaf everything.
    pub(crate) extent: Extent,
}

/// `insert`, and the entry it speaks of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Insert {
    pub(crate) place: String,
    /// Keys and values of that entry; of a leaf-list the value under the name `.`.
    pub(crate) anchor: Vec<(String, String)>,
}

/// What follows what in a text.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Element(usize),
    Trivia(NodeKind, Option<usize>, Extent),
}

/// A text, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markup {
    pub(crate) elements: Vec<Element>,
    pub(crate) items: Vec<Item>,
    /// Where its pieces end.
    pub(crate) tokens: Vec<u32>,
    /// The first thing that is wrong with it, and the line.
    pub(crate) fault: Option<(u32, String)>,
}

/// Reads a text; never fails.
pub(crate) fn read(text: &str, models: &Models) -> Markup {
    let mut reader = Reader {
        text,
        models,
        out: Markup::default(),
        open: Vec::new(),
        overflow: 0,
        scopes: BTreeMap::new(),
    };
    for piece in Scanner::new(text) {
        reader
            .out
            .tokens
            .push(u32::try_from(piece.end).unwrap_or(u32::MAX));
        reader.piece(piece);
    }
    let left = reader.open.len() + reader.overflow;
    if let (Some(open), true) = (reader.open.last(), left > 0) {
        let element = &reader.out.elements[open.element];
        let (line, name) = (element.extent.line, element.local.clone());
        reader.fault(line, format!("its element `{name}` is not closed"));
    }
    while let Some(open) = reader.open.pop() {
        reader.close(open, text.len());
    }
    let mut out = reader.out;
    let start = |item: &Item| match item {
        Item::Element(at) => out.elements[*at].extent.start,
        Item::Trivia(_, _, extent) => extent.start,
    };
    // What is found out at an end tag stands further up.
    if !out.items.is_sorted_by_key(start) {
        out.items.sort_by_key(start);
    }
    out
}

/// Name and value.
type Attribute<'t> = (&'t str, Cow<'t, str>);

/// A namespace: its URI and what names in it begin with.
struct Space {
    uri: String,
    lead: String,
}

/// An element whose end tag has not come yet.
struct Open<'t> {
    element: usize,
    tag: &'t str,
    prefixes: Vec<&'t str>,
    text: String,
    cdata: bool,
    words: Option<Extent>,
}

struct Reader<'t, 'm> {
    text: &'t str,
    models: &'m Models,
    out: Markup,
    open: Vec<Open<'t>>,
    /// Elements too deep to be understood that are open.
    overflow: usize,
    /// What prefixes stand for, innermost last; the empty one is the default.
    scopes: BTreeMap<&'t str, Vec<Rc<Space>>>,
}

impl<'t> Reader<'t, '_> {
    fn parent(&self) -> Option<usize> {
        self.open.last().map(|open| open.element)
    }

    fn fault(&mut self, line: u32, why: String) {
        self.out.fault.get_or_insert((line, why));
    }

    fn trivia(&mut self, kind: NodeKind, piece: Piece) {
        let item = Item::Trivia(kind, self.parent(), extent(piece));
        self.out.items.push(item);
    }

    fn piece(&mut self, piece: Piece) {
        let own = &self.text[piece.start..piece.end];
        match piece.kind {
            Kind::Text => self.words(piece, own, false),
            Kind::Cdata => self.words(piece, &own[9..own.len() - 3], true),
            Kind::Comment => self.trivia(NodeKind::Comment, piece),
            Kind::Instruction => self.trivia(NodeKind::Separator, piece),
            Kind::Stray => {
                self.fault(piece.line, "a `<` begins no tag".to_owned());
                self.trivia(NodeKind::Error, piece);
            }
            Kind::Start | Kind::Empty => self.start(piece, own),
            Kind::End => self.end(piece, own),
        }
    }

    /// Text between tags.
    fn words(&mut self, piece: Piece, own: &str, cdata: bool) {
        let blank = own.trim_start_matches('\u{feff}').trim().is_empty();
        if self.overflow > 0 || (blank && self.open.is_empty()) {
            return;
        }
        let Some(open) = self.open.last_mut() else {
            // The end mark of a message.
            let kind = match own.trim() {
                "]]>]]>" => NodeKind::Separator,
                _ => NodeKind::Error,
            };
            return self.trivia(kind, piece);
        };
        if cdata {
            open.text.push_str(&own.replace("\r\n", "\n"));
            open.cdata |= !own.is_empty();
        } else {
            open.text.push_str(&markup::decode(own));
        }
        if !blank || cdata {
            open.words.get_or_insert(extent(piece));
        }
    }

    fn start(&mut self, piece: Piece, tag: &'t str) {
        let empty = piece.kind == Kind::Empty;
        if self.open.len() >= DEPTH {
            self.overflow += usize::from(!empty);
            self.fault(piece.line, format!("elements are more than {DEPTH} deep"));
            return self.trivia(NodeKind::Error, piece);
        }
        let attributes = markup::attributes(tag).into_iter();
        let attributes: Vec<Attribute<'t>> = attributes
            .map(|(name, value)| (name, markup::decode(value)))
            .collect();
        let prefixes = self.declare(&attributes);
        let element = self.element(piece, tag, &attributes);
        if let Some(parent) = self.parent() {
            self.out.elements[parent].children.push(element);
        }
        self.out.items.push(Item::Element(element));
        let open = Open {
            element,
            tag: markup::name(tag),
            prefixes,
            text: String::new(),
            cdata: false,
            words: None,
        };
        match empty {
            true => self.close(open, piece.end),
            false => self.open.push(open),
        }
    }

    fn element(&mut self, piece: Piece, tag: &str, attributes: &[Attribute<'_>]) -> usize {
        let (prefix, local) = split(markup::name(tag));
        let local: String = local
            .chars()
            .map(|c| if xml::in_name(c) { c } else { '_' })
            .collect();
        let space = self.space(prefix);
        let name = match space.uri.is_empty() {
            true => self.models.name("", &local),
            false => format!("{}{local}", space.lead),
        };
        let mut element = Element {
            name,
            local,
            protocol: space.uri.is_empty() || space.uri == NETCONF,
            parent: self.parent(),
            children: Vec::new(),
            value: String::new(),
            operation: None,
            insert: None,
            extent: extent(piece),
        };
        for (name, value) in attributes {
            self.attribute(&mut element, name, value);
        }
        self.out.elements.push(element);
        self.out.elements.len() - 1
    }

    fn attribute(&self, element: &mut Element, name: &str, value: &str) {
        let (prefix, local) = split(name);
        if prefix == "xmlns" || !matches!(local, "operation" | "insert" | "key" | "value") {
            return;
        }
        // An attribute without a prefix is in no namespace; people leave it out.
        let in_space = |uri: &str| prefix.is_empty() || self.space(prefix).uri == uri;
        if local == "operation" && in_space(NETCONF) {
            element.operation = Some(value.to_owned());
        } else if !prefix.is_empty() && in_space(YANG) {
            let insert = element.insert.get_or_insert_with(Box::default);
            match local {
                "insert" => value.clone_into(&mut insert.place),
                "key" => insert.anchor = self.keys(value),
                _ => insert.anchor = vec![(".".to_owned(), self.value(value, false))],
            }
        }
    }

    /// Keys and values of an entry.
    fn keys(&self, text: &str) -> Vec<(String, String)> {
        let all = markup::predicates(text).into_iter();
        all.map(|(name, value)| (split(name).1.to_owned(), self.value(value, false)))
            .collect()
    }

    /// Takes the prefixes a start tag declares into scope.
    fn declare(&mut self, attributes: &[Attribute<'t>]) -> Vec<&'t str> {
        let mut prefixes = Vec::new();
        for (name, uri) in attributes {
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) if rest.starts_with(':') => &rest[1..],
                _ => continue,
            };
            let space = self.new_space(uri);
            self.scopes.entry(prefix).or_default().push(space);
            prefixes.push(prefix);
        }
        prefixes
    }

    fn new_space(&self, uri: &str) -> Rc<Space> {
        let mut lead = self.models.name(uri, "");
        if uri.is_empty() {
            lead.clear();
        }
        Rc::new(Space {
            uri: uri.to_owned(),
            lead,
        })
    }

    /// What a prefix stands for. One that nobody declared may be a short name of the pack;
    /// else it stands for itself.
    fn space(&self, prefix: &str) -> Rc<Space> {
        if let Some(space) = self.scopes.get(prefix).and_then(|all| all.last()) {
            return Rc::clone(space);
        }
        match prefix {
            "" => self.new_space(""),
            "nc" => self.new_space(NETCONF),
            "yang" => self.new_space(YANG),
            _ => self.new_space(self.models.uri(prefix).unwrap_or(prefix)),
        }
    }

    fn end(&mut self, piece: Piece, tag: &str) {
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        let name = markup::name(tag);
        let Some(depth) = self.open.iter().rposition(|open| open.tag == name) else {
            self.fault(piece.line, format!("`{name}` is closed, but not open"));
            return self.trivia(NodeKind::Error, piece);
        };
        if depth + 1 < self.open.len() {
            let inner = self.open.last().map_or("", |open| open.tag);
            let why = format!("`{name}` is closed before `{inner}`");
            self.fault(piece.line, why);
        }
        while self.open.len() > depth {
            if let Some(open) = self.open.pop() {
                let end = if self.open.len() == depth {
                    piece.end
                } else {
                    piece.start
                };
                self.close(open, end);
            }
        }
    }

    /// The element is complete: what stands in it, and how far it reaches.
    fn close(&mut self, open: Open<'t>, end: usize) {
        let leaf = self.out.elements[open.element].children.is_empty();
        let blank = open.text.trim().is_empty() && !open.cdata;
        if leaf {
            let value = if blank {
                String::new()
            } else {
                self.value(&open.text, open.cdata)
            };
            let element = &mut self.out.elements[open.element];
            element.value = value;
            element.extent.end = end;
        } else if let (Some(at), false) = (open.words, blank) {
            self.fault(at.line, "text stands between elements".to_owned());
            self.out
                .items
                .push(Item::Trivia(NodeKind::Error, Some(open.element), at));
        }
        for prefix in open.prefixes {
            if let Some(all) = self.scopes.get_mut(prefix) {
                all.pop();
            }
        }
    }

    /// A text as the value of a line. A name in a namespace is written with that, whatever
    /// its prefix.
    fn value(&self, text: &str, cdata: bool) -> String {
        if let (Some((prefix, local)), false) = (text.trim().split_once(':'), cdata) {
            let space = self.scopes.get(prefix).and_then(|all| all.last());
            if let (Some(space), true) = (space, xml::plain_name(prefix) && xml::plain_name(local))
            {
                return format!("{}{local}", space.lead);
            }
        }
        let mut value = String::with_capacity(text.len());
        xml::write_value(text, &mut value);
        value
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

fn extent(piece: Piece) -> Extent {
    Extent {
        start: piece.start,
        end: piece.end,
        line: piece.line,
    }
}

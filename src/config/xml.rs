//! XML as a platform's language: what an element is called, how it reads as one line, and
//! what the pack knows of the models.
//!
//! An element is a line: `NAME` for a container (or an empty leaf), `NAME VALUE` for a leaf,
//! `NAME[key=value]…` for an entry of a list, `NAME[n]` for the n-th of several that no key
//! tells apart. NAME is `short:local` where the pack has a short name for the namespace, else
//! `{uri}local`; `local` alone stands in no namespace. A value that could be mistaken stands
//! in double quotes with `\` before quotes, line ends and the like.

mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::dialect::{Cardinality, ContextId};
use super::spec::{ChildrenSpec, XmlSpec};
pub(crate) use text::{escape, in_name, plain_name, write_value};
use text::{plain_uri, unquoted};

/// The namespace of NETCONF's own elements and of `operation`.
pub(crate) const NETCONF: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// The namespace of `insert`, `key` and `value` (RFC 7950 7.8.6).
pub(crate) const YANG: &str = "urn:ietf:params:xml:ns:yang:1";
/// What a line begins with that demands absence.
pub(crate) const DELETE: &str = "delete";

/// What is known of some models.
#[derive(Clone, Debug, Default)]
pub(crate) struct Models {
    shorts: BTreeMap<Box<str>, Box<str>>,
    uris: BTreeMap<Box<str>, Box<str>>,
    lists: BTreeMap<Box<str>, Vec<Children>>,
    leaf_lists: BTreeMap<Box<str>, Vec<Children>>,
    complete: BTreeSet<Box<str>>,
    openconfig: BTreeSet<Box<str>>,
    presence: BTreeSet<Box<str>>,
    /// The inside of elements by their name.
    contexts: BTreeMap<Box<str>, ContextId>,
}

/// Elements of one name that may stand there several times.
#[derive(Clone, Debug)]
struct Children {
    under: Option<Box<str>>,
    keys: Vec<Box<str>>,
    ordered: bool,
}

fn children(specs: &[ChildrenSpec]) -> BTreeMap<Box<str>, Vec<Children>> {
    let mut out: BTreeMap<Box<str>, Vec<Children>> = BTreeMap::new();
    for spec in specs {
        let all = out.entry(spec.name.as_str().into()).or_default();
        all.push(Children {
            under: spec.under.as_deref().map(Into::into),
            keys: spec.keys.iter().map(|k| k.as_str().into()).collect(),
            ordered: spec.ordered,
        });
        // What holds in one place only goes before what holds everywhere.
        all.sort_by_key(|c| c.under.is_none());
    }
    out
}

impl Models {
    /// Compiles the section; contexts come later.
    pub(crate) fn new(spec: &XmlSpec) -> Result<Self, String> {
        let mut models = Self {
            lists: children(&spec.lists),
            leaf_lists: children(&spec.leaf_lists),
            complete: spec.complete.iter().map(|s| s.as_str().into()).collect(),
            openconfig: spec.openconfig.iter().map(|s| s.as_str().into()).collect(),
            presence: spec.presence.iter().map(|s| s.as_str().into()).collect(),
            ..Self::default()
        };
        for (short, uri) in &spec.namespaces {
            let plain = !short.is_empty() && short.chars().all(in_name);
            if !plain || uri.is_empty() {
                return Err(format!("`{short}` is no short name for `{uri}`"));
            }
            if let Some(other) = models
                .shorts
                .insert(uri.as_str().into(), short.as_str().into())
            {
                return Err(format!(
                    "`{uri}` has two short names, `{other}` and `{short}`"
                ));
            }
            models
                .uris
                .insert(short.as_str().into(), uri.as_str().into());
        }
        for name in models
            .lists
            .keys()
            .chain(models.leaf_lists.keys())
            .chain(&models.presence)
        {
            models.known(name)?;
        }
        for short in models.complete.iter().chain(&models.openconfig) {
            models.known(&format!("{short}:x"))?;
        }
        Ok(models)
    }

    fn known(&self, name: &str) -> Result<(), String> {
        let known = |(short, _): (&str, &str)| self.uris.contains_key(short);
        match name.split_once(':').is_some_and(known) {
            true => Ok(()),
            false => Err(format!("`{name}` begins with no short name of a namespace")),
        }
    }

    /// Elements inside which others are told by where they stand.
    pub(crate) fn places(spec: &XmlSpec) -> impl Iterator<Item = &str> {
        let all = spec.lists.iter().chain(&spec.leaf_lists);
        all.filter_map(|c| c.under.as_deref())
    }

    pub(crate) fn enter_context(&mut self, name: &str, context: ContextId) {
        self.contexts.insert(name.into(), context);
    }

    /// How an element of a namespace is called.
    pub(crate) fn name(&self, uri: &str, local: &str) -> String {
        match self.shorts.get(uri) {
            Some(short) => format!("{short}:{local}"),
            // A word of its own in the line, and not the one that begins a demand.
            None if uri.is_empty() && local != DELETE => local.to_owned(),
            None => format!("{{{}}}{local}", plain_uri(uri)),
        }
    }

    /// The namespace a prefix stands for where the text does not say it.
    pub(crate) fn uri(&self, short: &str) -> Option<&str> {
        self.uris.get(short).map(|uri| &**uri)
    }

    fn of<'m>(
        &self,
        all: &'m BTreeMap<Box<str>, Vec<Children>>,
        name: &str,
        at: ContextId,
    ) -> Option<&'m Children> {
        all.get(name)?.iter().find(|c| match &c.under {
            None => true,
            Some(under) => self.contexts.get(under) == Some(&at),
        })
    }

    /// The keys of a list.
    pub(crate) fn keys(&self, name: &str, at: ContextId) -> Option<&[Box<str>]> {
        self.of(&self.lists, name, at).map(|c| c.keys.as_slice())
    }

    /// What the pack does not name of this element's namespace is not there.
    pub(crate) fn complete(&self, name: &str) -> bool {
        name.split_once(':')
            .is_some_and(|(short, _)| self.complete.contains(short))
    }

    /// The leaves beside its `config` are an element's keys.
    pub(crate) fn openconfig(&self, name: &str) -> bool {
        name.split_once(':')
            .is_some_and(|(short, _)| self.openconfig.contains(short))
    }

    /// The context inside an element.
    pub(crate) fn inside(&self, name: &str) -> ContextId {
        self.contexts
            .get(name)
            .copied()
            .unwrap_or(ContextId::UNKNOWN)
    }

    /// Nothing inside it means that it is not there.
    pub(crate) fn hollow(&self, line: &Line<'_>) -> bool {
        matches!(line.form, Form::Bare)
            && (self.complete(line.name) || self.openconfig(line.name))
            && !self.presence.contains(line.name)
    }

    /// How many elements like this one may stand beside each other. A leaf of which nobody
    /// knows whether it may repeat counts as one of many: right for both, as long as nobody
    /// takes the old value for gone when a new one is there.
    pub(crate) fn cardinality(&self, line: &Line<'_>, at: ContextId) -> Cardinality {
        let ordered = |all| self.of(all, line.name, at).map(|c| c.ordered);
        let found = match line.form {
            Form::Bare => return Cardinality::One,
            Form::Keys(_) | Form::Place(_) => ordered(&self.lists).or(Some(false)),
            Form::Value(_) => ordered(&self.leaf_lists),
        };
        match found {
            Some(true) => Cardinality::Seq,
            Some(false) => Cardinality::Set,
            None if self.complete(line.name) => Cardinality::One,
            None => Cardinality::Set,
        }
    }

    /// Whether such a leaf may repeat, as far as the pack knows.
    pub(crate) fn repeats(&self, name: &str, at: ContextId) -> Option<bool> {
        match self.of(&self.leaf_lists, name, at) {
            Some(_) => Some(true),
            None => self.complete(name).then_some(false),
        }
    }

    /// Namespace and local name of a NAME.
    pub(crate) fn resolve<'n>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        if let Some((uri, local)) = name.strip_prefix('{').and_then(|n| n.split_once('}')) {
            return (uri, local);
        }
        let short = name.split_once(':');
        short
            .and_then(|(short, local)| Some((self.uri(short)?, local)))
            .unwrap_or(("", name))
    }

    /// What a value of a line stands for.
    pub(crate) fn value<'v>(&'v self, raw: &'v str) -> Value<'v> {
        if raw.starts_with('"') {
            return Value::Text(unquoted(raw));
        }
        let (uri, local) = self.resolve(raw);
        if uri.is_empty() || !plain_name(local) {
            return Value::Text(Cow::Borrowed(raw));
        }
        let short = raw.split_once(':').map_or("", |(short, _)| short);
        let prefix = if raw.starts_with('{') { "v" } else { short };
        Value::Name { prefix, uri, local }
    }
}

/// What stands in a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'v> {
    /// A text.
    Text(Cow<'v, str>),
    /// A name in a namespace (an identity).
    Name {
        /// A prefix to use for it.
        prefix: &'v str,
        uri: &'v str,
        local: &'v str,
    },
}

/// One line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'t> {
    pub(crate) name: &'t str,
    pub(crate) form: Form<'t>,
}

/// What follows the name. Values are as in the line, quotes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form<'t> {
    Bare,
    Value(&'t str),
    Keys(Vec<(&'t str, &'t str)>),
    Place(&'t str),
}

impl<'t> Line<'t> {
    /// Takes a line (without `delete`) apart. Any text is some line.
    pub(crate) fn of(text: &'t str) -> Self {
        let braces = if text.starts_with('{') {
            text.find('}').unwrap_or(0)
        } else {
            0
        };
        let end = text[braces..]
            .find([' ', '['])
            .map_or(text.len(), |n| braces + n);
        let (name, rest) = text.split_at(end);
        let form = match rest.as_bytes().first() {
            Some(b' ') => Form::Value(&rest[1..]),
            Some(_) => predicates(rest),
            None => Form::Bare,
        };
        Self { name, form }
    }

    /// The words that patterns see: the name, then each value as one word.
    pub(crate) fn words(&self, out: &mut Vec<&'t str>) {
        out.push(self.name);
        match &self.form {
            Form::Bare | Form::Place(_) => {}
            Form::Value(value) => out.push(value),
            Form::Keys(keys) => out.extend(keys.iter().map(|(_, value)| *value)),
        }
    }
}

/// The words of a line that may begin with `delete`.
pub(crate) fn words<'t>(text: &'t str, out: &mut Vec<&'t str>) {
    out.clear();
    let demand = text
        .strip_prefix(DELETE)
        .and_then(|rest| rest.strip_prefix(' '));
    if demand.is_some() {
        out.push(&text[..DELETE.len()]);
    }
    let positive = demand.unwrap_or(text);
    if !positive.is_empty() {
        Line::of(positive).words(out);
    }
}

/// `[key=value]…`, or `[n]`.
fn predicates(text: &str) -> Form<'_> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let length = inner.find(['=', ']']).unwrap_or(inner.len());
        let key = &inner[..length];
        let Some(value) = inner[length..].strip_prefix('=') else {
            return Form::Place(key);
        };
        let end = value_end(value);
        keys.push((key, &value[..end]));
        rest = value[end..].strip_prefix(']').unwrap_or_default();
    }
    Form::Keys(keys)
}

/// Where a value in brackets ends.
fn value_end(text: &str) -> usize {
    if !text.starts_with('"') {
        return text.find(']').unwrap_or(text.len());
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

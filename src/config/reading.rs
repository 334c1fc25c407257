//! One line, looked up in its context.

use std::borrow::Cow;

use super::dialect::{Cardinality, ContextId, Dialect, RuleId};
use super::normalise;
use super::pattern::{self, Elem, Hit, Part, Role};
use super::rules::Rule;
use super::spec::{Family, Negative};
use super::xml::{Form, Line};

/// A line looked up in a context: what the parser needs, nothing allocated.
pub(crate) struct Reading<'d, 't> {
    pub(crate) rule: Option<&'d Rule>,
    pub(crate) hit: Option<Hit>,
    pub(crate) context: ContextId,
    pub(crate) line: &'t str,
    /// The words after the negator.
    pub(crate) words: &'t [&'t str],
    pub(crate) negator: Option<&'t str>,
}

impl<'d, 't> Reading<'d, 't> {
    pub(crate) fn parts(&self) -> &'d [Part] {
        match (self.rule, self.hit) {
            (Some(rule), Some(hit)) => &rule.variants[hit.variant as usize],
            (_, _) => &[],
        }
    }

    pub(crate) fn id(&self) -> RuleId {
        self.hit.map_or(RuleId::GENERIC, |hit| RuleId(hit.rule))
    }

    /// The text after the negator, as written.
    fn positive_text(&self) -> &'t str {
        match self.words.first() {
            Some(first) => &self.line[first.as_ptr() as usize - self.line.as_ptr() as usize..],
            None => "",
        }
    }

    /// Of an XML line its parts.
    fn markup(&self, dialect: &Dialect) -> Option<Line<'t>> {
        (dialect.family == Family::Xml).then(|| Line::of(self.positive_text()))
    }

    /// The context the line opens.
    pub(crate) fn opens(&self, dialect: &Dialect) -> Option<ContextId> {
        if self.negator.is_some() {
            return None;
        }
        match self.markup(dialect) {
            Some(line) => {
                let leaf = matches!(line.form, Form::Value(_));
                (!leaf).then(|| dialect.models.inside(line.name))
            }
            None => self.rule.and_then(|r| r.opens),
        }
    }

    /// An XML container that says nothing by itself.
    pub(crate) fn hollow(&self, dialect: &Dialect) -> bool {
        self.markup(dialect)
            .is_some_and(|line| dialect.models.hollow(&line))
    }

    /// The text of a capture, normalised.
    pub(crate) fn capture(&self, dialect: &Dialect, name: &str) -> Option<String> {
        let parts = self.parts();
        let at = parts
            .iter()
            .position(|p| p.elem.capture().is_some_and(|(n, _)| n == name))?;
        Some(self.piece(dialect, at, &parts[at].elem).into_owned())
    }

    pub(crate) fn piece(&self, dialect: &Dialect, at: usize, elem: &Elem) -> Cow<'t, str> {
        let raw = match elem {
            Elem::Rest { free: false, .. } => self.words_from(at),
            Elem::Rest { free: true, .. } | Elem::Word(_) | Elem::One { .. } => {
                Cow::Borrowed(pattern::text_of(self.line, self.words, at, elem))
            }
        };
        let how = elem
            .capture()
            .and_then(|(name, _)| self.rule?.normalise.get(name));
        match (how, raw) {
            (None, raw) => raw,
            (Some(how), Cow::Borrowed(raw)) => normalise::apply(*how, raw, &dialect.interfaces),
            (Some(how), Cow::Owned(raw)) => {
                Cow::Owned(normalise::apply(*how, &raw, &dialect.interfaces).into_owned())
            }
        }
    }

    /// The words from one on, single blanks between them.
    fn words_from(&self, at: usize) -> Cow<'t, str> {
        let text = pattern::text_of(
            self.line,
            self.words,
            at,
            &Elem::Rest {
                free: true,
                capture: None,
            },
        );
        if single_blanks(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(self.words[at..].join(" "))
    }

    /// The canonical line without the negator.
    pub(crate) fn canonical(&self, dialect: &Dialect) -> String {
        let Some(rule) = self.rule else {
            return self.positive_text().to_owned();
        };
        let text = self.positive_text();
        if dialect.family == Family::Xml {
            return text.to_owned();
        }
        let plain = rule.canonical.is_none() && rule.normalise.is_empty();
        if plain && single_blanks(text) {
            return text.to_owned();
        }
        let parts = self.parts();
        let is_positive = self
            .hit
            .is_some_and(|h| usize::from(h.variant) < rule.positive);
        match &rule.canonical {
            Some(template) if is_positive => self.fill(dialect, template),
            Some(_) | None => {
                let pieces = parts.iter().enumerate();
                let pieces = pieces.map(|(at, part)| self.piece(dialect, at, &part.elem));
                join(pieces)
            }
        }
    }

    /// A template filled from the captures; words of optional groups whose captures are
    /// missing are left out.
    pub(crate) fn fill(&self, dialect: &Dialect, template: &[Part]) -> String {
        let missing = |group: u8| {
            group != 0
                && template.iter().any(|p| {
                    p.group == group
                        && p.elem
                            .capture()
                            .is_some_and(|(name, _)| self.capture(dialect, name).is_none())
                })
        };
        let mut out = String::new();
        for part in template.iter().filter(|p| !missing(p.group)) {
            let piece = match (&part.elem, part.elem.capture()) {
                (Elem::Word(word), _) => Some(word.to_string()),
                (_, Some((name, _))) => self.capture(dialect, name),
                (_, None) => None,
            };
            if let Some(piece) = piece {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(&piece);
            }
        }
        out
    }

    pub(crate) fn cardinality(&self, dialect: &Dialect) -> Cardinality {
        if let Some(line) = self.markup(dialect) {
            return dialect.models.cardinality(&line, self.context);
        }
        let ordered = dialect.ordered(self.context);
        match self.rule {
            Some(rule) if !(ordered && rule.cardinality == Cardinality::Set) => rule.cardinality,
            Some(_) => Cardinality::Seq,
            None if ordered => Cardinality::Seq,
            None => Cardinality::Set,
        }
    }

    /// The slot's key; `canonical` is the positive canonical line.
    pub(crate) fn key<'c>(&self, dialect: &Dialect, canonical: &'c str) -> Cow<'c, str> {
        if self.markup(dialect).is_some() {
            let named = matches!(
                self.cardinality(dialect),
                Cardinality::One | Cardinality::Seq
            );
            return Cow::Borrowed(if named {
                Line::of(canonical).name
            } else {
                canonical
            });
        }
        let ordered_child = self.cardinality(dialect) == Cardinality::Seq
            && self.rule.is_none_or(|r| r.cardinality == Cardinality::Set);
        if ordered_child {
            return Cow::Borrowed("");
        }
        match self.rule {
            Some(rule) if rule.cardinality != Cardinality::Set => {
                Cow::Owned(self.keys(dialect, rule))
            }
            Some(_) | None => Cow::Borrowed(canonical),
        }
    }

    fn keys(&self, dialect: &Dialect, rule: &Rule) -> String {
        let mut out = String::new();
        for (at, part) in self.parts().iter().enumerate() {
            let Some((name, Role::Key)) = part.elem.capture() else {
                continue;
            };
            if rule.cardinality == Cardinality::Keyed && rule.number.as_deref() == Some(name) {
                continue;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&self.piece(dialect, at, &part.elem));
        }
        out
    }

    /// The slot's name.
    pub(crate) fn slot_name(&self, dialect: &Dialect) -> &'d str {
        match self.rule {
            Some(_) if dialect.family == Family::Xml => "",
            Some(rule) if self.cardinality(dialect) == rule.cardinality => &rule.slot,
            Some(_) | None => "",
        }
    }

    pub(crate) fn number(&self, dialect: &Dialect) -> Option<u64> {
        let name = self.rule?.number.as_deref()?;
        self.capture(dialect, name)?.parse().ok()
    }

    /// The canonical line without its number: what an entry of a list says.
    pub(crate) fn content(&self, dialect: &Dialect, canonical: &str) -> String {
        let (Some(rule), Some(hit)) = (self.rule, self.hit) else {
            return canonical.to_owned();
        };
        let Some(number) = rule.number.as_deref() else {
            return canonical.to_owned();
        };
        let parts = &rule.variants[hit.variant as usize];
        let is_number = |p: &&Part| p.elem.capture().is_some_and(|(name, _)| name == number);
        let Some(part) = parts.iter().find(is_number) else {
            return canonical.to_owned();
        };
        let group = part.group;
        let kept = parts.iter().enumerate();
        let kept = kept.filter(|(_, p)| !(is_number(p) || group != 0 && p.group == group));
        join(kept.map(|(at, p)| self.piece(dialect, at, &p.elem)))
    }

    /// The lines this one stands for; `None` if it stands for itself.
    pub(crate) fn expanded(&self, dialect: &Dialect) -> Option<Vec<String>> {
        let (name, how) = self.rule?.expand.as_ref()?;
        let parts = self.parts();
        let is_list = |p: &Part| p.elem.capture().is_some_and(|(other, _)| *other == **name);
        let at = parts.iter().position(is_list)?;
        let items = normalise::items(*how, &self.piece(dialect, at, &parts[at].elem))?;
        if items.len() < 2 {
            return None;
        }
        let line = |item: &String| {
            let pieces = parts.iter().enumerate().map(|(other, part)| {
                if other == at {
                    Cow::Borrowed(item.as_str())
                } else {
                    self.piece(dialect, other, &part.elem)
                }
            });
            let positive = join(pieces);
            match self.negator {
                Some(negator) => format!("{negator} {positive}"),
                None => positive,
            }
        };
        Some(items.iter().map(line).collect())
    }

    pub(crate) fn absent(&self, dialect: &Dialect) -> bool {
        let Some(rule) = self.rule else {
            return dialect.family == Family::Xml && self.negator.is_some();
        };
        if let Some(negator) = self.negator {
            // `default X` says that there is nothing of its own.
            return rule.negative == Negative::Absent || negator == "default";
        }
        rule.defaults
            .iter()
            .any(|parts| pattern::matches(parts, self.words))
    }
}

/// True when the text needs no rewriting to have single blanks between its words.
fn single_blanks(text: &str) -> bool {
    let bytes = text.as_bytes();
    let wide = |w: &[u8]| w[0] == b' ' && w[1] == b' ';
    !bytes.windows(2).any(wide) && bytes.iter().all(|b| !b.is_ascii_whitespace() || *b == b' ')
}

fn join<'p>(pieces: impl Iterator<Item = Cow<'p, str>>) -> String {
    let mut out = String::new();
    for piece in pieces {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&piece);
    }
    out
}

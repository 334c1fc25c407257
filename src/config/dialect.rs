//! A platform's configuration language: what one line means in its context.
//!
//! A [`Dialect`] is compiled from the `config` section of a platform pack. It answers, for
//! a line in a context: which slot it fills, how it is negated, what it opens, what it
//! wipes, what it refers to and what it may disturb. Lines no rule knows get the generic
//! meaning: the whole line is its own slot, negated by `no <line>`.

use std::collections::BTreeMap;

use super::pattern::{self, Elem, Part, Tree, Words};
use super::reading::Reading;
use super::rules::{Braces, Complete, Context, Naming, NoForm, Rule};
use super::secrets::SecretTable;
use super::spec::Family;
use super::xml::{self, Models};
use crate::model::Disruption;

/// A context: the inside of the blocks a rule opens. [`ContextId::TOP`] is the outermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u16);

impl ContextId {
    /// Outside all blocks.
    pub const TOP: Self = Self(0);
    /// Inside a block no rule knows.
    pub const UNKNOWN: Self = Self(1);
    /// What is known wherever it stands, unless the context itself knows better.
    pub const ANY: Self = Self(2);
}

/// Characters that mean something to command lines.
const ODD: &[char] = &[
    '|', '?', '<', '>', '$', '&', '!', '(', ')', '^', '~', '*', '#', '\u{27e6}',
];

/// A rule of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u16);

impl RuleId {
    /// No rule knows the line.
    pub const GENERIC: Self = Self(u16::MAX);
}

/// How many lines may stand in a slot, and whether their order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cardinality {
    /// One value, replaced in place by typing the new one.
    One,
    /// Many values, order free; the whole line is the key.
    #[default]
    Set,
    /// Order matters and nothing shows it but the place.
    Seq,
    /// Order follows a number in the line (which may be left out in an intent).
    Keyed,
    /// A block replaced as a whole.
    Atomic,
    /// An opaque text (banner, certificate).
    Literal,
}

/// What a line fills: two lines of one context with equal slots are alternatives
/// (`One`), entries of one ordered list (`Seq`, `Keyed`) or the same thing (`Set`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// Slot name: the rule's id unless several rules share one; empty for generic lines.
    pub name: Box<str>,
    /// The key words (`10.0.0.1` of `neighbor 10.0.0.1 remote-as 65001`); the whole
    /// positive line for generic lines and sets.
    pub key: Box<str>,
}

/// How a line is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Negation {
    /// Type this line in the same context.
    Line(String),
    /// The block itself stays: its children have to be taken back one by one.
    Children,
    /// The platform cannot take it back.
    Impossible,
}

/// A name one line defines and another uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// `acl`, `prefix-list`, `route-map`, `vrf`, …
    pub kind: Box<str>,
    /// The name.
    pub name: Box<str>,
    /// While the name is undefined, the using line lets everything through.
    pub fail_open: bool,
}

/// What happened to a line, for cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// It was not there and is now.
    Add,
    /// Its value changed.
    Change,
    /// It is gone.
    Remove,
}

/// What one line means in its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The rule that knows it.
    pub rule: RuleId,
    /// The context it stands in.
    pub context: ContextId,
    /// The line in canonical words, with its `no` if it has one.
    pub canonical: String,
    /// `no …`
    pub negated: bool,
    /// What it fills. A negated line has the slot of what it negates.
    pub slot: Slot,
    /// How many may fill it.
    pub cardinality: Cardinality,
    /// The sequence number, if the line carries one.
    pub number: Option<u64>,
    /// The context it opens.
    pub opens: Option<ContextId>,
    /// The line equals absence of any line in its slot (platform default).
    pub absent: bool,
}

impl Meaning {
    /// The canonical line without its negator.
    #[must_use]
    pub fn positive(&self) -> &str {
        if self.negated {
            self.canonical.split_once(' ').map_or("", |(_, rest)| rest)
        } else {
            &self.canonical
        }
    }
}

/// A compiled dialect.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    pub(crate) family: Family,
    pub(crate) comments: Vec<Box<str>>,
    pub(crate) kept: Vec<Box<str>>,
    pub(crate) braces: Braces,
    pub(crate) models: Models,
    pub(crate) transactional: bool,
    pub(crate) whole_file: bool,
    pub(crate) complete: Complete,
    pub(crate) leave: BTreeMap<Box<str>, usize>,
    pub(crate) negators: Vec<Box<str>>,
    pub(crate) interfaces: Vec<Box<str>>,
    pub(crate) noise: Tree,
    pub(crate) noise_reasons: Vec<(Box<str>, bool)>,
    pub(crate) secrets: SecretTable,
    pub(crate) contexts: Vec<Context>,
    pub(crate) rules: Vec<Rule>,
}

/// How a platform takes a change.
#[derive(Clone, Copy, Debug)]
pub enum Typing<'d> {
    /// Lines in modes.
    Lines,
    /// Whole paths.
    Paths(PathWords<'d>),
    /// A new file.
    File,
    /// One document that says what changes.
    Xml,
}

/// The words that begin a path command; an empty one is a command the platform lacks.
#[derive(Clone, Copy, Debug)]
pub struct PathWords<'d> {
    /// Puts a statement there.
    pub set: &'d str,
    /// Takes it away, with all below it.
    pub delete: &'d str,
    /// Moves an entry of a list.
    pub insert: &'d str,
    /// Switches it off.
    pub deactivate: &'d str,
    /// Switches it on again.
    pub activate: &'d str,
}

impl Dialect {
    /// How the platform takes a change.
    #[must_use]
    pub fn typing(&self) -> Typing<'_> {
        let braces = &self.braces;
        if self.whole_file {
            return Typing::File;
        }
        if self.family == Family::Xml {
            return Typing::Xml;
        }
        if !braces.paths {
            return Typing::Lines;
        }
        Typing::Paths(PathWords {
            set: &braces.set,
            delete: &braces.delete,
            insert: braces.insert.as_deref().unwrap_or_default(),
            deactivate: braces.deactivate.as_deref().unwrap_or_default(),
            activate: braces.activate.as_deref().unwrap_or_default(),
        })
    }

    /// A change is a new file.
    #[must_use]
    pub fn typing_is_a_file(&self) -> bool {
        matches!(self.typing(), Typing::File)
    }

    /// Commands take effect together.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.transactional
    }

    /// Entries of a list can be moved by a command.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.braces.insert.is_some() || self.family == Family::Xml
    }

    /// True when the line is a comment that the device does not keep.
    pub(crate) fn comment(&self, line: &str) -> bool {
        self.comments.iter().any(|c| line.starts_with(&**c))
            && !self.kept.iter().any(|k| line.starts_with(&**k))
    }

    /// Looks a line up. `words` are the words of `line`.
    pub(crate) fn read<'d, 't>(
        &'d self,
        context: ContextId,
        line: &'t str,
        words: &'t [&'t str],
    ) -> Reading<'d, 't> {
        let own = self.contexts.get(context.0 as usize);
        let any = self.contexts.get(ContextId::ANY.0 as usize);
        let positive = |words: &[&str]| {
            own.and_then(|c| c.positive.find(words))
                .or_else(|| any.and_then(|c| c.positive.find(words)))
        };
        let negative = |at: usize, words: &[&str]| {
            let find = |c: &Context| c.negative.get(at).and_then(|tree| tree.find(words));
            own.and_then(find).or_else(|| any.and_then(find))
        };
        let mut reading = Reading {
            rule: None,
            hit: None,
            context,
            line,
            words,
            negator: None,
        };
        if let Some((first, rest)) = words.split_first()
            && let Some(at) = self.negators.iter().position(|n| **n == **first)
        {
            reading.hit = negative(at, rest);
            if !rest.is_empty() && (reading.hit.is_some() || at == 0) {
                reading.words = rest;
                reading.negator = Some(*first);
            }
        }
        if reading.negator.is_none() {
            reading.hit = positive(words);
        }
        reading.rule = reading.hit.map(|hit| &self.rules[hit.rule as usize]);
        reading
    }

    /// How many of a path's words make the next level.
    pub(crate) fn step(&self, context: ContextId, words: &[&str]) -> usize {
        let opens = |rule: u16| self.rules[rule as usize].opens.is_some();
        let find = |context: ContextId| {
            let trees = self.contexts.get(context.0 as usize)?;
            trees.positive.find_prefix(words, &opens)
        };
        let found = find(context).or_else(|| find(ContextId::ANY));
        found.map_or(1, |(_, count)| count.max(1))
    }

    /// As [`Self::step`], for lines that may hold several leaves of one block (SR OS):
    /// whether what follows belongs to the same block.
    pub(crate) fn stride(&self, context: ContextId, words: &[&str]) -> (usize, bool) {
        let count = self.step(context, words);
        let oneline = self
            .contexts
            .get(context.0 as usize)
            .is_some_and(|c| c.oneline);
        if !oneline && (self.braces.wrapper.is_none() || count == words.len()) {
            return (count, false);
        }
        let tree = self.contexts.get(context.0 as usize).map(|c| &c.positive);
        let leaf = |words: &[&str]| tree?.find_prefix(words, &|_| true);
        match leaf(words) {
            Some((hit, length))
                if length < words.len()
                    && self.rules[hit.rule as usize].opens.is_none()
                    && (oneline || leaf(&words[length..]).is_some()) =>
            {
                (length, true)
            }
            _ => (count, false),
        }
    }

    /// A line as it is typed: words that a command line would take for something else in
    /// quotes.
    #[must_use]
    pub fn quoted(&self, line: &str) -> String {
        if !matches!(self.family, Family::Brace | Family::Edit) {
            return line.to_owned();
        }
        let mut words = Words::new();
        pattern::quoted_words(line, &mut words);
        let quote = self.braces.quote;
        let odd = |word: &&str| {
            !word.starts_with('"') && word.contains(ODD) || word.starts_with('"') && quote == '\''
        };
        if !words.iter().any(odd) {
            return line.to_owned();
        }
        let quoted = words.iter().map(|word| {
            if !odd(word) {
                return (*word).to_owned();
            }
            if quote == '"' {
                return format!("\"{word}\"");
            }
            let inner = word.strip_prefix('"').and_then(|w| w.strip_suffix('"'));
            let inner = inner.map_or((*word).to_owned(), |i| i.replace("\\\"", "\""));
            format!("'{}'", inner.replace('\'', "'\\''"))
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// The words of a line, as this platform cuts them.
    pub(crate) fn words<'t>(&self, line: &'t str, out: &mut Words<'t>) {
        match self.family {
            Family::Brace | Family::Edit => pattern::quoted_words(line, out),
            Family::File => {
                out.clear();
                out.push(line);
            }
            Family::Xml => xml::words(line, out),
            Family::Indent | Family::Grammar => pattern::words(line, out),
        }
    }

    /// The context inside a path of header lines, outermost first; [`ContextId::UNKNOWN`]
    /// as soon as one of them opens no known block.
    #[must_use]
    pub fn context(&self, path: &[&str]) -> ContextId {
        path.iter().fold(ContextId::TOP, |context, line| {
            self.meaning(context, line)
                .opens
                .unwrap_or(ContextId::UNKNOWN)
        })
    }

    /// What a line means in a context. Leading and trailing blanks do not matter.
    #[must_use]
    pub fn meaning(&self, context: ContextId, line: &str) -> Meaning {
        let line = line.trim();
        let mut words = Words::new();
        self.words(line, &mut words);
        let reading = self.read(context, line, &words);
        let positive = reading.canonical(self);
        let slot = Slot {
            name: reading.slot_name(self).into(),
            key: reading.key(self, &positive).into_owned().into(),
        };
        let canonical = match reading.negator {
            Some(negator) => format!("{negator} {positive}"),
            None => positive,
        };
        Meaning {
            rule: reading.id(),
            context,
            canonical,
            negated: reading.negator.is_some(),
            slot,
            cardinality: reading.cardinality(self),
            number: reading.number(self),
            opens: reading.opens(self),
            absent: reading.absent(self),
        }
    }

    /// True when a rule of exactly this context knows the line (or its negation).
    #[must_use]
    pub fn knows(&self, context: ContextId, line: &str) -> bool {
        let line = line.trim();
        let mut words = Words::new();
        self.words(line, &mut words);
        self.read(context, line, &words).hit.is_some()
    }

    pub(crate) fn rule(&self, rule: RuleId) -> Option<&Rule> {
        self.rules.get(rule.0 as usize)
    }

    /// True when the line is one of its rule's negation forms, not `no` before the line.
    pub(crate) fn is_negation_form(&self, meaning: &Meaning) -> bool {
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        let reading = self.read(meaning.context, &meaning.canonical, &words);
        let positive = reading.rule.map_or(0, |rule| rule.positive);
        let variant = reading.hit.map_or(0, |hit| usize::from(hit.variant));
        reading.negator.is_some() && variant >= positive
    }

    /// How many rules there are.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The rule's name, for reports; `generic` for lines no rule knows.
    #[must_use]
    pub fn rule_name(&self, rule: RuleId) -> &str {
        self.rule(rule).map_or("generic", |r| &r.id)
    }

    /// The context's name, for reports.
    #[must_use]
    pub fn context_name(&self, context: ContextId) -> &str {
        self.contexts
            .get(context.0 as usize)
            .map_or("unknown", |c| &c.name)
    }

    /// How to take a line back, best first; never empty. For a negated line: the positive
    /// line.
    #[must_use]
    pub fn negations(&self, meaning: &Meaning) -> Vec<Negation> {
        if meaning.negated {
            return vec![Negation::Line(self.unsaid(meaning))];
        }
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        let reading = self.read(meaning.context, &meaning.canonical, &words);
        let forms = reading.rule.map_or(&[][..], |r| &r.no);
        let mut out: Vec<Negation> = forms
            .iter()
            .filter_map(|form| match form {
                NoForm::Line(negator, parts) => self.filled(&reading, negator, parts),
                NoForm::Children => Some(Negation::Children),
                NoForm::Impossible => Some(Negation::Impossible),
            })
            .collect();
        if out.is_empty() {
            let negator = self.negators.first().map_or("no", |n| &**n);
            out.push(Negation::Line(format!("{negator} {}", meaning.canonical)));
        }
        out
    }

    /// What takes a negated line back: the rule's `default` form where it has one, else the
    /// positive line.
    fn unsaid(&self, meaning: &Meaning) -> String {
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        let reading = self.read(meaning.context, &meaning.canonical, &words);
        let forms = reading.rule.map_or(&[][..], |r| &r.no);
        let default = forms.iter().find_map(|form| match form {
            NoForm::Line(negator, parts) if **negator == *"default" => {
                self.filled(&reading, negator, parts)
            }
            NoForm::Line(..) | NoForm::Children | NoForm::Impossible => None,
        });
        match default {
            Some(Negation::Line(line)) => line,
            Some(Negation::Children | Negation::Impossible) | None => meaning.positive().to_owned(),
        }
    }

    fn filled(&self, reading: &Reading<'_, '_>, negator: &str, parts: &[Part]) -> Option<Negation> {
        // Words of an optional group are left out where its capture is missing.
        let have = |p: &Part| match p.elem.capture() {
            Some((name, _)) => p.group != 0 || reading.capture(self, name).is_some(),
            None => true,
        };
        parts
            .iter()
            .all(have)
            .then(|| Negation::Line(format!("{negator} {}", reading.fill(self, parts))))
    }

    /// True when the order of a context's children counts as such.
    #[must_use]
    pub fn ordered(&self, context: ContextId) -> bool {
        self.contexts
            .get(context.0 as usize)
            .is_some_and(|c| c.ordered)
    }

    /// The line that leaves a context by one level (`exit`, `exit-address-family`).
    #[must_use]
    pub fn exit_line(&self, context: ContextId) -> &str {
        self.contexts
            .get(context.0 as usize)
            .map_or("exit", |c| &c.exit)
    }

    /// True when a typed line that the current context does not know is tried in the
    /// enclosing ones (FRR), so that nesting comes from keywords, not from indentation.
    #[must_use]
    pub fn climbs(&self) -> bool {
        self.family == Family::Grammar
    }

    /// Lines that only leave contexts: `Some(n)` levels, `Some(usize::MAX)` for all.
    #[must_use]
    pub fn leaves(&self, line: &str) -> Option<usize> {
        let levels = *self.leave.get(line.trim())?;
        Some(if levels == 0 { usize::MAX } else { levels })
    }

    /// Numbers a list gives to entries typed without one: (first, step).
    #[must_use]
    pub fn numbering(&self, rule: RuleId) -> Option<(u64, u64)> {
        self.rule(rule)?.implicit
    }

    /// The canonical line of a list entry with this number (or without one); `None` when
    /// the rule has no such form.
    #[must_use]
    pub fn numbered(&self, meaning: &Meaning, number: Option<u64>) -> Option<String> {
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        let reading = self.read(meaning.context, &meaning.canonical, &words);
        let rule = reading.rule?;
        let content = reading.content(self, &meaning.canonical);
        let Some(number) = number else {
            return Some(content);
        };
        let name = rule.number.as_deref()?;
        let mut words = Words::new();
        self.words(&content, &mut words);
        let bare = self.read(meaning.context, &content, &words);
        let is_number = |p: &Part| p.elem.capture().is_some_and(|(n, _)| n == name);
        let wanted = rule.variants[..rule.positive].iter().find(|parts| {
            let Some(at) = parts.iter().position(is_number) else {
                return false;
            };
            let group = parts[at].group;
            let rest: Vec<&Elem> = parts
                .iter()
                .filter(|p| !(is_number(p) || group != 0 && p.group == group))
                .map(|p| &p.elem)
                .collect();
            rest.len() == bare.parts().len()
                && rest.iter().zip(bare.parts()).all(|(a, b)| **a == b.elem)
        })?;
        let group = wanted.iter().find(|p| is_number(p))?.group;
        let mut at = 0;
        let mut out = Vec::with_capacity(wanted.len());
        for part in wanted {
            if is_number(part) {
                out.push(number.to_string());
            } else if group != 0 && part.group == group {
                if let Elem::Word(word) = &part.elem {
                    out.push(word.to_string());
                }
            } else {
                out.push(bare.piece(self, at, &part.elem).into_owned());
                at += 1;
            }
        }
        Some(out.join(" "))
    }

    /// True when `event` on `trigger` makes the device drop `victim`, a line of the same
    /// context or (if `nested`) of a block inside that context.
    #[must_use]
    pub fn wipes(&self, trigger: &Meaning, event: Event, victim: &Meaning, nested: bool) -> bool {
        let Some(rule) = self.rule(trigger.rule) else {
            return false;
        };
        rule.cascades.iter().any(|cascade| {
            cascade.on.contains(&event)
                && (!nested || cascade.nested)
                && cascade.rules.contains(&victim.rule)
                && cascade.key.as_deref().is_none_or(|key| {
                    let of = |m: &Meaning| self.capture_of(m, key);
                    of(trigger).is_some() && of(trigger) == of(victim)
                })
        })
    }

    /// Whether lines of a rule can fall with this at all; [`Self::wipes`] looks closer.
    pub(crate) fn may_wipe(
        &self,
        trigger: &Meaning,
        event: Event,
        victim: RuleId,
        nested: bool,
    ) -> bool {
        self.rule(trigger.rule).is_some_and(|rule| {
            rule.cascades.iter().any(|cascade| {
                cascade.on.contains(&event)
                    && (!nested || cascade.nested)
                    && cascade.rules.contains(&victim)
            })
        })
    }

    /// True when `event` on this line can wipe anything at all.
    #[must_use]
    pub fn cascades(&self, trigger: &Meaning, event: Event) -> bool {
        let rule = self.rule(trigger.rule);
        rule.is_some_and(|r| r.cascades.iter().any(|c| c.on.contains(&event)))
    }

    fn capture_of(&self, meaning: &Meaning, name: &str) -> Option<String> {
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        self.read(meaning.context, &meaning.canonical, &words)
            .capture(self, name)
    }

    fn references(&self, meaning: &Meaning, naming: &Naming) -> Vec<Reference> {
        let text = self
            .capture_of(meaning, &naming.capture)
            .unwrap_or_default();
        let mut names = Words::new();
        pattern::quoted_words(&text, &mut names);
        names
            .into_iter()
            .map(|name| Reference {
                kind: naming.kind.clone(),
                // `POLICY($a)` is a call of `POLICY`.
                name: name.split('(').next().unwrap_or(name).into(),
                fail_open: naming.fail_open,
            })
            .collect()
    }

    /// The name this line defines.
    #[must_use]
    pub fn defines(&self, meaning: &Meaning) -> Option<Reference> {
        let naming = self.rule(meaning.rule)?.defines.as_ref()?;
        self.references(meaning, naming).into_iter().next()
    }

    /// The names this line uses.
    #[must_use]
    pub fn uses(&self, meaning: &Meaning) -> Vec<Reference> {
        let uses = self.rule(meaning.rule).map_or(&[][..], |r| &r.uses);
        uses.iter()
            .flat_map(|naming| self.references(meaning, naming))
            .collect()
    }

    /// What changing this line may disturb.
    #[must_use]
    pub fn disruption(&self, meaning: &Meaning) -> Disruption {
        self.rule(meaning.rule).map_or(Disruption::None, |r| r.risk)
    }

    /// The part of the management path this line belongs to (`vty`, `aaa`, `ssh`,
    /// `user`, `interface`, `route`, `acl`), if any.
    #[must_use]
    pub fn lockout(&self, meaning: &Meaning) -> Option<&str> {
        self.rule(meaning.rule)?.lockout.as_deref()
    }

    /// Soft order: smaller goes first among commands that do not depend on each other.
    #[must_use]
    pub fn weight(&self, meaning: &Meaning) -> i32 {
        self.rule(meaning.rule).map_or(0, |r| r.weight)
    }

    /// True when the value cannot be typed over: the old line has to be taken back before
    /// the new one is typed.
    #[must_use]
    pub fn remove_first(&self, meaning: &Meaning) -> bool {
        self.rule(meaning.rule).is_some_and(|r| r.remove_first)
    }

    /// True when an entry typed under a number that is in use takes the other's place.
    #[must_use]
    pub fn overwrites(&self, meaning: &Meaning) -> bool {
        self.rule(meaning.rule).is_some_and(|r| r.overwrites)
    }

    /// True when the device never prints the line, so that its absence proves nothing.
    #[must_use]
    pub fn hidden(&self, meaning: &Meaning) -> bool {
        self.rule(meaning.rule).is_some_and(|r| r.hidden)
    }

    /// The words captured by the line's pattern, by name (`peer`, `map`, …).
    #[must_use]
    pub fn captures(&self, meaning: &Meaning) -> Vec<(&str, String)> {
        let mut words = Words::new();
        self.words(&meaning.canonical, &mut words);
        let reading = self.read(meaning.context, &meaning.canonical, &words);
        let parts = reading.parts().iter().enumerate();
        parts
            .filter_map(|(at, p)| {
                let (name, _) = p.elem.capture()?;
                Some((name, reading.piece(self, at, &p.elem).into_owned()))
            })
            .collect()
    }
}

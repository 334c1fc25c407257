//! From the `config` section as written to a compiled dialect, with every fault named.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, ContextId, Dialect, Event, Negation, RuleId};
use super::pattern::{self, Class, Elem, Hit, Part, Tree};
use super::rules::{Braces, Cascade, Complete, Context, Naming, NoForm, Rule};
use super::secrets::SecretTable;
use super::spec::{
    BodySpec, BraceSpec, CascadeSpec, DialectSpec, EventSpec, Family, LiteralSpec, RuleSpec,
    SectionSpec, SlotSpec,
};
use super::xml::Models;

/// A fault in a dialect: the rule or section, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct DialectError {
    /// `rule if-description`, `noise 3`, …
    pub place: String,
    /// What is wrong with it.
    pub why: String,
}

fn fault(place: impl Into<String>, why: impl Into<String>) -> DialectError {
    DialectError {
        place: place.into(),
        why: why.into(),
    }
}

impl Dialect {
    /// Compiles and checks a dialect. A rule whose example it does not match, or whose
    /// negation it does not understand, is refused.
    ///
    /// # Errors
    /// The first fault of form, or all rules that do not do what their examples say.
    pub fn compile(spec: &DialectSpec) -> Result<Self, Vec<DialectError>> {
        let dialect = Compiler::run(spec).map_err(|fault| vec![fault])?;
        let faults = check(&dialect, spec);
        if faults.is_empty() {
            Ok(dialect)
        } else {
            Err(faults)
        }
    }
}

impl Dialect {
    /// Compiles a dialect without trying its examples: for tests of the replay, which spoil
    /// a dialect and must notice.
    ///
    /// # Errors
    /// The first fault of form.
    pub fn compile_unchecked(spec: &DialectSpec) -> Result<Self, DialectError> {
        Compiler::run(spec)
    }
}

struct Compiler<'s> {
    spec: &'s DialectSpec,
    dialect: Dialect,
    contexts: BTreeMap<&'s str, ContextId>,
    rules: BTreeMap<&'s str, RuleId>,
}

impl<'s> Compiler<'s> {
    fn run(spec: &'s DialectSpec) -> Result<Dialect, DialectError> {
        let mut compiler = Self::new(spec)?;
        for section in &spec.sections {
            compiler.section(section)?;
        }
        compiler.cascades()?;
        Ok(compiler.dialect)
    }

    fn new(spec: &'s DialectSpec) -> Result<Self, DialectError> {
        let boxed = |list: &[String]| list.iter().map(|s| s.as_str().into()).collect();
        let dialect = Dialect {
            family: spec.family.unwrap_or_default(),
            comments: boxed(&spec.comments),
            kept: boxed(&spec.kept),
            transactional: spec.transactional.unwrap_or_default(),
            whole_file: spec.whole_file.unwrap_or_default(),
            braces: braces(spec.braces.as_ref()),
            models: models(spec)?,
            complete: complete(spec)?,
            leave: spec
                .leave
                .iter()
                .map(|(k, v)| (k.as_str().into(), *v))
                .collect(),
            negators: boxed(&spec.negators),
            interfaces: boxed(&spec.interfaces),
            secrets: SecretTable::compile(&spec.secrets, spec.family.unwrap_or_default())
                .map_err(|(at, why)| fault(format!("secret {}", at + 1), why))?,
            ..Dialect::default()
        };
        let mut new = Self {
            spec,
            dialect,
            contexts: BTreeMap::new(),
            rules: BTreeMap::new(),
        };
        new.context("top");
        new.context("unknown");
        new.context("any");
        new.places();
        new.noise()?;
        Ok(new)
    }

    fn context(&mut self, name: &'s str) -> ContextId {
        if let Some(id) = self.contexts.get(name) {
            return *id;
        }
        let id = ContextId(u16::try_from(self.contexts.len()).expect("a pack has few contexts"));
        self.dialect.contexts.push(Context {
            name: name.into(),
            exit: self.spec.exit.as_str().into(),
            ..Context::default()
        });
        self.contexts.insert(name, id);
        id
    }

    /// The inside of XML elements by which others are told apart, or that have rules.
    fn places(&mut self) {
        let Some(xml) = &self.spec.xml else {
            return;
        };
        let sections = self.spec.sections.iter().flat_map(|s| s.contexts.iter());
        let named = sections
            .map(String::as_str)
            .filter(|name| name.contains(':'));
        let all: Vec<&str> = Models::places(xml).chain(named).collect();
        for name in all {
            let id = self.context(name);
            self.dialect.models.enter_context(name, id);
        }
    }

    fn noise(&mut self) -> Result<(), DialectError> {
        for (at, noise) in self.spec.noise.iter().enumerate() {
            let place = || format!("noise {}", at + 1);
            let hit = Hit {
                rule: u16::try_from(at).map_err(|_| fault(place(), "too many"))?,
                variant: 0,
            };
            for parts in pattern::compile(&noise.line).map_err(|why| fault(place(), why))? {
                self.dialect.noise.add(&parts, hit);
            }
            let reason = (noise.reason.as_str().into(), noise.top);
            self.dialect.noise_reasons.push(reason);
            let mut words: Vec<&str> = noise.example.split_ascii_whitespace().collect();
            if self.dialect.family == Family::Xml {
                self.dialect.words(&noise.example, &mut words);
            }
            let found = self.dialect.noise.find(&words);
            if found.is_none() || !noise.inherited && found != Some(hit) {
                return Err(fault(place(), "its example is not matched by it"));
            }
        }
        Ok(())
    }

    fn section(&mut self, section: &'s SectionSpec) -> Result<(), DialectError> {
        let ids: Vec<ContextId> = section.contexts.iter().map(|c| self.context(c)).collect();
        for id in &ids {
            let context = &mut self.dialect.contexts[id.0 as usize];
            context.ordered |= section.ordered;
            context.oneline |= section.oneline;
        }
        for rule in &section.rules {
            self.rule(rule, &ids)?;
        }
        Ok(())
    }

    fn rule(&mut self, spec: &'s RuleSpec, contexts: &[ContextId]) -> Result<(), DialectError> {
        let place = || format!("rule {}", spec.id);
        let id = u16::try_from(self.dialect.rules.len()).map_err(|_| fault(place(), "too many"))?;
        if self.rules.insert(&spec.id, RuleId(id)).is_some() {
            return Err(fault(place(), "is there twice"));
        }
        let opens = spec.opens.as_deref().map(|name| self.context(name));
        if let (Some(opens), Some(exit)) = (opens, &spec.exit) {
            self.dialect.contexts[opens.0 as usize].exit = exit.as_str().into();
        }
        let mut rule = compile_rule(spec, opens).map_err(|why| fault(place(), why))?;
        let forms = no_forms(spec, &self.dialect.negators, &rule.variants)
            .map_err(|why| fault(place(), why))?;
        // Which negator a form was written with; `no X` itself goes with every one.
        let mut negator_of: Vec<Option<usize>> = vec![None; rule.positive];
        for form in &forms {
            if let NoForm::Line(negator, parts) = form {
                let at = self.dialect.negators.iter().position(|n| n == negator);
                for variant in pattern::variants(parts) {
                    rule.variants.push(variant);
                    negator_of.push(at);
                }
            }
        }
        rule.no = forms;
        let negators = self.dialect.negators.len();
        // `no X` and `default X` shorten in the same way.
        let plain = |at: usize| matches!(&*self.dialect.negators[at], "no" | "default");
        let plain: Vec<bool> = (0..negators).map(plain).collect();
        let both_plain = |a: usize, b: usize| plain[a] && plain[b];
        for (at, parts) in rule.variants.iter().enumerate() {
            let variant = u16::try_from(at).map_err(|_| fault(place(), "too many variants"))?;
            let hit = Hit { rule: id, variant };
            for context in contexts {
                let context = &mut self.dialect.contexts[context.0 as usize];
                if at < rule.positive {
                    context.positive.add(parts, hit);
                }
                context.negative.resize_with(negators, Tree::default);
                for (negator, tree) in context.negative.iter_mut().enumerate() {
                    if negator_of[at].is_none_or(|own| own == negator || both_plain(own, negator)) {
                        tree.add(parts, hit);
                    }
                }
            }
        }
        self.dialect.rules.push(rule);
        Ok(())
    }

    /// Resolves the rule ids of cascades, once all rules are known.
    fn cascades(&mut self) -> Result<(), DialectError> {
        let specs = self.spec.sections.iter().flat_map(|s| &s.rules);
        for (at, spec) in specs.enumerate() {
            let compiled: Result<Vec<Cascade>, String> = spec
                .wipes
                .iter()
                .map(|wipe| self.cascade(wipe, spec.inherited))
                .collect();
            let compiled = compiled.map_err(|why| fault(format!("rule {}", spec.id), why))?;
            self.dialect.rules[at].cascades = compiled;
            if let Some(base) = &spec.joins {
                let base = self.rules.get(base.as_str()).copied();
                self.dialect.rules[at].joins = Some(base.ok_or_else(|| {
                    fault(
                        format!("rule {}", spec.id),
                        "joins a rule that is not there",
                    )
                })?);
            }
        }
        Ok(())
    }

    fn cascade(&self, spec: &CascadeSpec, inherited: bool) -> Result<Cascade, String> {
        let mut rules = Vec::new();
        for wanted in &spec.rules {
            let before = rules.len();
            match wanted.strip_suffix('*') {
                Some(start) => {
                    let all = self.rules.iter().filter(|(id, _)| id.starts_with(start));
                    rules.extend(all.map(|(_, id)| *id));
                }
                None => rules.extend(self.rules.get(wanted.as_str())),
            }
            if rules.len() == before && !inherited {
                return Err(format!("wipes `{wanted}`, which is no rule"));
            }
        }
        Ok(Cascade {
            on: spec.on.iter().map(|e| event(*e)).collect(),
            rules,
            key: spec.key.as_deref().map(Into::into),
            nested: spec.nested,
        })
    }
}

fn event(spec: EventSpec) -> Event {
    match spec {
        EventSpec::Add => Event::Add,
        EventSpec::Change => Event::Change,
        EventSpec::Remove => Event::Remove,
    }
}

fn braces(spec: Option<&BraceSpec>) -> Braces {
    let Some(spec) = spec else {
        return Braces::default();
    };
    let word = |text: &str| (!text.is_empty()).then(|| text.into());
    Braces {
        paths: spec.paths,
        end: spec.end.bytes().next(),
        lists: spec.lists,
        bang: spec.bang,
        quotes: spec.quotes.bytes().collect(),
        quote: spec.quote.chars().next().unwrap_or('"'),
        set: spec.set.as_str().into(),
        delete: spec.delete.as_str().into(),
        insert: word(&spec.insert),
        deactivate: word(&spec.deactivate),
        activate: word(&spec.activate),
        wrapper: word(&spec.wrapper),
    }
}

fn models(spec: &DialectSpec) -> Result<Models, DialectError> {
    let xml = spec.xml.as_ref();
    let models = xml.map_or(Ok(Models::default()), Models::new);
    models.map_err(|why| fault("xml", why))
}

fn complete(spec: &DialectSpec) -> Result<Complete, DialectError> {
    let mut first = Vec::new();
    let Some(spec) = &spec.complete else {
        return Ok(Complete::default());
    };
    for line in &spec.first {
        first.extend(pattern::compile(line).map_err(|why| fault("complete", why))?);
    }
    Ok(Complete {
        first,
        within: spec.within,
        last: spec.last.as_str().into(),
    })
}

fn compile_rule(spec: &RuleSpec, opens: Option<ContextId>) -> Result<Rule, String> {
    let variants = pattern::compile(&spec.line)?;
    let positive = variants.len();
    let captures: Vec<Box<str>> = variants
        .iter()
        .flatten()
        .filter_map(|p| p.elem.capture().map(|(name, _)| name.into()))
        .collect();
    let known = |name: &str| {
        if captures.iter().any(|c| **c == *name) {
            Ok(())
        } else {
            Err(format!(
                "speaks of `{name}`, which its line does not capture"
            ))
        }
    };
    for name in spec
        .normalise
        .keys()
        .chain(&spec.number)
        .chain(spec.expand.keys())
    {
        known(name)?;
    }
    let uses = spec
        .uses
        .iter()
        .map(|u| naming(u))
        .collect::<Result<Vec<_>, _>>()?;
    let defines = spec.defines.as_deref().map(naming).transpose()?;
    for naming in uses.iter().chain(&defines) {
        known(&naming.capture)?;
    }
    Ok(Rule {
        id: spec.id.as_str().into(),
        slot: spec.group.as_deref().unwrap_or(&spec.id).into(),
        cardinality: cardinality(spec.slot),
        variants,
        positive,
        opens,
        no: Vec::new(),
        negative: spec.negative,
        defaults: optional(spec.default.as_deref())?,
        number: spec.number.as_deref().map(Into::into),
        implicit: spec.implicit,
        canonical: spec.canonical.as_deref().map(pattern::single).transpose()?,
        normalise: spec
            .normalise
            .iter()
            .map(|(k, v)| (k.as_str().into(), *v))
            .collect(),
        literal: spec.literal.clone(),
        body: spec.body.unwrap_or(match spec.literal {
            Some(LiteralSpec::Until(_)) => BodySpec::Trim,
            Some(LiteralSpec::Delimiter) | None => BodySpec::Text,
        }),
        expand: spec
            .expand
            .iter()
            .next()
            .map(|(c, e)| (c.as_str().into(), *e)),
        joins: None,
        ignore: spec.ignore.as_deref().map(Into::into),
        cascades: Vec::new(),
        defines,
        uses,
        risk: spec.risk,
        lockout: spec.lockout.as_deref().map(Into::into),
        weight: spec.weight,
        remove_first: spec.remove_first,
        overwrites: spec.overwrites,
        hidden: spec.hidden,
    })
}

fn optional(line: Option<&str>) -> Result<Vec<Vec<Part>>, String> {
    line.map_or(Ok(Vec::new()), pattern::compile)
}

fn cardinality(spec: SlotSpec) -> Cardinality {
    match spec {
        SlotSpec::One => Cardinality::One,
        SlotSpec::Set => Cardinality::Set,
        SlotSpec::Seq => Cardinality::Seq,
        SlotSpec::Keyed => Cardinality::Keyed,
        SlotSpec::Atomic => Cardinality::Atomic,
        SlotSpec::Literal => Cardinality::Literal,
    }
}

fn naming(text: &str) -> Result<Naming, String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words.as_slice() {
        [kind, capture] | [kind, capture, "open"] => Ok(Naming {
            kind: (*kind).into(),
            capture: (*capture).into(),
            fail_open: words.len() == 3,
        }),
        _ => Err(format!("`{text}` is not `kind capture [open]`")),
    }
}

/// A capture written without a class has that of the capture in the rule's line.
fn inherit(part: &mut Part, variants: &[Vec<Part>]) {
    let Elem::One {
        class: class @ Class::Any,
        capture: Some((name, _)),
    } = &mut part.elem
    else {
        return;
    };
    let mut all = variants.iter().flatten().map(|p| &p.elem);
    let same = all.find_map(|elem| match elem {
        Elem::One {
            class,
            capture: Some((other, _)),
        } if other == name => Some(class),
        Elem::One { .. } | Elem::Word(_) | Elem::Rest { .. } => None,
    });
    if let Some(same) = same {
        *class = same.clone();
    }
}

fn no_forms(
    spec: &RuleSpec,
    negators: &[Box<str>],
    variants: &[Vec<Part>],
) -> Result<Vec<NoForm>, String> {
    let Some(text) = &spec.no else {
        return Ok(Vec::new());
    };
    let mut out = Vec::new();
    for form in text.split(" || ") {
        match form {
            "children" => out.push(NoForm::Children),
            "impossible" => out.push(NoForm::Impossible),
            line => {
                let (negator, rest) = line.split_once(' ').unwrap_or((line, ""));
                if !negators.iter().any(|n| **n == *negator) {
                    return Err(format!("negation `{line}` does not begin with a negator"));
                }
                let mut parts = pattern::single(rest)?;
                parts.iter_mut().for_each(|part| inherit(part, variants));
                out.push(NoForm::Line(negator.into(), parts));
            }
        }
    }
    Ok(out)
}

/// Every example hits its own rule; its canonical form is stable; its negations are
/// understood as negations of it.
fn check(dialect: &Dialect, spec: &DialectSpec) -> Vec<DialectError> {
    let mut faults = Vec::new();
    for section in &spec.sections {
        for (rule, context) in section
            .rules
            .iter()
            .flat_map(|r| section.contexts.iter().map(move |c| (r, c)))
        {
            let id = dialect.contexts.iter().position(|c| *c.name == **context);
            let id = ContextId(id.and_then(|i| u16::try_from(i).ok()).unwrap_or_default());
            for example in rule.example.split(" || ") {
                if rule.inherited && taken_by_other(dialect, rule, id, example) {
                    continue;
                }
                let checked = check_example(dialect, rule, id, example);
                faults.extend(
                    checked
                        .err()
                        .map(|why| fault(format!("rule {}", rule.id), why)),
                );
            }
        }
    }
    faults
}

/// A rule of the extending dialect comes before an inherited one.
fn taken_by_other(dialect: &Dialect, rule: &RuleSpec, context: ContextId, example: &str) -> bool {
    dialect.rule_name(dialect.meaning(context, example).rule) != rule.id
}

fn check_example(
    dialect: &Dialect,
    rule: &RuleSpec,
    context: ContextId,
    example: &str,
) -> Result<(), String> {
    if example.trim().is_empty() {
        return Err("has no example".to_owned());
    }
    let meaning = dialect.meaning(context, example);
    let name = dialect.rule_name(meaning.rule);
    if name != rule.id {
        return Err(format!("example `{example}` is taken by rule {name}"));
    }
    let again = dialect.meaning(context, &meaning.canonical);
    if again.canonical != meaning.canonical || again.rule != meaning.rule {
        return Err(format!(
            "`{}` is not canonical: it becomes `{}`",
            meaning.canonical, again.canonical
        ));
    }
    for form in dialect.negations(&meaning) {
        if let Negation::Line(line) = form {
            let negation = dialect.meaning(context, &line);
            if !negation.negated || negation.slot.name != meaning.slot.name {
                let name = dialect.rule_name(negation.rule);
                return Err(format!("negation `{line}` is not understood (rule {name})"));
            }
        }
    }
    Ok(())
}

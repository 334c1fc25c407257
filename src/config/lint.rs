//! The linter of dialects: every example is typed into its block, taken back again, and
//! must be what it was in between.

use std::collections::BTreeMap;

use super::dialect::{ContextId, Dialect, Negation, Typing};
use super::document::Document;
use super::simulate::replay;
use super::spec::{DialectSpec, RuleSpec, SlotSpec};

impl Dialect {
    /// Rules whose examples do not do what they should, one sentence each.
    #[must_use]
    pub fn lint(&self, spec: &DialectSpec) -> Vec<String> {
        let ways = Ways::find(self, spec);
        let mut faults = Vec::new();
        for section in &spec.sections {
            for name in &section.contexts {
                let Some(way) = ways.to(name) else {
                    faults.push(format!("context {name}: no rule opens it"));
                    continue;
                };
                for rule in &section.rules {
                    for example in rule.example.split(" || ") {
                        if let Err(why) = self.try_out(rule, way, example) {
                            faults.push(format!("rule {}: `{example}`: {why}", rule.id));
                        }
                    }
                }
            }
        }
        faults
    }

    /// Types an example into its block and takes it back.
    fn try_out(&self, rule: &RuleSpec, way: &[String], example: &str) -> Result<(), String> {
        let literal = rule.slot == SlotSpec::Literal || rule.literal.is_some();
        let whole_file = matches!(self.typing(), Typing::File | Typing::Xml);
        if literal || rule.ignore.is_some() || rule.hidden || whole_file {
            return Ok(());
        }
        let empty = Document::parse("", self);
        let context = self.context_of(way);
        let meaning = self.meaning(context, example);
        if meaning.absent || meaning.rule == super::RuleId::GENERIC {
            return Ok(());
        }
        let typed = self.commands(way, Some(example), None);
        let there = self.run(&empty, &typed)?;
        let again = Document::parse(there.text(), self);
        if again.fingerprint() != there.fingerprint() {
            return Err("does not survive being printed and read".to_owned());
        }
        let Some(Negation::Line(negation)) = self.negations(&meaning).into_iter().next() else {
            return Ok(());
        };
        let gone = self.commands(way, None, Some(&negation));
        let back = self.run(&there, &gone)?;
        let headers = self.run(&empty, &self.commands(way, None, None))?;
        if back.fingerprint() == headers.fingerprint() || self.shows(&back, &negation) {
            return Ok(());
        }
        Err(format!("`{negation}` does not take it back"))
    }

    /// The device prints the negation as a line of its own.
    fn shows(&self, document: &Document, negation: &str) -> bool {
        document.text().lines().any(|line| line.trim() == negation)
    }

    fn context_of(&self, way: &[String]) -> ContextId {
        let headers: Vec<&str> = way.iter().map(String::as_str).collect();
        self.context(&headers)
    }

    fn run(&self, base: &Document, commands: &[String]) -> Result<Document, String> {
        let lines: Vec<&str> = commands.iter().map(String::as_str).collect();
        let replayed = replay(base, &lines, self).map_err(|e| e.to_string())?;
        Ok(replayed.document())
    }

    /// The commands that put a line into a block, or take it out.
    fn commands(&self, way: &[String], add: Option<&str>, negation: Option<&str>) -> Vec<String> {
        if let Typing::Paths(words) = self.typing() {
            let path = way.join(" ");
            let what = negation
                .and_then(|n| n.split_once(' '))
                .map(|(_, what)| what);
            let line = match (add, what) {
                (Some(add), _) => format!("{} {path} {add}", words.set),
                (None, Some(what)) => format!("{} {path} {what}", words.delete),
                (None, None) if path.is_empty() => return Vec::new(),
                (None, None) => format!("{} {path}", words.set),
            };
            return vec![line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")];
        }
        let mut lines: Vec<String> = way.to_vec();
        lines.extend(add.map(str::to_owned));
        lines.extend(negation.map(str::to_owned));
        let mut exits = Vec::new();
        for depth in (1..=way.len()).rev() {
            exits.push(self.exit_line(self.context_of(&way[..depth])).to_owned());
        }
        if let (Some(add), None) = (add, negation) {
            let inside = self.meaning(self.context_of(way), add).opens;
            lines.extend(inside.map(|context| self.exit_line(context).to_owned()));
        }
        lines.extend(exits);
        lines
    }
}

/// Header lines that lead to each context.
struct Ways(BTreeMap<String, Vec<String>>);

impl Ways {
    fn find(dialect: &Dialect, spec: &DialectSpec) -> Self {
        let mut ways = BTreeMap::from([
            ("top".to_owned(), Vec::new()),
            ("any".to_owned(), Vec::new()),
        ]);
        let mut grown = true;
        while grown {
            grown = false;
            for section in &spec.sections {
                for name in &section.contexts {
                    let Some(way) = ways.get(name).cloned() else {
                        continue;
                    };
                    for rule in &section.rules {
                        let Some(opened) = &rule.opens else { continue };
                        if ways.contains_key(opened) {
                            continue;
                        }
                        let headers: Vec<&str> = way.iter().map(String::as_str).collect();
                        let context = dialect.context(&headers);
                        let example = rule.example.split(" || ").next().unwrap_or_default();
                        let meaning = dialect.meaning(context, example);
                        if meaning.opens.is_none() {
                            continue;
                        }
                        let mut longer = way.clone();
                        longer.push(meaning.canonical);
                        ways.insert(opened.clone(), longer);
                        grown = true;
                    }
                }
            }
        }
        Self(ways)
    }

    fn to(&self, context: &str) -> Option<&[String]> {
        self.0.get(context).map(Vec::as_slice)
    }
}

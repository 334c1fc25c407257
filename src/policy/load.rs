//! Policy files -> rules, with every fault at its place.

use super::fields::find;
use super::yaml::{self, Entry, Spanned};
use super::{Rule, Select, Selector, builtin};
use crate::model::{Diagnostic, FileSet, Position, Severity};

/// The format this build reads.
const API_VERSION: &str = "netkeel.dev/v1";
/// Compiles a rule's `select.filter`.
pub type CompileFilter<'a> = &'a dyn Fn(&str) -> Result<Selector, String>;

/// Loads every pack under `policies/`. A rule with a `filter` is refused; callers that have
/// the filter language use [`load_with`].
///
/// # Errors
/// Every fault with file, line and column.
pub fn load(files: &FileSet) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    load_with(files, &|_| Err("no filter language at hand".to_owned()))
}

/// Loads every pack under `policies/`; `compile` understands `select.filter`.
///
/// # Errors
/// Every fault with file, line and column.
pub fn load_with(
    files: &FileSet,
    compile: CompileFilter<'_>,
) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let mut loader = Loader {
        compile,
        rules: Vec::new(),
        faults: Vec::new(),
    };
    for (path, bytes) in files.under("policies/") {
        if !(path.ends_with(".yaml") || path.ends_with(".yml")) {
            continue;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => loader.file(path, text),
            Err(error) => loader
                .faults
                .push(not_text(path, bytes, error.valid_up_to())),
        }
    }
    if loader.faults.is_empty() {
        Ok(loader.rules)
    } else {
        Err(loader.faults)
    }
}

fn not_text(path: &str, bytes: &[u8], valid: usize) -> Diagnostic {
    let before = &bytes[..valid];
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let at = Position {
        file: path.to_owned(),
        line: before.iter().filter(|b| **b == b'\n').count() + 1,
        column: String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1,
    };
    Diagnostic::error(Some(at), "the file is not UTF-8 text")
}

pub(super) struct Loader<'a> {
    compile: CompileFilter<'a>,
    rules: Vec<Rule>,
    pub(super) faults: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn file(&mut self, path: &str, text: &str) {
        match yaml::parse(path, text) {
            Ok(documents) => documents.iter().for_each(|d| self.pack(d)),
            Err(fault) => self.faults.push(fault),
        }
    }

    fn pack(&mut self, document: &Spanned) {
        let Some(entries) = self.map(document, "a policy pack") else {
            return;
        };
        self.refuse_unknown(
            entries,
            &["apiVersion", "kind", "metadata", "defaults", "rules"],
        );
        if !self.expect_word(document, entries, "apiVersion", API_VERSION)
            || !self.expect_word(document, entries, "kind", "PolicyPack")
        {
            return;
        }
        let name = self.metadata(document, entries);
        let severity = self.defaults(entries);
        let Some(list) = find(entries, "rules") else {
            return self.fault(&document.at, "`rules` is missing");
        };
        for item in self.list(&list.value, "`rules`").unwrap_or_default() {
            self.rule(item, &name, severity);
        }
    }

    fn expect_word(
        &mut self,
        document: &Spanned,
        entries: &[Entry],
        key: &str,
        want: &str,
    ) -> bool {
        let Some(entry) = find(entries, key) else {
            self.fault(&document.at, format!("`{key}: {want}` is missing"));
            return false;
        };
        let got = self.text(&entry.value, key).unwrap_or_default();
        if got == want {
            return true;
        }
        if !got.is_empty() {
            self.fault(
                &entry.value.at,
                format!("`{key}` must be `{want}`, not `{got}`"),
            );
        }
        false
    }

    fn metadata(&mut self, document: &Spanned, entries: &[Entry]) -> String {
        let Some(entry) = find(entries, "metadata") else {
            self.fault(&document.at, "`metadata` is missing");
            return String::new();
        };
        let Some(fields) = self.map(&entry.value, "`metadata`") else {
            return String::new();
        };
        self.refuse_unknown(fields, &["name", "version", "owner"]);
        for key in ["version", "owner"] {
            if let Some(e) = find(fields, key) {
                self.text(&e.value, key);
            }
        }
        let Some(name) = find(fields, "name") else {
            self.fault(&entry.value.at, "`metadata.name` is missing");
            return String::new();
        };
        self.text(&name.value, "name").unwrap_or_default()
    }

    fn defaults(&mut self, entries: &[Entry]) -> Severity {
        let Some(entry) = find(entries, "defaults") else {
            return Severity::default();
        };
        let Some(fields) = self.map(&entry.value, "`defaults`") else {
            return Severity::default();
        };
        self.refuse_unknown(fields, &["severity"]);
        self.severity(fields).unwrap_or_default()
    }

    fn rule(&mut self, item: &Spanned, pack: &str, severity: Severity) {
        let Some(entries) = self.map(item, "a rule") else {
            return;
        };
        self.refuse_unknown(entries, &RULE_KEYS);
        let before = self.faults.len();
        let mut warnings = Vec::new();
        let id = self.id(item, entries);
        let title = self
            .optional_text(entries, "title")
            .unwrap_or_else(|| id.clone());
        let rule = Rule {
            message: self
                .optional_text(entries, "message")
                .unwrap_or_else(|| title.clone()),
            severity: self.severity(entries).unwrap_or(severity),
            refs: self.refs(entries),
            pack: pack.to_owned(),
            at: item.at.clone(),
            select: self.select(entries),
            place: self.place(item, entries, &mut warnings),
            absent_block: self.absent_block(entries),
            require: self.matchers(entries, "require", &mut warnings),
            forbid: self.matchers(entries, "forbid", &mut warnings),
            id,
            title,
            warnings,
        };
        if rule.require.is_empty() && rule.forbid.is_empty() && self.faults.len() == before {
            self.fault(&item.at, "a rule needs `require` or `forbid`");
        }
        if self.faults.len() == before {
            self.rules.push(rule);
        }
    }

    fn id(&mut self, item: &Spanned, entries: &[Entry]) -> String {
        let Some(entry) = find(entries, "id") else {
            self.fault(&item.at, "`id` is missing");
            return String::new();
        };
        let Some(id) = self.text(&entry.value, "id") else {
            return String::new();
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !id.chars().all(good) || id.len() > 128 {
            self.fault(
                &entry.value.at,
                format!("`{id}` is not a rule id (letters, digits, `- _ .`)"),
            );
        } else if id.starts_with(builtin::PREFIX) {
            let text = format!("`{id}`: ids that begin with `netkeel-` are the built-in rules'");
            self.fault(&entry.value.at, text);
        } else if let Some(other) = self.rules.iter().find(|r| r.id == id) {
            let first = other.at.to_string();
            self.fault(
                &entry.value.at,
                format!("rule `{id}` is defined twice (first at {first})"),
            );
        }
        id
    }

    fn severity(&mut self, entries: &[Entry]) -> Option<Severity> {
        let entry = find(entries, "severity")?;
        let word = self.text(&entry.value, "severity")?;
        let found = Severity::ALL.into_iter().find(|s| s.as_str() == word);
        if found.is_none() {
            let all = Severity::ALL.map(Severity::as_str).join(", ");
            self.fault(
                &entry.value.at,
                format!("`{word}` is not a severity ({all})"),
            );
        }
        found
    }

    fn refs(&mut self, entries: &[Entry]) -> Vec<(String, String)> {
        let Some(entry) = find(entries, "refs") else {
            return Vec::new();
        };
        let mut refs = Vec::new();
        for item in self.list(&entry.value, "`refs`").unwrap_or_default() {
            for pair in self
                .map(item, "a reference (`cis: \"1.2.2\"`)")
                .unwrap_or_default()
            {
                if let Some(text) = self.text(&pair.value, &pair.key) {
                    refs.push((pair.key.clone(), text));
                }
            }
        }
        refs
    }

    fn select(&mut self, entries: &[Entry]) -> Select {
        let Some(entry) = find(entries, "select") else {
            return Select::default();
        };
        let Some(fields) = self.map(&entry.value, "`select`") else {
            return Select::default();
        };
        self.refuse_unknown(fields, &["platform", "groups", "filter"]);
        Select {
            platforms: self.words(fields, "platform"),
            groups: self.words(fields, "groups"),
            filter: self.filter(fields),
        }
    }

    fn filter(&mut self, fields: &[Entry]) -> Option<Selector> {
        let entry = find(fields, "filter")?;
        let text = self.text(&entry.value, "filter")?;
        match (self.compile)(&text) {
            Ok(selector) => Some(selector),
            Err(why) => {
                self.fault(&entry.value.at, format!("filter cannot be used: {why}"));
                None
            }
        }
    }
}

const RULE_KEYS: [&str; 11] = [
    "id",
    "title",
    "severity",
    "refs",
    "select",
    "for_each",
    "in",
    "absent_block",
    "require",
    "forbid",
    "message",
];

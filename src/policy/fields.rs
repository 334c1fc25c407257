//! Taking values out of a policy file: a wrong kind is a fault at its place.

use super::load::Loader;
use super::yaml::{Entry, Spanned, Value};
use crate::model::{Diagnostic, Position};

/// Keys of the whole rule language that this build does not evaluate.
const LATER: [&str; 9] = [
    "when",
    "count",
    "ordered",
    "assert",
    "facts",
    "join",
    "remediate",
    "tests",
    "mode",
];

impl Loader<'_> {
    pub(super) fn fault(&mut self, at: &Position, message: impl Into<String>) {
        self.faults
            .push(Diagnostic::error(Some(at.clone()), message));
    }

    pub(super) fn words(&mut self, fields: &[Entry], key: &str) -> Vec<String> {
        let Some(entry) = find(fields, key) else {
            return Vec::new();
        };
        match &entry.value.value {
            Value::List(items) => items.iter().filter_map(|i| self.text(i, key)).collect(),
            Value::Scalar(_) | Value::Map(_) => self.text(&entry.value, key).into_iter().collect(),
        }
    }

    pub(super) fn optional_text(&mut self, entries: &[Entry], key: &str) -> Option<String> {
        let entry = find(entries, key)?;
        self.text(&entry.value, key)
    }

    pub(super) fn text(&mut self, value: &Spanned, key: &str) -> Option<String> {
        if let Value::Scalar(text) = &value.value
            && !text.is_empty()
        {
            return Some(text.trim_end_matches('\n').to_owned());
        }
        let kind = value.value.kind();
        self.fault(&value.at, format!("`{key}` must be text, not {kind}"));
        None
    }

    pub(super) fn list<'v>(&mut self, value: &'v Spanned, what: &str) -> Option<&'v [Spanned]> {
        if let Value::List(items) = &value.value {
            return Some(items);
        }
        let kind = value.value.kind();
        self.fault(&value.at, format!("{what} must be a list, not {kind}"));
        None
    }

    pub(super) fn map<'v>(&mut self, value: &'v Spanned, what: &str) -> Option<&'v [Entry]> {
        if let Value::Map(entries) = &value.value {
            return Some(entries);
        }
        let kind = value.value.kind();
        self.fault(&value.at, format!("{what} must be a mapping, not {kind}"));
        None
    }

    pub(super) fn refuse_unknown(&mut self, entries: &[Entry], known: &[&str]) {
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let fault = Diagnostic::error(
                Some(entry.at.clone()),
                format!("unknown key `{}`", entry.key),
            );
            self.faults.push(if LATER.contains(&entry.key.as_str()) {
                fault.with_hint("this part of the rule language is not in this version")
            } else {
                fault.with_hint(format!("known here: {}", known.join(", ")))
            });
        }
    }
}

pub(super) fn find<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    entries.iter().find(|e| e.key == key)
}

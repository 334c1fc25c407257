//! The conditions of a rule: where it looks, and what must or must not be there.

use super::fields::find;
use super::load::Loader;
use super::pattern::{self, Pattern};
use super::yaml::{Entry, Spanned, Value};
use super::{AbsentBlock, Matcher, Place};
use crate::model::{Diagnostic, Position};

impl Loader<'_> {
    pub(super) fn place(
        &mut self,
        item: &Spanned,
        entries: &[Entry],
        warnings: &mut Vec<Diagnostic>,
    ) -> Place {
        match (find(entries, "for_each"), find(entries, "in")) {
            (Some(_), Some(_)) => {
                self.fault(&item.at, "a rule has either `for_each` or `in`, not both");
                Place::Top
            }
            (None, None) => Place::Top,
            (None, Some(entry)) => Place::In(self.path(&entry.value, "in", warnings)),
            (Some(entry), None) => {
                let fields = self.map(&entry.value, "`for_each`").unwrap_or_default();
                self.refuse_unknown(fields, &["block"]);
                let Some(block) = find(fields, "block") else {
                    self.fault(&entry.value.at, "`for_each` needs `block`");
                    return Place::Top;
                };
                Place::ForEach(self.path(&block.value, "block", warnings))
            }
        }
    }

    /// One pattern, or a list of patterns from the outermost block inwards.
    pub(super) fn path(
        &mut self,
        value: &Spanned,
        key: &str,
        warnings: &mut Vec<Diagnostic>,
    ) -> Vec<Pattern> {
        let items = match &value.value {
            Value::List(items) if items.is_empty() => {
                self.fault(&value.at, format!("`{key}` is empty"));
                return Vec::new();
            }
            Value::List(items) => items.as_slice(),
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(value),
        };
        items
            .iter()
            .filter_map(|item| self.pattern(item, key, warnings))
            .collect()
    }

    pub(super) fn absent_block(&mut self, entries: &[Entry]) -> AbsentBlock {
        let Some(entry) = find(entries, "absent_block") else {
            return AbsentBlock::default();
        };
        match self.text(&entry.value, "absent_block").as_deref() {
            Some("fail") => AbsentBlock::Fail,
            Some("pass") => AbsentBlock::Pass,
            Some("not_applicable") | None => AbsentBlock::NotApplicable,
            Some(other) => {
                let message = format!("`{other}` is not one of fail, pass, not_applicable");
                self.fault(&entry.value.at, message);
                AbsentBlock::default()
            }
        }
    }

    pub(super) fn matchers(
        &mut self,
        entries: &[Entry],
        key: &str,
        warnings: &mut Vec<Diagnostic>,
    ) -> Vec<Matcher> {
        let Some(entry) = find(entries, key) else {
            return Vec::new();
        };
        let items = self
            .list(&entry.value, &format!("`{key}`"))
            .unwrap_or_default();
        items
            .iter()
            .filter_map(|item| self.matcher(item, warnings))
            .collect()
    }

    pub(super) fn matcher(
        &mut self,
        item: &Spanned,
        warnings: &mut Vec<Diagnostic>,
    ) -> Option<Matcher> {
        let fields = self.map(item, "an entry (`line: REGEX` or `block: REGEX`)")?;
        self.refuse_unknown(fields, &["line", "block"]);
        let [field] = fields else {
            self.fault(&item.at, "an entry has either `line` or `block`");
            return None;
        };
        let pattern = self.pattern(&field.value, &field.key, warnings)?;
        Some(Matcher {
            block: field.key == "block",
            pattern,
        })
    }

    pub(super) fn pattern(
        &mut self,
        value: &Spanned,
        key: &str,
        warnings: &mut Vec<Diagnostic>,
    ) -> Option<Pattern> {
        let text = self.text(value, key)?;
        match Pattern::new(&text) {
            Ok(compiled) => {
                if !pattern::is_anchored(&text) {
                    warnings.push(unanchored(&value.at, &text));
                }
                Some(compiled)
            }
            Err(why) => {
                self.fault(&value.at, format!("`{key}`: {why}"));
                None
            }
        }
    }
}

fn unanchored(at: &Position, text: &str) -> Diagnostic {
    Diagnostic::warning(
        Some(at.clone()),
        format!("pattern `{text}` is not anchored and may match in the middle of a line"),
    )
    .with_hint("start every alternative with `^`")
}

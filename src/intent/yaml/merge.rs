//! Merge keys, and which keys are the same.

use std::collections::BTreeMap;

use super::{Node, Value};
use crate::model::{Data, Diagnostic, Position};

/// The entries a `<<` brings in: of a mapping, or of a list of them, the first of which win.
pub(super) fn merged(node: Node) -> Result<Vec<(Node, Node)>, Diagnostic> {
    let wrong = |node: &Node| {
        let message = format!(
            "`<<` needs a mapping or a list of mappings, not {}",
            node.kind()
        );
        Diagnostic::error(Some(node.at.clone()), message)
    };
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut base = Vec::new();
            for item in items.into_iter().rev() {
                let Value::Map(entries) = item.value else {
                    return Err(wrong(&item));
                };
                base = overlay(base, entries);
            }
            Ok(base)
        }
        Value::Scalar(_) => Err(wrong(&node)),
    }
}

/// `base` with the entries of `over` put on top; a key keeps the place it had first, as in
/// a Python dict.
pub(super) fn overlay(base: Vec<(Node, Node)>, over: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<(Node, Node)> = Vec::with_capacity(base.len() + over.len());
    for entry in base.into_iter().chain(over) {
        match index.get(&identity(&entry.0)) {
            Some(at) => entries[*at] = entry,
            None => {
                index.insert(identity(&entry.0), entries.len());
                entries.push(entry);
            }
        }
    }
    entries
}

pub(super) fn check_duplicates(entries: &[(Node, Node)]) -> Result<(), Diagnostic> {
    let mut seen: BTreeMap<String, &Position> = BTreeMap::new();
    for (key, _) in entries {
        if let Some(first) = seen.insert(identity(key), &key.at) {
            let message = format!(
                "the key `{}` is written twice, first in line {}",
                key.data(),
                first.line
            );
            return Err(Diagnostic::error(Some(key.at.clone()), message));
        }
    }
    Ok(())
}

/// What tells keys apart. Two keys are one if Python thinks so: `1`, `1.0` and `true` are.
pub(in crate::intent) fn identity(key: &Node) -> String {
    match &key.value {
        Value::Scalar(Data::Text(text)) => format!("t{text}"),
        Value::Scalar(Data::Bool(b)) => format!("n{}", f64::from(u8::from(*b))),
        Value::Scalar(Data::Float(x)) => format!("n{x}"),
        Value::Scalar(data) => format!("n{data}"),
        Value::List(_) | Value::Map(_) => format!("c{}", key.data()),
    }
}

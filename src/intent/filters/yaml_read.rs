//! YAML 1.1 as PyYAML reads it.

use std::collections::BTreeMap;

use minijinja::{Error, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::{Registry, fault};
use crate::intent::values::to_value;
use crate::model::Data;

/// Most values a document may have once aliases are written out.
const MOST_NODES: usize = 100_000;
/// How deep collections may nest.
const MOST_DEPTH: usize = 64;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("from_yaml", |text: &Value| -> Result<Value, Error> {
        let mut documents = read(text)?;
        match documents.len() {
            0 => Ok(Value::from(())),
            1 => Ok(documents.remove(0)),
            _ => Err(fault("from_yaml: there is more than one document")),
        }
    });
    registry.filter("from_yaml_all", |text: &Value| -> Result<Value, Error> {
        Ok(Value::from(read(text)?))
    });
}

fn read(text: &Value) -> Result<Vec<Value>, Error> {
    if text.is_none() {
        return Ok(Vec::new());
    }
    let Some(text) = text.as_str() else {
        return Err(fault(format!("from_yaml takes text, not {}", text.kind())));
    };
    let mut documents = Vec::new();
    let mut loader = Loader {
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    while let Some(event) = loader.next()? {
        if matches!(
            event,
            Event::StreamStart | Event::DocumentEnd | Event::StreamEnd
        ) {
            continue;
        }
        if matches!(event, Event::DocumentStart(_)) {
            let data = match loader.next()? {
                Some(event) => loader.node(event, 0)?,
                None => Data::Null,
            };
            let mut bad = Vec::new();
            documents.push(to_value(&data, "", &mut bad));
            if let Some(bad) = bad.first() {
                return Err(fault(format!("from_yaml: {bad}")));
            }
        }
    }
    Ok(documents)
}

struct Loader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Data>,
    nodes: usize,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<Option<Event<'a>>, Error> {
        let bad = |e: ScanError| {
            let at = e.marker();
            fault(format!(
                "from_yaml: line {}, column {}: {}",
                at.line(),
                at.col() + 1,
                e.info()
            ))
        };
        let event = self.events.next().transpose().map_err(bad)?;
        Ok(event.map(|(event, _)| event))
    }

    fn count(&mut self, more: usize) -> Result<(), Error> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(fault(format!(
                "from_yaml: the document has more than {MOST_NODES} values"
            )));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Data, Error> {
        self.count(1)?;
        if depth > MOST_DEPTH {
            return Err(fault(format!(
                "from_yaml: the document nests deeper than {MOST_DEPTH}"
            )));
        }
        let (anchor, data) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|t| t.suffix.clone());
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => {
                let data = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.count(size(&data))?;
                return Ok(data);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => (0, Data::Null),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, data.clone());
        }
        Ok(data)
    }

    fn list(&mut self, depth: usize) -> Result<Data, Error> {
        let mut items = Vec::new();
        while let Some(event) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, depth + 1)?);
        }
        Ok(Data::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Data, Error> {
        let mut entries: Vec<(Data, Data)> = Vec::new();
        let mut merged: Vec<(Data, Data)> = Vec::new();
        while let Some(event) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let merges =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let key = self.node(event, depth + 1)?;
            let value = match self.next()? {
                Some(event) => self.node(event, depth + 1)?,
                None => Data::Null,
            };
            if merges {
                merge(&mut merged, value);
            } else {
                put(&mut entries, key, value, true);
            }
        }
        // Merged keys come first, and give way to the mapping's own.
        for (key, value) in entries {
            put(&mut merged, key, value, true);
        }
        Ok(Data::Map(merged))
    }
}

fn merge(into: &mut Vec<(Data, Data)>, value: Data) {
    match value {
        Data::Map(entries) => {
            for (key, value) in entries {
                put(into, key, value, false);
            }
        }
        Data::List(maps) => {
            for map in maps {
                merge(into, map);
            }
        }
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => {}
    }
}

fn put(entries: &mut Vec<(Data, Data)>, key: Data, value: Data, replace: bool) {
    match entries.iter_mut().find(|(k, _)| *k == key) {
        Some(known) if replace => known.1 = value,
        Some(_) => {}
        None => entries.push((key, value)),
    }
}

fn size(data: &Data) -> usize {
    match data {
        Data::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Data::Map(entries) => entries.iter().map(|(_, v)| size(v) + 1).sum::<usize>() + 1,
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => 1,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Data {
    if tag == Some("str") || (tag.is_none() && style != ScalarStyle::Plain) {
        return Data::Text(text.to_owned());
    }
    match resolve(text) {
        Scalar::Text | Scalar::Special => Data::Text(text.to_owned()),
        Scalar::Null => Data::Null,
        Scalar::Bool(b) => Data::Bool(b),
        Scalar::Int(i) => Data::Int(i),
        Scalar::Float(x) => Data::Float(x),
    }
}

/// What a plain scalar means in YAML 1.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    /// Text.
    Text,
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A date, a merge key or `=`: text here, but not plain when written.
    Special,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        "<<" | "=" => return Scalar::Special,
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let (sign, body) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(f64::INFINITY * f64::from(sign));
    }
    integer(body)
        .map(|i| Scalar::Int(i * i64::from(sign)))
        .or_else(|| number(text, body).map(|x| Scalar::Float(x * f64::from(sign))))
        .unwrap_or(if is_date(text) {
            Scalar::Special
        } else {
            Scalar::Text
        })
}

fn integer(body: &str) -> Option<i64> {
    let digits = |text: &str, base: u32| {
        let clean = text.replace('_', "");
        let good = !text.is_empty() && text.chars().all(|c| c == '_' || c.is_digit(base));
        good.then(|| i64::from_str_radix(&clean, base).ok())?
    };
    if let Some(rest) = body.strip_prefix("0b") {
        return digits(rest, 2);
    }
    if let Some(rest) = body.strip_prefix("0x") {
        return digits(rest, 16);
    }
    if body == "0" {
        return Some(0);
    }
    if let Some(rest) = body.strip_prefix('0') {
        return digits(rest, 8);
    }
    if !body.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if body.contains(':') {
        return base_sixty(body)?.parse().ok();
    }
    digits(body, 10)
}

/// `1:30:00`, as YAML 1.1 has it.
fn base_sixty(body: &str) -> Option<String> {
    let mut parts = body.split(':');
    let mut total = parts.next()?.replace('_', "").parse::<i64>().ok()?;
    for part in parts {
        let good = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let value = part.parse::<i64>().ok().filter(|v| good && *v < 60)?;
        total = total.checked_mul(60)?.checked_add(value)?;
    }
    Some(total.to_string())
}

fn number(text: &str, body: &str) -> Option<f64> {
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    let starts = |s: &str| s.starts_with(|c: char| c.is_ascii_digit());
    let shape = digits(whole)
        && digits(fraction)
        && (starts(whole) || (whole.is_empty() && starts(fraction) && text == body));
    let exponent_good = exponent.is_none_or(|e| {
        let rest = e.strip_prefix(['-', '+']);
        rest.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
    });
    if !(shape && exponent_good) {
        return None;
    }
    let clean = body.replace('_', "");
    // Rust reads `1.` and `.5` as Python does.
    clean.parse().ok()
}

/// `2026-11-20`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let shape = |pattern: &str, text: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(b, p)| {
                if p == b'd' {
                    b.is_ascii_digit()
                } else {
                    b == p
                }
            })
    };
    let Some((date, rest)) = text.split_at_checked(10) else {
        return false;
    };
    if !shape("dddd-dd-dd", date) {
        return false;
    }
    let time = rest.trim_start_matches(['T', 't', ' ']);
    rest.is_empty()
        || (time.len() < rest.len() && time.get(..8).is_some_and(|t| shape("dd:dd:dd", t)))
}

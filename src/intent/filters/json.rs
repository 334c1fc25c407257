//! JSON as Python's `json` module writes and reads it.

use minijinja::Error;
use minijinja::Value;
use minijinja::value::Kwargs;

use super::{Registry, bounded, fault};
use crate::intent::values::to_data;
use crate::model::Data;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("to_json", |value: &Value, options: Kwargs| {
        write(value, &options, None, false)
    });
    registry.filter("to_nice_json", |value: &Value, options: Kwargs| {
        write(value, &options, Some(4), true)
    });
    registry.filter("from_json", from_json);
}

/// How JSON is written.
struct Style {
    indent: Option<usize>,
    sort_keys: bool,
    ascii: bool,
}

fn write(
    value: &Value,
    options: &Kwargs,
    indent: Option<usize>,
    sort_keys: bool,
) -> Result<String, Error> {
    let style = Style {
        indent: options.get::<Option<usize>>("indent")?.or(indent),
        sort_keys: options
            .get::<Option<bool>>("sort_keys")?
            .unwrap_or(sort_keys),
        ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(true),
    };
    options.assert_all_used()?;
    bounded::width("to_json", style.indent.unwrap_or(0))?;
    let mut out = String::new();
    style.value(&mut out, &to_data(value)?, 0);
    Ok(out)
}

impl Style {
    fn value(&self, out: &mut String, value: &Data, depth: usize) {
        match value {
            Data::Null => out.push_str("null"),
            Data::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Data::Int(i) => out.push_str(&i.to_string()),
            Data::Float(x) => out.push_str(&float(*x)),
            Data::Text(text) => self.text(out, text),
            Data::List(items) if items.is_empty() => out.push_str("[]"),
            Data::Map(entries) if entries.is_empty() => out.push_str("{}"),
            Data::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.separate(out, i == 0, depth + 1);
                    self.value(out, item, depth + 1);
                }
                self.line(out, depth);
                out.push(']');
            }
            Data::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(k, v)| (key(k), v)).collect();
                if self.sort_keys {
                    entries.sort_by(|a, b| a.0.cmp(&b.0));
                }
                out.push('{');
                for (i, (key, value)) in entries.into_iter().enumerate() {
                    self.separate(out, i == 0, depth + 1);
                    self.text(out, &key);
                    out.push_str(": ");
                    self.value(out, value, depth + 1);
                }
                self.line(out, depth);
                out.push('}');
            }
        }
    }

    fn separate(&self, out: &mut String, first: bool, depth: usize) {
        if !first {
            out.push(',');
            if self.indent.is_none() {
                out.push(' ');
            }
        }
        self.line(out, depth);
    }

    fn line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    }

    fn text(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                // The placeholder of a secret stays readable for what replaces it later.
                '\u{27e6}' | '\u{27e7}' => out.push(c),
                c if u32::from(c) < 0x20 || (self.ascii && !c.is_ascii()) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        let code = format!("\\u{unit:04x}");
                        out.push_str(&code);
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// A key is text; Python turns the other scalars into it.
fn key(key: &Data) -> String {
    match key {
        Data::Float(x) => float(*x),
        Data::Text(text) => text.clone(),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::List(_) | Data::Map(_) => key.to_string(),
    }
}

/// A number as Python's `repr` writes it.
pub(super) fn float(x: f64) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{x:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{x:?}")
}

fn from_json(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| fault(format!("from_json: {e}")))?;
    Ok(from_value(&value))
}

fn from_value(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => Value::from(i),
            (None, Some(u)) => Value::from(u),
            (None, None) => Value::from(n.as_f64()),
        },
        Json::String(s) => Value::from(s.as_str()),
        Json::Array(items) => items.iter().map(from_value).collect(),
        Json::Object(map) => Value::from_pairs(
            map.iter()
                .map(|(k, v)| (Value::from(k.as_str()), from_value(v))),
        ),
    }
}

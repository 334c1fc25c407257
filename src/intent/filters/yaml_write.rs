//! YAML as PyYAML writes it. (Long lines are not folded; they stay one line.)

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::json::float;
use super::yaml_read::{Scalar, resolve};
use super::{Registry, bounded, fault};
use crate::intent::values::to_data;
use crate::model::Data;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("to_yaml", |value: &Value, options: Kwargs| {
        write(value, &options, 2, None)
    });
    registry.filter("to_nice_yaml", |value: &Value, options: Kwargs| {
        write(value, &options, 4, Some(false))
    });
}

/// How YAML is written.
struct Style {
    indent: usize,
    /// Everything in one line, nothing, or only collections without collections in them.
    flow: Option<bool>,
    sort_keys: bool,
}

fn write(
    value: &Value,
    options: &Kwargs,
    indent: usize,
    flow: Option<bool>,
) -> Result<String, Error> {
    let indent = options.get::<Option<usize>>("indent")?.unwrap_or(indent);
    let style = Style {
        // PyYAML takes only these.
        indent: if (2..10).contains(&indent) { indent } else { 2 },
        flow: options.get::<Option<bool>>("default_flow_style")?.or(flow),
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(true),
    };
    // Accepted for Ansible's sake: nothing is folded here anyway.
    options.get::<Option<Value>>("width")?;
    options.assert_all_used()?;
    let data = to_data(value)?;
    let mut out = String::new();
    style.root(&mut out, &data)?;
    bounded::room("to_yaml", out.len())?;
    Ok(out)
}

fn is_scalar(data: &Data) -> bool {
    !matches!(data, Data::List(_) | Data::Map(_))
}

impl Style {
    fn root(&self, out: &mut String, data: &Data) -> Result<(), Error> {
        if is_scalar(data) {
            out.push_str(&scalar(data, 0, false));
            out.push('\n');
            return Ok(());
        }
        if self.is_flow(data) {
            self.flow(out, data)?;
            out.push('\n');
            return Ok(());
        }
        self.block(out, data, 0, false)
    }

    fn is_flow(&self, data: &Data) -> bool {
        let leaf = match data {
            Data::List(items) => items.iter().all(is_scalar),
            Data::Map(entries) => entries.iter().all(|(k, v)| is_scalar(k) && is_scalar(v)),
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => true,
        };
        let empty = match data {
            Data::List(items) => items.is_empty(),
            Data::Map(entries) => entries.is_empty(),
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => false,
        };
        empty || self.flow.unwrap_or(leaf)
    }

    fn entries<'a>(&self, entries: &'a [(Data, Data)]) -> Result<Vec<&'a (Data, Data)>, Error> {
        let mut sorted: Vec<_> = entries.iter().collect();
        if self.sort_keys {
            let texts = |e: &&(Data, Data)| matches!(e.0, Data::Text(_));
            let numbers = |e: &&(Data, Data)| matches!(e.0, Data::Int(_) | Data::Bool(_));
            if sorted.iter().all(texts) {
                sorted.sort_by(|a, b| a.0.as_text().cmp(&b.0.as_text()));
            } else if sorted.iter().all(numbers) {
                let number = |data: &Data| match data {
                    Data::Int(i) => *i,
                    Data::Bool(b) => i64::from(*b),
                    Data::Null | Data::Float(_) | Data::Text(_) | Data::List(_) | Data::Map(_) => 0,
                };
                sorted.sort_by_key(|e| number(&e.0));
            }
            // Mixed keys stay as written, as in PyYAML.
        }
        if let Some((key, _)) = sorted.iter().find(|e| !is_scalar(&e.0)) {
            return Err(fault(format!("to_yaml: {} is no key", key.kind())));
        }
        Ok(sorted)
    }

    /// One collection in one line.
    fn flow(&self, out: &mut String, data: &Data) -> Result<(), Error> {
        match data {
            Data::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    self.flow(out, item)?;
                }
                out.push(']');
            }
            Data::Map(entries) => {
                out.push('{');
                for (i, (key, value)) in self.entries(entries)?.into_iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    out.push_str(&scalar(key, 0, true));
                    out.push_str(": ");
                    self.flow(out, value)?;
                }
                out.push('}');
            }
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => {
                out.push_str(&scalar(data, 0, true));
            }
        }
        Ok(())
    }

    /// A collection over several lines. `inline`: its first line has been begun by a dash.
    fn block(
        &self,
        out: &mut String,
        data: &Data,
        column: usize,
        inline: bool,
    ) -> Result<(), Error> {
        let mut first = inline;
        let mut margin = |out: &mut String| {
            if !std::mem::take(&mut first) {
                out.push_str(&" ".repeat(column));
            }
        };
        match data {
            Data::List(items) => {
                for item in items {
                    margin(out);
                    out.push('-');
                    self.below_dash(out, item, column)?;
                }
            }
            Data::Map(entries) => {
                for (key, value) in self.entries(entries)? {
                    margin(out);
                    out.push_str(&scalar(key, 0, false));
                    out.push(':');
                    self.below_key(out, value, column)?;
                }
            }
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => {}
        }
        Ok(())
    }

    fn below_dash(&self, out: &mut String, item: &Data, column: usize) -> Result<(), Error> {
        if is_scalar(item) || self.is_flow(item) {
            return self.after(out, item, column + self.indent);
        }
        out.push_str(&" ".repeat(self.indent - 1));
        self.block(out, item, column + self.indent, true)
    }

    fn below_key(&self, out: &mut String, value: &Data, column: usize) -> Result<(), Error> {
        if is_scalar(value) || self.is_flow(value) {
            return self.after(out, value, column + self.indent);
        }
        out.push('\n');
        // PyYAML does not indent a list below its key.
        let deeper = match value {
            Data::Map(_) => self.indent,
            Data::List(_)
            | Data::Null
            | Data::Bool(_)
            | Data::Int(_)
            | Data::Float(_)
            | Data::Text(_) => 0,
        };
        self.block(out, value, column + deeper, false)
    }

    /// A value on the same line.
    fn after(&self, out: &mut String, value: &Data, column: usize) -> Result<(), Error> {
        out.push(' ');
        if is_scalar(value) {
            out.push_str(&scalar(value, column, false));
        } else {
            self.flow(out, value)?;
        }
        out.push('\n');
        Ok(())
    }
}

fn scalar(data: &Data, column: usize, flow: bool) -> String {
    match data {
        Data::Null => "null".to_owned(),
        Data::Bool(b) => b.to_string(),
        Data::Int(i) => i.to_string(),
        Data::Float(x) if x.is_nan() => ".nan".to_owned(),
        Data::Float(x) if x.is_infinite() => if *x > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        Data::Float(x) => {
            let text = float(*x);
            // PyYAML needs a point in a number with an exponent.
            match text.split_once('e') {
                Some((mantissa, exponent)) if !mantissa.contains('.') => {
                    format!("{mantissa}.0e{exponent}")
                }
                Some(_) | None => text,
            }
        }
        Data::Text(text) => quoted(text, column, flow),
        Data::List(_) | Data::Map(_) => String::new(),
    }
}

fn quoted(text: &str, column: usize, flow: bool) -> String {
    if is_plain(text, flow) {
        return text.to_owned();
    }
    let printable = |c: char| {
        c == '\n'
            || (!c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
    };
    let spaced_break = text.contains(" \n");
    if !text.chars().all(printable) || spaced_break {
        return double_quoted(text);
    }
    // Within single quotes, a line break is written as an empty line.
    let margin = " ".repeat(column);
    let mut out = String::from("'");
    let mut lines = text.split('\n').peekable();
    let mut previous_break = false;
    while let Some(line) = lines.next() {
        if previous_break {
            out.push_str(&margin);
        }
        out.push_str(&line.replace('\'', "''"));
        if lines.peek().is_some() {
            if !line.is_empty() || !previous_break {
                out.push('\n');
            }
            out.push('\n');
            previous_break = true;
        }
    }
    out.push('\'');
    tidy_margins(&out)
}

/// Blank lines carry no spaces.
fn tidy_margins(text: &str) -> String {
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| {
            if line.trim_matches(' ').is_empty() {
                ""
            } else {
                line
            }
        })
        .collect();
    lines.join("\n")
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if c.is_control() => {
                let code = format!("\\x{:02X}", u32::from(c));
                out.push_str(&code);
            }
            '\u{feff}' => out.push_str("\\uFEFF"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a text can stand without quotes and be read back as text.
fn is_plain(text: &str, flow: bool) -> bool {
    if !matches!(resolve(text), Scalar::Text) || text.is_empty() {
        return false;
    }
    let first_bad = "#,[]{}&*!|>'\"%@`";
    let mut chars = text.chars();
    let first = chars.next().unwrap_or(' ');
    let second_space = chars.next().is_none_or(char::is_whitespace);
    if first_bad.contains(first) || text.starts_with("---") || text.starts_with("...") {
        return false;
    }
    if matches!(first, '?' | ':') && (flow || second_space) || (first == '-' && second_space) {
        return false;
    }
    let edges = text.starts_with(' ') || text.ends_with(' ');
    let inside = text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #")
        || text.chars().any(|c| {
            c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        });
    let in_flow = flow && text.contains([',', '?', '[', ']', '{', '}', ':']);
    !(edges || inside || in_flow)
}

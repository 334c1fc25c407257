//! Text, truth and the like.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Error, Value};

use super::{Registry, arguments, bounded, fault};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("center", center);
    registry.filter("truncate", truncate);
    registry.filter("wordwrap", wordwrap);
    registry.filter("wordcount", |text: String| text.split_whitespace().count());
    registry.filter("comment", comment);
    registry.filter("ternary", ternary);
    registry.filter("mandatory", mandatory);
    registry.filter("bool", to_bool);
    registry.filter("type_debug", type_debug);
    registry.filter("quote", quote);
    registry.filter("basename", |path: String| {
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    registry.filter("dirname", dirname);
    registry.test("truthy", |value: &Value| value.is_true());
    registry.test("falsy", |value: &Value| !value.is_true());
    registry.test("any", |list: &Value| -> Result<bool, Error> {
        Ok(list.try_iter()?.any(|v| v.is_true()))
    });
    registry.test("all", |list: &Value| -> Result<bool, Error> {
        Ok(list.try_iter()?.all(|v| v.is_true()))
    });
    registry.test(
        "contains",
        |list: &Value, item: &Value| -> Result<bool, Error> {
            if let (Some(text), Some(part)) = (list.as_str(), item.as_str()) {
                return Ok(text.contains(part));
            }
            Ok(list.try_iter()?.any(|v| v == *item))
        },
    );
    registry.test("subset", |a: &Value, b: &Value| subset(a, b));
    registry.test("issubset", |a: &Value, b: &Value| subset(a, b));
    registry.test("superset", |a: &Value, b: &Value| subset(b, a));
    registry.test("issuperset", |a: &Value, b: &Value| subset(b, a));
    registry.test("version", version);
    registry.test("version_compare", version);
}

fn subset(a: &Value, b: &Value) -> Result<bool, Error> {
    let all: Vec<Value> = b.try_iter()?.collect();
    Ok(a.try_iter()?.all(|v| all.contains(&v)))
}

fn center(text: String, width: Option<usize>) -> Result<String, Error> {
    let width = width.unwrap_or(80);
    bounded::width("center", width)?;
    let gap = width.saturating_sub(text.chars().count());
    // Python puts the odd space on the left when the width is odd.
    let before = gap / 2 + (gap & width & 1);
    Ok(format!(
        "{}{text}{}",
        " ".repeat(before),
        " ".repeat(gap - before)
    ))
}

/// Positional or named argument.
fn option<'a, T>(given: Option<T>, options: &'a Kwargs, name: &'a str) -> Result<Option<T>, Error>
where
    T: minijinja::value::ArgType<'a, Output = T>,
{
    match given {
        Some(given) => Ok(Some(given)),
        None => options.get::<Option<T>>(name),
    }
}

fn truncate(text: String, args: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let (given, options) = arguments(args)?;
    let (length, killwords, end, leeway): (
        Option<usize>,
        Option<bool>,
        Option<String>,
        Option<usize>,
    ) = from_args(&given)?;
    let length = option(length, &options, "length")?.unwrap_or(255);
    let killwords = option(killwords, &options, "killwords")?.unwrap_or(false);
    let end = option(end, &options, "end")?.unwrap_or_else(|| "...".to_owned());
    let leeway = option(leeway, &options, "leeway")?.unwrap_or(5);
    options.assert_all_used()?;
    let tail = end.chars().count();
    if length < tail {
        return Err(fault(format!(
            "truncate: the length {length} leaves no room for `{end}`"
        )));
    }
    if text.chars().count() <= length + leeway {
        return Ok(text);
    }
    let kept: String = text.chars().take(length - tail).collect();
    let kept = if killwords {
        kept.as_str()
    } else {
        kept.rsplit_once(' ')
            .map_or(kept.as_str(), |(before, _)| before)
    };
    Ok(format!("{kept}{end}"))
}

/// Breaks lines at spaces; words longer than the width are broken too, as Jinja does.
fn wordwrap(text: String, width: Option<usize>, options: Kwargs) -> Result<String, Error> {
    let width = option(width, &options, "width")?.unwrap_or(79).max(1);
    let break_long = options
        .get::<Option<bool>>("break_long_words")?
        .unwrap_or(true);
    let between = options
        .get::<Option<String>>("wrapstring")?
        .unwrap_or_else(|| "\n".to_owned());
    options.assert_all_used()?;
    let mut lines = Vec::new();
    for line in text.lines() {
        wrap(line, width, break_long, &mut lines);
    }
    bounded::room("wordwrap", text.len() + lines.len() * between.len())?;
    Ok(lines.join(&between))
}

fn wrap(line: &str, width: usize, break_long: bool, lines: &mut Vec<String>) {
    let mut current = String::new();
    for word in line.split(' ') {
        let mut word = word;
        let gap = usize::from(!current.is_empty());
        if current.chars().count() + gap + word.chars().count() <= width {
            if gap == 1 {
                current.push(' ');
            }
            current.push_str(word);
            continue;
        }
        if !current.is_empty() {
            lines.push(std::mem::take(&mut current));
        }
        while break_long && word.chars().count() > width {
            let cut = word
                .char_indices()
                .nth(width)
                .map_or(word.len(), |(i, _)| i);
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
        }
        word.clone_into(&mut current);
    }
    lines.push(current);
}

/// Ansible's comment styles: beginning, decoration, end.
fn comment_style(name: &str) -> Result<(&'static str, &'static str, &'static str), Error> {
    Ok(match name {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        _ => {
            return Err(fault(format!(
                "comment: the style is plain, erlang, c, cblock or xml, not `{name}`"
            )));
        }
    })
}

fn comment(text: String, style: Option<&str>, options: Kwargs) -> Result<String, Error> {
    let style = option(style, &options, "style")?.unwrap_or("plain");
    let (beginning, decoration, end) = comment_style(style)?;
    let word = |name: &str, default: &str| -> Result<String, Error> {
        let given = options.get::<Option<String>>(name)?;
        Ok(given.unwrap_or_else(|| default.to_owned()))
    };
    let count = |name: &str| -> Result<usize, Error> {
        let count = options.get::<Option<usize>>(name)?.unwrap_or(1);
        bounded::width("comment", count)?;
        Ok(count)
    };
    let newline = word("newline", "\n")?;
    let decoration = word("decoration", decoration)?;
    let bare = decoration.trim_end();
    let prefix = word("prefix", bare)?;
    let postfix = word("postfix", bare)?;
    let beginning = word("beginning", beginning)?;
    let end = word("end", end)?;
    let (before, after) = (count("prefix_count")?, count("postfix_count")?);
    options.assert_all_used()?;

    let mut out = String::new();
    if !beginning.is_empty() {
        out = beginning + &newline;
    }
    if prefix == newline {
        out += &newline.repeat(before);
    } else if !prefix.is_empty() {
        out += &[prefix, newline.clone()].concat().repeat(before);
    }
    out += &decorated(&text, &decoration, &newline);
    out += &[newline.as_str(), &postfix].concat().repeat(after);
    if !end.is_empty() {
        out += &newline;
        out += &end;
    }
    Ok(out)
}

/// Every line behind its decoration; an empty one loses the spaces at its end.
fn decorated(text: &str, decoration: &str, newline: &str) -> String {
    let lines = text.split(newline);
    let lines: Vec<String> = lines.map(|line| format!("{decoration}{line}")).collect();
    lines.join(newline).replace(
        &[decoration, newline].concat(),
        &[decoration.trim_end(), newline].concat(),
    )
}

fn ternary(value: &Value, yes: Value, no: Value, none: Option<Value>) -> Value {
    match none {
        Some(none) if value.is_none() => none,
        Some(_) | None => {
            if value.is_true() {
                yes
            } else {
                no
            }
        }
    }
}

fn mandatory(value: &Value, message: Option<String>, options: Kwargs) -> Result<Value, Error> {
    let message = option(message, &options, "msg")?;
    options.assert_all_used()?;
    if value.is_undefined() {
        return Err(fault(message.unwrap_or_else(|| {
            "a mandatory variable is not defined".to_owned()
        })));
    }
    Ok(value.clone())
}

/// Ansible's `bool`: yes, on, true and 1 are true, anything else is not.
fn to_bool(value: &Value) -> Value {
    if let Some(text) = value.as_str() {
        let text = text.to_lowercase();
        return Value::from(matches!(text.as_str(), "yes" | "on" | "true" | "1"));
    }
    let number = matches!(value.kind(), ValueKind::Bool | ValueKind::Number);
    Value::from(number && *value == Value::from(1))
}

fn type_debug(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        ValueKind::Iterable => "generator",
        ValueKind::Plain | ValueKind::Invalid => "object",
        _ => "object",
    }
}

/// Quotes for a POSIX shell.
fn quote(value: &Value) -> String {
    let text = if value.is_none() {
        String::new()
    } else {
        value.to_string()
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn dirname(path: String) -> String {
    let Some(at) = path.rfind('/') else {
        return String::new();
    };
    let head = &path[..=at];
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }.to_owned()
}

/// `'15.2' is version('12', '>=')`, numbers compared as numbers.
fn version(value: &Value, other: &Value, rest: Rest<Value>) -> Result<bool, Error> {
    let operator = rest.first().map_or("==".to_owned(), ToString::to_string);
    let order = parts(&value.to_string()).cmp(&parts(&other.to_string()));
    Ok(match operator.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        other => {
            return Err(fault(format!(
                "version: the operator is one of == != < <= > >=, not `{other}`"
            )));
        }
    })
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Word(String),
    Number(u128),
}

/// Numbers and words of a version, as Python's loose versions take them apart.
fn parts(text: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let same = |c: char| {
            if digits {
                c.is_ascii_digit()
            } else {
                c.is_ascii_lowercase()
            }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let end = if end == 0 {
            rest.find(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase())
                .unwrap_or(rest.len())
        } else {
            end
        };
        let part = &rest[..end];
        rest = &rest[end..];
        if digits {
            out.push(Part::Number(part.parse().unwrap_or(u128::MAX)));
        } else if part != "." {
            out.push(Part::Word(part.to_owned()));
        }
    }
    out
}

//! Methods of Python's own types.

use minijinja::value::{Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::bounded::{joining, replacing, room, width, widths};
use super::fault;

/// Called for every method a value does not have itself.
pub(in crate::intent) fn methods(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        check(text, method, args)?;
        if let Some(result) = text_method(text, method, args) {
            return result;
        }
    }
    if matches!(value.kind(), ValueKind::Seq) && method == "index" {
        let (what,): (&Value,) = from_args(args)?;
        let at = value.try_iter()?.position(|item| item == *what);
        return at
            .map(Value::from)
            .ok_or_else(|| fault(format!("{what} is not in the list")));
    }
    unknown_method_callback(state, value, method, args)
}

/// The same caps as for the filters.
fn check(text: &str, method: &str, args: &[Value]) -> Result<(), Error> {
    match method {
        "replace" => {
            let part = |i: usize| args.get(i).and_then(Value::as_str).unwrap_or_default();
            replacing(text, part(0), part(1))
        }
        "join" => args
            .first()
            .map_or(Ok(()), |list| joining(list, text.len())),
        "format" => widths(text),
        _ => Ok(()),
    }
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "ljust" => pad(text, args, |gap| (0, gap)),
        "rjust" => pad(text, args, |gap| (gap, 0)),
        "center" => pad(text, args, |gap| centre(gap, args)),
        "zfill" => zfill(text, args),
        "removeprefix" => {
            from_args(args).map(|(p,): (&str,)| Value::from(text.strip_prefix(p).unwrap_or(text)))
        }
        "removesuffix" => {
            from_args(args).map(|(p,): (&str,)| Value::from(text.strip_suffix(p).unwrap_or(text)))
        }
        "partition" => from_args(args).map(|(p,): (&str,)| match text.split_once(p) {
            Some((before, after)) => three(before, p, after),
            None => three(text, "", ""),
        }),
        "rpartition" => from_args(args).map(|(p,): (&str,)| match text.rsplit_once(p) {
            Some((before, after)) => three(before, p, after),
            None => three("", "", text),
        }),
        "swapcase" => from_args(args).map(|()| Value::from(swapcase(text))),
        "index" => from_args(args).and_then(|(p,): (&str,)| {
            text.find(p)
                .map(|at| Value::from(text[..at].chars().count()))
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"))
        }),
        _ => return None,
    })
}

fn three(a: &str, b: &str, c: &str) -> Value {
    Value::from(Tuple::from([
        Value::from(a),
        Value::from(b),
        Value::from(c),
    ]))
}

fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn pad(
    text: &str,
    args: &[Value],
    split: impl Fn(usize) -> (usize, usize),
) -> Result<Value, Error> {
    let (columns, fill): (usize, Option<&str>) = from_args(args)?;
    width("padding", columns)?;
    let gap = columns.saturating_sub(text.chars().count());
    let (before, after) = split(gap);
    let fill = fill.unwrap_or(" ");
    room("padding", gap * fill.len())?;
    Ok(Value::from(format!(
        "{}{text}{}",
        fill.repeat(before),
        fill.repeat(after)
    )))
}

/// Python puts the odd character on the left when the width is odd.
fn centre(gap: usize, args: &[Value]) -> (usize, usize) {
    let columns = args.first().and_then(Value::as_usize).unwrap_or(0);
    let before = gap / 2 + (gap & columns & 1);
    (before, gap - before)
}

fn zfill(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (columns,): (usize,) = from_args(args)?;
    width("zfill", columns)?;
    let (sign, digits) = match text.chars().next() {
        Some(c @ ('+' | '-')) => (c.to_string(), &text[1..]),
        _ => (String::new(), text),
    };
    let gap = columns.saturating_sub(text.chars().count());
    Ok(Value::from(format!("{sign}{}{digits}", "0".repeat(gap))))
}

//! minijinja's filters that can make much out of little, with a cap on what they make: an
//! ordinary mistake gives an error that says so. (What gets past this meets the limits of
//! the process.)

use minijinja::value::{Kwargs, Rest, StringInput, ValueOrKwargs};
use minijinja::{Error, State, Value, filters};

use super::{Registry, fault};

/// Most bytes one filter may make.
pub(super) const MOST_BYTES: usize = 16 << 20;
/// Most items one filter may make.
const MOST_ITEMS: usize = 1_000_000;
/// Widest field `format`, `indent` and their like may make.
pub(super) const MOST_WIDTH: usize = 10_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("replace", replace);
    registry.filter("indent", indent);
    registry.filter("join", join);
    registry.filter("format", format);
    registry.filter("batch", batch);
    registry.filter("slice", slice);
}

/// Refuses results above the cap.
pub(super) fn room(what: &str, bytes: usize) -> Result<(), Error> {
    if bytes > MOST_BYTES {
        return Err(fault(format!(
            "{what} would make {bytes} bytes; the most is {MOST_BYTES}"
        )));
    }
    Ok(())
}

/// Refuses fields wider than a configuration can need.
pub(super) fn width(what: &str, width: usize) -> Result<(), Error> {
    if width > MOST_WIDTH {
        return Err(fault(format!(
            "{what} has a width of {width}; the most is {MOST_WIDTH}"
        )));
    }
    Ok(())
}

/// Refuses replacements that grow too much.
pub(super) fn replacing(text: &str, from: &str, to: &str) -> Result<(), Error> {
    let times = text.matches(from).count();
    room(
        "replace",
        text.len().saturating_add(times.saturating_mul(to.len())),
    )
}

fn replace(
    state: &mut State<'_, '_>,
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<Value, Error> {
    replacing(value.as_str(), from.as_str(), to.as_str())?;
    filters::replace(state, value, from, to)
}

/// Jinja's `indent`: a width in spaces or a text, before every line but the first and the
/// empty ones unless told. (minijinja's own drops the last line break.)
fn indent(
    text: String,
    by: Option<Value>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let by = match by {
        Some(by) => Some(by),
        None => options.get::<Option<Value>>("width")?,
    };
    let first = match first {
        Some(first) => first,
        None => options.get::<Option<bool>>("first")?.unwrap_or(false),
    };
    let blank = match blank {
        Some(blank) => blank,
        None => options.get::<Option<bool>>("blank")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    let by = margin(by)?;
    let lines = text.split('\n').count();
    room(
        "indent",
        text.len().saturating_add(lines.saturating_mul(by.len())),
    )?;
    let mut out = String::new();
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let wanted = if i == 0 {
            first
        } else {
            !line.is_empty() || blank
        };
        if wanted {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(out)
}

/// Spaces by number, or the text itself; four spaces when nothing is said.
fn margin(by: Option<Value>) -> Result<String, Error> {
    let Some(by) = by else {
        return Ok(" ".repeat(4));
    };
    if let Some(text) = by.as_str() {
        return Ok(text.to_owned());
    }
    let columns = usize::try_from(by)?;
    width("indent", columns)?;
    Ok(" ".repeat(columns))
}

fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let between = joiner.as_ref().map_or(0, |j| j.as_str().len());
    joining(value, between)?;
    filters::join(state, value, joiner, attribute, kwargs)
}

/// Refuses joins that grow too much.
pub(super) fn joining(value: &Value, between: usize) -> Result<(), Error> {
    let mut bytes = 0_usize;
    if let (Some(count), Ok(iter)) = (value.len(), value.try_iter()) {
        bytes = bytes.saturating_add(count.saturating_mul(between));
        for item in iter {
            bytes = bytes.saturating_add(item.as_str().map_or(8, str::len));
        }
    }
    room("join", bytes)
}

fn format(
    state: &mut State<'_, '_>,
    text: &Value,
    args: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    widths(text.as_str().unwrap_or_default())?;
    filters::format(state, text, args)
}

/// Refuses a format text with an enormous width or precision in it. `*` takes the width
/// from the arguments, where it cannot be seen.
pub(super) fn widths(text: &str) -> Result<(), Error> {
    if text.contains("%*") || text.contains(".*") {
        return Err(fault("format takes no `*` width; write the number"));
    }
    for digits in text.split(|c: char| !c.is_ascii_digit()) {
        // Many digits are a literal in the text unless a conversion precedes them; either
        // way nobody needs them.
        if digits.len() > 4 && is_width(text, digits) {
            width("format", digits.parse().unwrap_or(usize::MAX))?;
        }
    }
    Ok(())
}

fn is_width(text: &str, digits: &str) -> bool {
    text.match_indices(digits).any(|(at, _)| {
        let before =
            text[..at].trim_end_matches(['-', '+', ' ', '#', '0', '<', '>', '^', '=', '.', '_']);
        before.ends_with(['%', ':'])
    })
}

fn batch(
    state: &State<'_, '_>,
    value: Value,
    count: usize,
    fill: Option<Value>,
) -> Result<Value, Error> {
    many("batch", count)?;
    filters::batch(state, value, count, fill)
}

fn slice(
    state: &State<'_, '_>,
    value: Value,
    count: usize,
    fill: Option<Value>,
) -> Result<Value, Error> {
    many("slice", count)?;
    filters::slice(state, value, count, fill)
}

fn many(what: &str, count: usize) -> Result<(), Error> {
    if count > MOST_ITEMS {
        return Err(fault(format!(
            "{what} would make {count} lists; the most is {MOST_ITEMS}"
        )));
    }
    Ok(())
}

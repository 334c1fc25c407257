//! What a plain scalar means: exactly what Nornir's loader (ruamel.yaml, YAML 1.2) makes of it.
//!
//! `yes` and `on` are text, `0o17` is octal, `017` is seventeen, `1_000` is a thousand,
//! `1:30` is text. Two things Python has and [`Data`] has not are kept as text: dates, and
//! whole numbers beyond 64 bits.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::Data;

/// The float forms of ruamel's YAML 1.2 resolver.
static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
    .expect("a constant expression")
});

/// The whole-number forms of ruamel's YAML 1.2 resolver.
static INT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9][0-9_]*|[-+][0-9_]+|[-+]?0x[0-9a-fA-F_]+)$",
    )
    .expect("a constant expression")
});

/// The date and date-time forms.
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9][0-9])?))?)$",
    )
    .expect("a constant expression")
});

/// A scalar's value, and what a reader should know about it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resolved {
    /// The value.
    pub(super) data: Data,
    /// Said to the author where Nornir's value is of another type.
    pub(super) note: Option<String>,
}

impl Resolved {
    fn of(data: Data) -> Self {
        Self { data, note: None }
    }
}

/// The meaning of a plain (unquoted, untagged) scalar.
///
/// # Errors
/// For the few forms that look like a value and are none (`=`, `+_`, `._`), on which
/// Nornir's loader fails too.
pub(super) fn plain(text: &str) -> Result<Resolved, String> {
    if let Some(data) = word(text) {
        return Ok(Resolved::of(data));
    }
    if FLOAT.is_match(text) {
        return float(text).map(Resolved::of);
    }
    if INT.is_match(text) {
        return int(text);
    }
    if matches!(text, "=" | "<<") {
        return Err(format!("`{text}` has a special meaning in YAML; quote it"));
    }
    let note = (TIMESTAMP.is_match(text) && text.len() > 10)
        .then(|| format!("`{text}` is a date and time to Nornir; here it stays text"));
    Ok(Resolved {
        data: Data::Text(text.to_owned()),
        note,
    })
}

fn word(text: &str) -> Option<Data> {
    match text {
        "true" | "True" | "TRUE" => Some(Data::Bool(true)),
        "false" | "False" | "FALSE" => Some(Data::Bool(false)),
        "" | "~" | "null" | "Null" | "NULL" => Some(Data::Null),
        _ => None,
    }
}

/// The meaning of a scalar under an explicit core tag (`!!int`); `None` for a tag that is
/// not supported.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Result<Resolved, String>> {
    Some(match tag {
        "str" | "timestamp" => Ok(Resolved::of(Data::Text(text.to_owned()))),
        "int" => int(text),
        "float" => float(text).map(Resolved::of),
        "null" => Ok(Resolved::of(Data::Null)),
        "bool" => match text.to_lowercase().as_str() {
            "y" | "yes" | "true" | "on" => Ok(Resolved::of(Data::Bool(true))),
            "n" | "no" | "false" | "off" => Ok(Resolved::of(Data::Bool(false))),
            _ => Err(format!("`{text}` is not a boolean")),
        },
        _ => return None,
    })
}

fn float(text: &str) -> Result<Data, String> {
    let plain = text.replace('_', "").to_lowercase();
    let value = match plain.trim_start_matches(['+', '-']) {
        ".inf" if plain.starts_with('-') => Some(f64::NEG_INFINITY),
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        _ => plain.parse().ok(),
    };
    value
        .map(Data::Float)
        .ok_or_else(|| format!("`{text}` is not a number; quote it if it is text"))
}

fn int(text: &str) -> Result<Resolved, String> {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0x") => (16, &digits[2..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(format!(
            "`{text}` is not a whole number; quote it if it is text"
        ));
    }
    let sign = if negative { "-" } else { "" };
    if let Ok(value) = i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        return Ok(Resolved::of(Data::Int(value)));
    }
    let trimmed = digits.trim_start_matches('0');
    let shown = if radix == 10 {
        trimmed.to_owned()
    } else {
        u128::from_str_radix(trimmed, radix)
            .map_err(|_| format!("`{text}` is too large a number; quote it"))?
            .to_string()
    };
    Ok(Resolved {
        data: Data::Text(format!("{sign}{shown}")),
        note: Some(format!(
            "`{text}` does not fit in 64 bits; it is kept as text"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Data {
        plain(text).expect("a value").data
    }

    #[test]
    fn words() {
        assert_eq!(value("true"), Data::Bool(true));
        assert_eq!(value("FALSE"), Data::Bool(false));
        for null in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(value(null), Data::Null, "{null}");
        }
        for text in ["yes", "on", "off", "no", "tRUE", "nULL", "y"] {
            assert_eq!(value(text), Data::Text(text.into()), "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, number) in [
            ("0o17", 15),
            ("017", 17),
            ("08", 8),
            ("0b11", 3),
            ("-0x1f", -31),
            ("1_000", 1000),
            ("+5", 5),
            ("-0", 0),
            ("0_", 0),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(value(text), Data::Int(number), "{text}");
        }
        let big = plain("00099999999999999999999").expect("kept");
        assert_eq!(big.data, Data::Text("99999999999999999999".into()));
        assert!(big.note.is_some());
    }

    #[test]
    fn fractions() {
        assert_eq!(value("1."), Data::Float(1.0));
        assert_eq!(value(".5"), Data::Float(0.5));
        assert_eq!(value("1e3"), Data::Float(1000.0));
        assert_eq!(value("1_0.5"), Data::Float(10.5));
        assert_eq!(value("-.inf"), Data::Float(f64::NEG_INFINITY));
        assert!(matches!(value(".NaN"), Data::Float(x) if x.is_nan()));
        assert_eq!(value("-.5e3"), Data::Text("-.5e3".into()));
        assert_eq!(value("1.5.2"), Data::Text("1.5.2".into()));
    }

    #[test]
    fn text_that_looks_like_something() {
        for text in [
            "1:30",
            "65000:100",
            "10.0.0.1",
            "0o",
            "0O17",
            "_1",
            "2024-01-02",
        ] {
            assert_eq!(plain(text).map(|r| r.note), Ok(None), "{text}");
            assert_eq!(value(text), Data::Text(text.into()), "{text}");
        }
        let moment = plain("2001-12-14t21:59:43.10-05:00").expect("text");
        assert!(moment.note.is_some_and(|n| n.contains("date and time")));
    }

    #[test]
    fn refused_forms() {
        for text in ["=", "<<", "+_", "._", "0x_"] {
            assert!(plain(text).is_err(), "{text}");
        }
        assert!(matches!(tagged("int", "abc"), Some(Err(_))));
        assert!(tagged("binary", "aGk=").is_none());
    }
}

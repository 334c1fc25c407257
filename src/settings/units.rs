//! Durations (`15m`, `1h30m`) and sizes (`8MiB`) as people write them.

use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// Reads `30s`, `15m`, `1h30m`, `250ms`, `2d`. A number without a unit is refused: nobody
/// can tell whether it meant seconds or minutes.
///
/// # Errors
/// Says what is wrong and shows a right one.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration; write it as `30s`, `15m` or `1h30m`");
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len()
            - tail
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let (unit, next) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(bad)?;
        total = number
            .checked_mul(*scale)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(bad)?;
        rest = next;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration the way [`parse_duration`] reads it, largest unit first.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, scale) in UNITS.iter().rev() {
        let count = left / scale;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            left %= scale;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// Reads `8MiB`, `64KiB`, `1GiB`, `512B` or a plain number of bytes.
///
/// # Errors
/// Says what is wrong and shows a right one.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let bad =
        || format!("`{text}` is not a size; write it as `8MiB`, `64KiB` or a number of bytes");
    let text = text.trim();
    let (number, scale) = SIZES
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|n| (n.trim_end(), *scale)))
        .unwrap_or((text, 1));
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(scale).ok_or_else(bad)
}

/// Writes a size the way [`parse_bytes`] reads it.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    SIZES
        .iter()
        .find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale))
        .map_or_else(
            || format!("{bytes}B"),
            |(unit, scale)| format!("{}{unit}", bytes / scale),
        )
}

/// A duration as a file writes it. Parsed inside the visitor, so that the error has the
/// line and column of the value.
struct Written(Duration);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Written;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration such as `15m`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Written, E> {
                parse_duration(text).map(Written).map_err(E::custom)
            }
        }
        from.deserialize_str(Visitor)
    }
}

/// For durations.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Ok(Written::deserialize(from)?.0)
}

/// For durations that cannot be nothing.
pub(super) fn some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Duration;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a duration such as `15m`")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
            let duration = parse_duration(text).map_err(E::custom)?;
            if duration.is_zero() {
                return Err(E::custom("must be longer than nothing"));
            }
            Ok(duration)
        }
    }
    from.deserialize_str(Visitor)
}

/// For numbers that count something there must be one of.
pub(super) fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = usize;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number of at least 1")
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<usize, E> {
            match usize::try_from(number) {
                Ok(number) if number > 0 => Ok(number),
                Ok(_) | Err(_) => Err(E::custom("must be at least 1")),
            }
        }
    }
    from.deserialize_u64(Visitor)
}

/// For optional durations.
pub(super) fn optional_duration<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<Written>::deserialize(from)?.map(|written| written.0))
}

/// For sizes: text with a unit, or a number of bytes.
pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = u64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a size such as `8MiB`")
        }
        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u64, E> {
            parse_bytes(text).map_err(E::custom)
        }
    }
    from.deserialize_any(Visitor)
}

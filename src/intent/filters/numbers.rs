//! Numbers.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value, filters};

use super::{Registry, fault};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("int", int);
    registry.filter("float", float);
    registry.filter("log", log);
    registry.filter("pow", |x: f64, y: f64| x.powf(y));
    registry.filter("root", root);
    registry.filter("human_readable", human_readable);
}

/// Jinja's `int`: what is no number is the default, 0 unless given.
fn int(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    let default = match default {
        Some(default) => default,
        None => options
            .get::<Option<Value>>("default")?
            .unwrap_or_else(|| Value::from(0)),
    };
    let trimmed = value.as_str().map(|text| Value::from(text.trim()));
    let value = trimmed.as_ref().unwrap_or(value);
    if unusable(value) {
        return Ok(default);
    }
    filters::int(state, value, Some(default), base, options)
}

/// Jinja's `float`: what is no number is the default, 0.0 unless given.
fn float(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let default = match default {
        Some(default) => default,
        None => options
            .get::<Option<Value>>("default")?
            .unwrap_or_else(|| Value::from(0.0)),
    };
    let trimmed = value.as_str().map(|text| Value::from(text.trim()));
    let value = trimmed.as_ref().unwrap_or(value);
    if unusable(value) {
        return Ok(default);
    }
    filters::float(state, value, Some(default), options)
}

fn unusable(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::None | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
    )
}

fn log(x: f64, base: Option<f64>) -> Result<f64, Error> {
    if x <= 0.0 {
        return Err(fault("log takes numbers above zero"));
    }
    Ok(match base {
        None => x.ln(),
        Some(10.0) => x.log10(),
        Some(base) => x.ln() / base.ln(),
    })
}

fn root(x: f64, base: Option<f64>) -> Result<f64, Error> {
    if x < 0.0 {
        return Err(fault("root takes numbers from zero up"));
    }
    Ok(match base {
        None | Some(2.0) => x.sqrt(),
        Some(base) => x.powf(1.0 / base),
    })
}

/// A size in bytes or bits with two digits and a prefix of 1024.
fn human_readable(size: f64, isbits: Option<bool>, options: Kwargs) -> Result<String, Error> {
    const PREFIXES: [(&str, f64); 9] = [
        ("Y", 1_208_925_819_614_629_174_706_176.0),
        ("Z", 1_180_591_620_717_411_303_424.0),
        ("E", 1_152_921_504_606_846_976.0),
        ("P", 1_125_899_906_842_624.0),
        ("T", 1_099_511_627_776.0),
        ("G", 1_073_741_824.0),
        ("M", 1_048_576.0),
        ("K", 1024.0),
        ("", 1.0),
    ];
    let bits = match isbits {
        Some(bits) => bits,
        None => options.get::<Option<bool>>("isbits")?.unwrap_or(false),
    };
    let wanted = options.get::<Option<&str>>("unit")?.map(str::to_uppercase);
    options.assert_all_used()?;
    let fits = |(prefix, limit): &&(&str, f64)| match &wanted {
        None => size >= *limit,
        Some(unit) => unit.starts_with(prefix) && (!prefix.is_empty() || unit == "B"),
    };
    let (prefix, limit) = PREFIXES.iter().find(fits).copied().unwrap_or(("", 1.0));
    let word = match (prefix, bits) {
        ("", true) => "bits",
        ("", false) => "Bytes",
        (_, true) => "b",
        (_, false) => "B",
    };
    Ok(format!("{:.2} {prefix}{word}", size / limit))
}

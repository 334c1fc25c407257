//! Hardware addresses, Ansible's and netutils' way.

use minijinja::{Error, Value};

use super::{Registry, fault};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("hwaddr", hwaddr);
    registry.filter("macaddr", hwaddr);
    registry.filter("is_valid_mac", |mac: &Value| {
        normal(&mac.to_string()).is_some()
    });
    registry.test("valid_mac", |mac: &Value| {
        normal(&mac.to_string()).is_some()
    });
    registry.filter("mac_to_format", mac_to_format);
    registry.filter("mac_to_int", |mac: &Value| -> Result<u64, Error> {
        let digits = valid(mac)?;
        u64::from_str_radix(&digits, 16).map_err(|_| fault("mac_to_int: too long"))
    });
    registry.filter("mac_normalize", |mac: &Value| valid(mac));
}

/// The 48 bits of an address in any usual form.
pub(super) fn parse(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split([':', '-', '.']).collect();
    let widths = match parts.len() {
        1 => 12,
        2 => 6,
        3 => 4,
        6 => 2,
        _ => return None,
    };
    let good = |part: &&str| {
        let full = parts.len() == 1;
        let length = if full {
            part.len() == widths
        } else {
            (1..=widths).contains(&part.len())
        };
        length && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    if !parts.iter().all(good) {
        return None;
    }
    let padded: Vec<String> = parts
        .iter()
        .map(|part| format!("{part:0>widths$}"))
        .collect();
    u64::from_str_radix(&padded.concat(), 16).ok()
}

fn hwaddr(value: &Value, query: Option<&str>) -> Result<Value, Error> {
    let text = value.to_string();
    let query = query.unwrap_or_default();
    let Some(mac) = parse(&text) else {
        return match query {
            "" => Ok(Value::from(())),
            "bool" => Ok(Value::from(())),
            _ => Err(fault(format!("hwaddr: `{text}` is no hardware address"))),
        };
    };
    let digits = format!("{mac:012x}");
    let upper = digits.to_uppercase();
    Ok(match query {
        "" => value.clone(),
        "bool" => Value::from(true),
        "bare" => Value::from(upper),
        "int" => Value::from(mac),
        "cisco" => Value::from(grouped(&digits, 4, ".")),
        "eui48" | "win" => Value::from(grouped(&upper, 2, "-")),
        "linux" => Value::from(grouped(&digits, 2, ":")),
        "unix" => {
            let bytes: Vec<String> = (0..6)
                .map(|i| {
                    let byte = (mac >> (40 - 8 * i)) & 0xff;
                    format!("{byte:x}")
                })
                .collect();
            Value::from(bytes.join(":"))
        }
        "pgsql" | "postgresql" | "psql" => Value::from(grouped(&digits, 6, ":")),
        other => return Err(fault(format!("hwaddr: unknown query `{other}`"))),
    })
}

fn grouped(digits: &str, width: usize, between: &str) -> String {
    let groups: Vec<&str> = (0..digits.len())
        .step_by(width)
        .map(|at| &digits[at..(at + width).min(digits.len())])
        .collect();
    groups.join(between)
}

/// netutils' normal form: twelve digits, in the case they were written.
fn normal(text: &str) -> Option<String> {
    let between = text.chars().find(|c| matches!(c, ':' | '-' | '.'));
    let digits: String = text.chars().filter(|c| Some(*c) != between).collect();
    let good = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let regular = |width| between.is_some_and(|c| grouped(&digits, width, &c.to_string()) == text);
    let good = good && (between.is_none() || regular(2) || regular(4));
    good.then_some(digits)
}

fn valid(mac: &Value) -> Result<String, Error> {
    let text = mac.to_string();
    normal(&text).ok_or_else(|| fault(format!("`{text}` is no MAC address")))
}

fn mac_to_format(mac: &Value, format: Option<&str>) -> Result<String, Error> {
    let digits = valid(mac)?;
    let format = format.unwrap_or("MAC_NO_SPECIAL");
    let (between, count) = match format {
        "MAC_COLON_TWO" => (":", 2),
        "MAC_COLON_FOUR" => (":", 4),
        "MAC_DASH_TWO" => ("-", 2),
        "MAC_DASH_FOUR" => ("-", 4),
        "MAC_DOT_TWO" => (".", 2),
        "MAC_DOT_FOUR" => (".", 4),
        "MAC_NO_SPECIAL" => ("", 12),
        other => {
            return Err(fault(format!(
                "mac_to_format: unknown format `{other}`; there are MAC_COLON_TWO, MAC_COLON_FOUR, MAC_DASH_TWO, MAC_DASH_FOUR, MAC_DOT_TWO, MAC_DOT_FOUR, MAC_NO_SPECIAL"
            )));
        }
    };
    Ok(grouped(&digits, count, between))
}

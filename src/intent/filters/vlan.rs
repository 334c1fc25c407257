//! Lists of VLANs, as Cisco-like devices write them.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::{Registry, fault, items};

/// The largest VLAN number.
const LAST_VLAN: u32 = 4094;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("vlanlist_to_config", |list: &Value, options: Kwargs| {
        to_config("vlanlist_to_config", list, &options)
    });
    registry.filter("vlan_parser", |list: &Value, options: Kwargs| {
        to_config("vlan_parser", list, &options)
    });
    registry.filter("vlanconfig_to_list", |text: &str| to_list(text));
    registry.filter("vlan_expander", |text: &str| to_list(text));
}

fn to_config(filter: &str, list: &Value, options: &Kwargs) -> Result<Vec<String>, Error> {
    let size = |name: &str, default: usize| -> Result<usize, Error> {
        Ok(options.get::<Option<usize>>(name)?.unwrap_or(default))
    };
    let first_line = size("first_line_len", 48)?;
    let other_line = size("other_line_len", 44)?;
    let grouping = size("min_grouping_size", 3)?;
    let return_empty = options
        .get::<Option<bool>>("return_empty")?
        .unwrap_or(false);
    options.assert_all_used()?;
    let mut vlans = Vec::new();
    for item in items(filter, list)? {
        let number = item.as_i64().and_then(|n| u32::try_from(n).ok());
        let number = number.filter(|n| (1..=LAST_VLAN).contains(n));
        vlans.push(
            number.ok_or_else(|| {
                fault(format!("{filter}: `{item}` is no VLAN (1 to {LAST_VLAN})"))
            })?,
        );
    }
    if vlans.is_empty() {
        return if return_empty {
            Ok(Vec::new())
        } else {
            Err(fault(format!("{filter}: the list is empty")))
        };
    }
    if grouping < 1 {
        return Err(fault(format!("{filter}: min_grouping_size is at least 1")));
    }
    vlans.sort_unstable();
    vlans.dedup();
    lines(filter, &words(&vlans, grouping), first_line, other_line)
}

/// Ranges where enough VLANs follow each other, numbers otherwise.
fn words(vlans: &[u32], grouping: usize) -> Vec<String> {
    let mut out = Vec::new();
    for run in vlans.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, .., last] if grouping > 1 && run.len() >= grouping => {
                out.push(format!("{first}-{last}"));
            }
            _ => out.extend(run.iter().map(u32::to_string)),
        }
    }
    out
}

/// Lines no longer than asked.
fn lines(
    filter: &str,
    words: &[String],
    first_line: usize,
    other_line: usize,
) -> Result<Vec<String>, Error> {
    let mut out: Vec<String> = Vec::new();
    for word in words {
        let limit = if out.len() <= 1 {
            first_line
        } else {
            other_line
        };
        match out.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= limit => {
                line.push(',');
                line.push_str(word);
            }
            Some(_) | None => out.push(word.clone()),
        }
    }
    let whole = out.len() == 1;
    if !whole
        && out
            .iter()
            .any(|line| line.len() > first_line.max(other_line))
    {
        return Err(fault(format!(
            "{filter}: the lines are too short for one VLAN"
        )));
    }
    Ok(out)
}

/// `switchport trunk allowed vlan 1-3,5` as numbers. The text before the numbers is passed
/// over.
fn to_list(text: &str) -> Result<Vec<u32>, Error> {
    let start = text
        .find(|c: char| c.is_ascii_digit())
        .ok_or_else(|| fault(format!("there is no VLAN in `{text}`")))?;
    let mut vlans = Vec::new();
    for part in text[start..].split(',') {
        let part = part.trim();
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |t: &str| {
            let n = t.trim().parse::<u32>().ok();
            n.filter(|n| *n <= LAST_VLAN)
                .ok_or_else(|| fault(format!("`{t}` in `{text}` is no VLAN (1 to {LAST_VLAN})")))
        };
        vlans.extend(number(from)?..=number(to)?);
    }
    vlans.sort_unstable();
    vlans.dedup();
    Ok(vlans)
}

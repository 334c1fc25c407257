//! Interface names: canonical and short forms, ranges, order.

use minijinja::value::{Kwargs, Tuple};
use minijinja::{Error, Value};

use super::{Registry, fault, items};

/// A kind of interface: full name, short form, and what people write. (The names netutils
/// knows; exact matches only, since `Po` and `PO` differ.)
type Known = (&'static str, Option<&'static str>, &'static [&'static str]);

const KNOWN: &[Known] = &[
    ("AppGigabitEthernet", Some("Ap"), &["Ap", "ap"]),
    ("ATM", Some("At"), &["ATM", "AT"]),
    ("Bdi", None, &["B", "Bd", "Bdi"]),
    ("BVI", Some("Bv"), &["Bv", "Bvi"]),
    (
        "Port-channel",
        Some("Po"),
        &[
            "Bridge-Aggregation",
            "PortChannel",
            "Port-channel",
            "Port-Channel",
            "port-channel",
            "po",
            "Po",
        ],
    ),
    ("Dialer", Some("Di"), &["Dialer", "Di"]),
    ("EOBC", Some("EO"), &["EOBC", "EO"]),
    (
        "Ethernet",
        Some("Et"),
        &["Ethernet", "Eth", "eth", "Et", "et"],
    ),
    (
        "FastEthernet",
        Some("Fa"),
        &[
            "FastEthernet",
            "FastEth",
            "FastE",
            "Fast",
            "Fas",
            "FE",
            "Fa",
            "fa",
        ],
    ),
    ("Fddi", Some("FD"), &["Fddi", "FD"]),
    (
        "FortyGigabitEthernet",
        Some("Fo"),
        &[
            "FortyGigabitEthernet",
            "FortyGigEthernet",
            "FortyGigEth",
            "FortyGigE",
            "FortyGig",
            "FGE",
            "FO",
            "Fo",
        ],
    ),
    (
        "FiftyGigabitEthernet",
        None,
        &[
            "FiftyGigabitEthernet",
            "FiftyGigEthernet",
            "FiftyGigEth",
            "FiftyGigE",
            "FI",
            "Fi",
            "fi",
        ],
    ),
    (
        "GigabitEthernet",
        Some("Gi"),
        &[
            "GigabitEthernet",
            "GigEthernet",
            "GigEth",
            "GigE",
            "Gig",
            "GE",
            "Ge",
            "ge",
            "Gi",
            "gi",
        ],
    ),
    (
        "HundredGigabitEthernet",
        Some("Hu"),
        &[
            "HundredGigabitEthernet",
            "HundredGigEthernet",
            "HundredGigEth",
            "HundredGigE",
            "HundredGig",
            "Hu",
        ],
    ),
    (
        "TwentyFiveGigE",
        Some("Twe"),
        &[
            "TwentyFiveGigabitEthernet",
            "TwentyFiveGigEthernet",
            "TwentyFiveGigEth",
            "TwentyFiveGigE",
            "TwentyFiveGig",
            "TF",
            "Tf",
            "tf",
            "Twe",
        ],
    ),
    (
        "TwoHundredGigabitEthernet",
        None,
        &[
            "TwoHundredGigabitEthernet",
            "TwoHundredGigEthernet",
            "TwoHundredGigEth",
            "TwoHundredGigE",
            "TwoHundredGig",
            "TH",
            "Th",
            "th",
        ],
    ),
    (
        "FourHundredGigabitEthernet",
        Some("FH"),
        &[
            "FourHundredGigabitEthernet",
            "FourHundredGigEthernet",
            "FourHundredGigEth",
            "FourHundredGigE",
            "FourHundredGig",
            "F",
            "f",
        ],
    ),
    (
        "Loopback",
        Some("Lo"),
        &["Loopback", "loopback", "Lo", "lo"],
    ),
    (
        "Management",
        Some("Ma"),
        &["Management", "Mgmt", "mgmt", "Ma"],
    ),
    ("MFR", Some("MFR"), &["MFR"]),
    ("Multilink", Some("Mu"), &["Multilink", "Mu"]),
    ("nve", None, &["n", "nv", "nve"]),
    ("POS", Some("PO"), &["POS", "PO"]),
    ("Serial", Some("Se"), &["Serial", "Se", "S"]),
    ("Sync", Some("Sy"), &["Sync", "Sy"]),
    (
        "TenGigabitEthernet",
        Some("Te"),
        &[
            "Ten-GigabitEthernet",
            "TenGigabitEthernet",
            "TenGigEthernet",
            "TenGigEth",
            "TenGigE",
            "TenGig",
            "TeGig",
            "Ten",
            "T",
            "Te",
            "te",
            "XGE",
        ],
    ),
    ("Tunnel", Some("Tu"), &["Tunnel", "Tun", "Tu"]),
    ("TwoGigabitEthernet", Some("Tw"), &["Tw", "Two"]),
    ("Virtual-Access", Some("Vi"), &["Virtual-Access", "Vi"]),
    ("Virtual-Template", Some("Vt"), &["Virtual-Template", "Vt"]),
    (
        "VLAN",
        Some("Vl"),
        &["VLAN", "V", "Vl", "Vlan-interface", "vlan"],
    ),
    (
        "Wlan-GigabitEthernet",
        Some("Wl-Gi"),
        &["Wlan-GigabitEthernet"],
    ),
];

/// Most interfaces one range may stand for.
const MOST_INTERFACES: usize = 100_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("canonical_interface_name", |name: &str, options: Kwargs| {
        named(name, &options, canonical)
    });
    registry.filter(
        "abbreviated_interface_name",
        |name: &str, options: Kwargs| named(name, &options, abbreviated),
    );
    registry.filter("canonical_interface_name_list", |list: &Value| {
        each(list, |name| {
            canonical(name).unwrap_or_else(|| name.to_owned())
        })
    });
    registry.filter("abbreviated_interface_name_list", |list: &Value| {
        each(list, |name| {
            abbreviated(name).unwrap_or_else(|| name.to_owned())
        })
    });
    registry.filter("split_interface", |name: &str| {
        let (head, tail) = split(name);
        Value::from(Tuple::from([Value::from(head), Value::from(tail)]))
    });
    registry.filter("interface_range_expansion", |pattern: &str| expand(pattern));
    registry.filter("interface_range_compress", compress);
    registry.filter("sort_interface_list", sort);
}

/// The name and where it is: `GigabitEthernet`, `1/0/1`.
fn split(name: &str) -> (&str, &str) {
    let is_place = |c: char| c.is_ascii_digit() || "/\\.: ".contains(c);
    let head = name.trim_end_matches(is_place);
    (head, name[head.len()..].trim_start())
}

fn named(name: &str, options: &Kwargs, form: fn(&str) -> Option<String>) -> Result<String, Error> {
    let verify = options.get::<Option<bool>>("verify")?.unwrap_or(false);
    options.assert_all_used()?;
    match form(name) {
        Some(name) => Ok(name),
        None if verify => Err(fault(format!("`{name}` is no known interface name"))),
        None => Ok(name.to_owned()),
    }
}

fn each(list: &Value, form: impl Fn(&str) -> String) -> Result<Value, Error> {
    let names = items("interface list", list)?;
    Ok(names
        .iter()
        .map(|name| Value::from(form(name.as_str().unwrap_or_default())))
        .collect())
}

fn canonical(name: &str) -> Option<String> {
    let (head, tail) = split(name);
    let known = KNOWN.iter().find(|(_, _, names)| names.contains(&head))?;
    Some(format!("{}{tail}", known.0))
}

fn abbreviated(name: &str) -> Option<String> {
    let (head, tail) = split(name);
    let known = KNOWN
        .iter()
        .find(|(_, _, names)| names.contains(&head))
        .or_else(|| KNOWN.iter().find(|(full, _, _)| *full == head))?;
    Some(format!("{}{tail}", known.1?))
}

/// `Gi1/0/[1-3,7]` and what follows it, for every number.
fn expand(pattern: &str) -> Result<Vec<String>, Error> {
    let Some((before, rest)) = pattern.split_once('[') else {
        return Ok(vec![pattern.to_owned()]);
    };
    let bad = || {
        fault(format!(
            "interface_range_expansion: `{pattern}` is no pattern like `Gi1/0/[1-4,7]`"
        ))
    };
    let (inside, after) = rest.split_once(']').ok_or_else(bad)?;
    let tails = expand(after)?;
    let mut out = Vec::new();
    for part in inside.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| bad());
        let (from, to) = (number(from)?, number(to)?);
        let count = (to + 1).saturating_sub(from).saturating_mul(tails.len());
        if count.saturating_add(out.len()) > MOST_INTERFACES {
            return Err(fault(format!(
                "interface_range_expansion: `{pattern}` stands for more than {MOST_INTERFACES} interfaces"
            )));
        }
        for n in from..=to {
            out.extend(tails.iter().map(|tail| format!("{before}{n}{tail}")));
        }
    }
    Ok(out)
}

/// A piece of an interface name, in the order interfaces are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// A name, by letters.
    Word(String),
    /// A number, by value; its text keeps leading zeroes apart.
    Number(u64, String),
    /// `.` before `/`, anything else before both.
    Separator(u8, String),
}

fn pieces(name: &str) -> Result<Vec<Piece>, Error> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '-' => Some(0),
        '0'..='9' => Some(1),
        '.' | '/' => Some(2),
        _ => None,
    };
    let mut out = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let class = kind(first).ok_or_else(|| {
            fault(format!(
                "`{name}`: `{first}` is not part of interface names"
            ))
        })?;
        let end = rest.find(|c| kind(c) != Some(class)).unwrap_or(rest.len());
        let part = rest[..end].to_owned();
        rest = &rest[end..];
        out.push(match class {
            0 => Piece::Word(part),
            1 => Piece::Number(part.parse().unwrap_or(u64::MAX), part),
            _ => Piece::Separator(u8::from(part == ".") + 2 * u8::from(part == "/"), part),
        });
    }
    Ok(out)
}

fn sorted(list: &Value) -> Result<Vec<(Vec<Piece>, String)>, Error> {
    let mut all = Vec::new();
    for name in items("sort_interface_list", list)? {
        let name = name.to_string();
        all.push((pieces(&name)?, name));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

fn sort(list: &Value) -> Result<Vec<String>, Error> {
    Ok(sorted(list)?.into_iter().map(|(_, name)| name).collect())
}

/// Interfaces that differ only in a last number that counts up become one range.
fn compress(list: &Value) -> Result<Vec<String>, Error> {
    let mut out: Vec<(String, u64, u64)> = Vec::new();
    for (parts, name) in sorted(list)? {
        let Some(Piece::Number(number, digits)) = parts.last() else {
            return Err(fault(format!(
                "interface_range_compress: `{name}` does not end in a number"
            )));
        };
        let module = &name[..name.len() - digits.len()];
        match out.last_mut() {
            Some((known, _, last)) if known == module && *last + 1 == *number => *last = *number,
            Some(_) | None => out.push((module.to_owned(), *number, *number)),
        }
    }
    let show = |(module, first, last): (String, u64, u64)| {
        if first == last {
            format!("{module}{first}")
        } else {
            format!("{module}{first}-{last}")
        }
    };
    Ok(out.into_iter().map(show).collect())
}

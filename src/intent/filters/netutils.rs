//! Masks, addresses, bandwidths and AS numbers, netutils' way.

use std::net::IpAddr;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::ipvalue::Net;
use super::{Registry, fault, items};

/// Most addresses `get_all_host` gives.
const MOST_HOSTS: u128 = 65_536;

pub(super) fn register(registry: &mut Registry<'_>) {
    masks(registry);
    addresses(registry);
    questions(registry);
    registry.filter("asn_to_int", asn_to_int);
    registry.filter("int_to_asdot", int_to_asdot);
    registry.filter("name_to_bits", name_to_bits);
    registry.filter("bits_to_name", bits_to_name);
}

fn masks(registry: &mut Registry<'_>) {
    registry.filter("netmask_to_cidr", |mask: &Value| {
        mask_length(&mask.to_string()).ok_or_else(|| fault(format!("`{mask}` is no netmask")))
    });
    registry.filter("cidr_to_netmask", |prefix: &Value| to_mask(prefix, false));
    registry.filter("cidr_to_netmaskv6", |prefix: &Value| to_mask(prefix, true));
    registry.filter("netmask_to_wildcardmask", |mask: &Value| {
        inverse(mask, |text| mask_length(text).is_some())
    });
    registry.filter("wildcardmask_to_netmask", |mask: &Value| {
        inverse(mask, is_wildcard)
    });
}

fn addresses(registry: &mut Registry<'_>) {
    registry.filter("ip_to_hex", |ip: &Value| {
        let net = host(ip)?;
        let width = usize::from(net.width() / 4);
        Ok::<_, Error>(format!("{:0width$x}", net.bits()))
    });
    registry.filter("ip_to_bin", |ip: &Value| {
        let net = host(ip)?;
        let width = usize::from(net.width());
        Ok::<_, Error>(format!("{:0width$b}", net.bits()))
    });
    registry.filter("ip_addition", |ip: &Value, n: i64| moved(ip, i128::from(n)));
    registry.filter("ip_subtract", |ip: &Value, n: i64| {
        moved(ip, -i128::from(n))
    });
    registry.filter("get_first_usable", |value: &Value| {
        let (_, first, _) = usable(value)?;
        Ok::<_, Error>(first.to_string())
    });
    registry.filter("get_usable_range", |value: &Value| {
        let (_, first, last) = usable(value)?;
        Ok::<_, Error>(format!("{first} - {last}"))
    });
    registry.filter("get_broadcast_address", |value: &Value| {
        let net = network(value)?;
        Ok::<_, Error>(net.address(net.last()).to_string())
    });
    registry.filter("get_all_host", all_hosts);
    registry.filter("get_peer_ip", peer);
    registry.filter("get_ips_sorted", ips_sorted);
}

fn questions(registry: &mut Registry<'_>) {
    registry.filter("is_ip", |v: &Value| is_ip(&v.to_string()));
    registry.test("ip", |v: &Value| is_ip(&v.to_string()));
    registry.test("ip_address", |v: &Value| is_ip(&v.to_string()));
    registry.test("ipv4_address", |v: &Value| {
        matches!(v.to_string().parse(), Ok(IpAddr::V4(_)))
    });
    registry.test("ipv6_address", |v: &Value| {
        matches!(v.to_string().parse(), Ok(IpAddr::V6(_)))
    });
    registry.filter("is_network", |v: &Value| network_with_mask(&v.to_string()));
    registry.test("network", |v: &Value| network_with_mask(&v.to_string()));
    registry.filter("is_netmask", |v: &Value| {
        mask_length(&v.to_string()).is_some()
    });
    registry.test("netmask", |v: &Value| mask_length(&v.to_string()).is_some());
    registry.filter("is_reversible_wildcardmask", |v: &Value| {
        is_wildcard(&v.to_string())
    });
    registry.filter("is_classful", |v: &Value| network(v).map(is_classful));
    registry.filter("is_ip_range", |v: &Value| range(&v.to_string()).is_some());
    registry.filter("is_ip_within", is_ip_within);
    registry.test("in_network", |v: &Value, net: &Value| is_ip_within(v, net));
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn host(value: &Value) -> Result<Net, Error> {
    let text = value.to_string();
    text.parse()
        .map(Net::from_address)
        .map_err(|_| fault(format!("`{text}` is no IP address")))
}

/// A network with no host bits set; one address alone counts.
fn network(value: &Value) -> Result<Net, Error> {
    let text = value.to_string();
    let net = Net::parse(&text).ok_or_else(|| fault(format!("`{text}` is no network")))?;
    if net.ip() != net.network() {
        return Err(fault(format!("`{text}` has host bits set")));
    }
    Ok(net)
}

fn network_with_mask(text: &str) -> bool {
    text.contains('/') && network(&Value::from(text)).is_ok()
}

fn moved(ip: &Value, n: i128) -> Result<String, Error> {
    let net = host(ip)?;
    let bits = net
        .plus(n)
        .ok_or_else(|| fault(format!("{ip} {n:+} is no address")))?;
    Ok(net.address(bits).to_string())
}

/// The prefix length of a netmask of either version.
fn mask_length(text: &str) -> Option<u8> {
    let mask = Net::from_address(text.parse().ok()?);
    let ones = u8::try_from(mask.bits().count_ones()).ok()?;
    let real = Net::new(mask.version() == 6, 0, ones)?.netmask();
    (real == mask.ip()).then_some(ones)
}

fn is_wildcard(text: &str) -> bool {
    let Ok(IpAddr::V4(mask)) = text.parse() else {
        return false;
    };
    mask_length(&std::net::Ipv4Addr::from_bits(!mask.to_bits()).to_string()).is_some()
}

fn to_mask(prefix: &Value, v6: bool) -> Result<String, Error> {
    let width = if v6 { 128 } else { 32 };
    let length = prefix.as_i64().filter(|_| prefix.is_integer());
    let length = length.and_then(|n| u8::try_from(n).ok());
    let net = length.and_then(|n| Net::new(v6, 0, n));
    net.map(|net| net.netmask().to_string())
        .ok_or_else(|| fault(format!("`{prefix}` is no whole number from 0 to {width}")))
}

fn inverse(mask: &Value, good: fn(&str) -> bool) -> Result<String, Error> {
    let text = mask.to_string();
    match text.parse() {
        Ok(IpAddr::V4(mask)) if good(&text) => {
            Ok(std::net::Ipv4Addr::from_bits(!mask.to_bits()).to_string())
        }
        _ => Err(fault(format!("`{text}` is no such mask"))),
    }
}

fn usable(value: &Value) -> Result<(Net, IpAddr, IpAddr), Error> {
    let net = network(value)?;
    if !net.larger_than(1) {
        return Err(fault(format!("`{net}` is one address alone")));
    }
    let (first, last) = net.usable();
    Ok((net, net.address(first), net.address(last)))
}

fn all_hosts(value: &Value) -> Result<Vec<String>, Error> {
    let net = network(value)?;
    // A network of version 6 has no broadcast address to leave out.
    let (first, mut last) = net.usable();
    if net.version() == 6 && net.larger_than(2) {
        last += 1;
    }
    if last - first >= MOST_HOSTS {
        return Err(fault(format!("{net} has more than {MOST_HOSTS} hosts")));
    }
    Ok((first..=last).map(|b| net.address(b).to_string()).collect())
}

/// The other host of a network of two.
fn peer(value: &Value) -> Result<String, Error> {
    let text = value.to_string();
    let net = Net::parse(&text).ok_or_else(|| fault(format!("`{text}` is no interface")))?;
    let offset = net.bits() - net.first();
    let other = match (net.width() - net.prefix(), offset) {
        (1, _) => offset ^ 1,
        (2, 1 | 2) => offset ^ 3,
        _ => {
            return Err(fault(format!(
                "`{text}` is not one of two hosts of a point-to-point network"
            )));
        }
    };
    Ok(net.address(net.first() + other).to_string())
}

fn ips_sorted(list: &Value, kind: Option<&str>, options: Kwargs) -> Result<Value, Error> {
    let kind = match kind {
        Some(kind) => kind,
        None => options
            .get::<Option<&str>>("sort_type")?
            .unwrap_or("network"),
    };
    options.assert_all_used()?;
    let texts: Vec<Value> = match list.as_str() {
        Some(text) => text.split(',').map(|t| Value::from(t.trim())).collect(),
        None => items("get_ips_sorted", list)?,
    };
    let mut nets = Vec::new();
    for text in &texts {
        nets.push(match kind {
            "network" => network(text)?,
            "address" => host(text)?,
            "interface" => Net::parse(&text.to_string())
                .ok_or_else(|| fault(format!("`{text}` is no interface")))?,
            other => {
                return Err(fault(format!(
                    "get_ips_sorted: the type is network, address or interface, not `{other}`"
                )));
            }
        });
    }
    if kind == "interface" {
        // Python puts interfaces of one network together.
        nets.sort_by_key(|net| (net.cidr(), net.bits()));
    } else {
        nets.sort();
    }
    let show = |net: Net| match kind {
        "address" => Value::from(net.ip().to_string()),
        _ => Value::from(net.to_string()),
    };
    Ok(nets.into_iter().map(show).collect())
}

fn is_classful(net: Net) -> bool {
    let Ok(first) = u8::try_from(net.first() >> 24) else {
        return false;
    };
    net.version() == 4
        && matches!(
            (first, net.prefix()),
            (0..=127, 8) | (128..=191, 16) | (192..=223, 24)
        )
}

/// First and last address of `a-b`.
fn range(text: &str) -> Option<(Net, Net)> {
    let (first, last) = text.split_once('-')?;
    let ends = (
        Net::from_address(first.parse().ok()?),
        Net::from_address(last.parse().ok()?),
    );
    (ends.0.version() == ends.1.version() && ends.0.bits() < ends.1.bits()).then_some(ends)
}

/// First and last address of an address, network or range.
fn ends(value: &Value) -> Result<(u8, u128, u128), Error> {
    let text = value.to_string();
    if text.contains('-') {
        let (first, last) =
            range(&text).ok_or_else(|| fault(format!("`{text}` is no range of addresses")))?;
        return Ok((first.version(), first.bits(), last.bits()));
    }
    let net = network(value)?;
    Ok((net.version(), net.first(), net.last()))
}

fn is_ip_within(value: &Value, other: &Value) -> Result<bool, Error> {
    let (version, first, last) = ends(value)?;
    let others = match other.as_str() {
        Some(_) => vec![other.clone()],
        None => items("is_ip_within", other)?,
    };
    for other in &others {
        let (v, low, high) = ends(other)?;
        if v == version && low <= first && last <= high {
            return Ok(true);
        }
    }
    Ok(false)
}

fn asn_to_int(asn: &Value) -> Result<u32, Error> {
    let text = asn.to_string();
    let number = match text.split_once('.') {
        Some((high, low)) => {
            let half = |t: &str| t.parse::<u16>().map(u32::from).ok();
            half(high).zip(half(low)).map(|(h, l)| h << 16 | l)
        }
        None => text.parse().ok(),
    };
    number.ok_or_else(|| fault(format!("`{text}` is no AS number")))
}

fn int_to_asdot(asn: &Value) -> Result<String, Error> {
    let number = asn.to_string().parse::<u32>().ok().filter(|n| *n > 0);
    let number = number.ok_or_else(|| fault(format!("`{asn}` is no AS number")))?;
    Ok(if number > u32::from(u16::MAX) {
        format!("{}.{}", number >> 16, number & 0xffff)
    } else {
        number.to_string()
    })
}

const PREFIXES: [(&str, f64); 8] = [
    ("", 1.0),
    ("K", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("Z", 1e21),
];

/// `10Gbps` in bits per second; `B` stands for bytes.
fn name_to_bits(speed: &Value) -> Result<u64, Error> {
    let text = speed.to_string();
    let bad = || fault(format!("`{text}` is no speed like `10Gbps`"));
    let clean: String = text.replace("bit", "b").replace("b/s", "b");
    let clean: String = clean.chars().filter(|c| *c != ' ').collect();
    let end = clean
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .ok_or_else(bad)?;
    let (number, unit) = clean.split_at(end);
    let number: f64 = number.parse().map_err(|_| bad())?;
    let unit = unit.strip_suffix("ps").unwrap_or(unit);
    let (prefix, factor) = if let Some(prefix) = unit.strip_suffix('b') {
        (prefix, 1.0)
    } else {
        (unit.strip_suffix('B').ok_or_else(bad)?, 8.0)
    };
    let known = PREFIXES.iter().find(|(p, _)| *p == prefix);
    let bits = number * known.ok_or_else(bad)?.1 * factor;
    // Checked to be in range; the fraction of a bit is dropped.
    if !(0.0..1.8e19).contains(&bits) {
        return Err(bad());
    }
    format!("{:.0}", bits.trunc()).parse().map_err(|_| bad())
}

/// `1000000000` as `1Gbps`.
fn bits_to_name(speed: u64, decimals: Option<usize>) -> Result<String, Error> {
    let size = speed.to_string().parse::<f64>().unwrap_or(f64::MAX);
    let fits = |p: &&(&str, f64)| size >= p.1;
    let (prefix, factor) = PREFIXES.iter().rev().find(fits).unwrap_or(&PREFIXES[0]);
    let value = size / factor;
    let decimals = decimals.unwrap_or(0);
    if decimals > 15 {
        return Err(fault("bits_to_name gives at most 15 digits"));
    }
    let shown = format!("{value:.decimals$}");
    let shown = if decimals > 0 && *factor > 1.0 {
        // Python prints a rounded number without trailing zeroes, but with one digit.
        let trimmed = shown.trim_end_matches('0');
        if trimmed.ends_with('.') {
            format!("{trimmed}0")
        } else {
            trimmed.to_owned()
        }
    } else if decimals > 0 {
        speed.to_string()
    } else {
        shown
    };
    Ok(format!("{shown}{prefix}bps"))
}

//! More of Ansible's address filters: arithmetic, subnets, membership.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::ipaddr::nth;
use super::ipvalue::Net;
use super::{Registry, fault, items};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("ipmath", ipmath);
    registry.filter("ipsubnet", ipsubnet);
    registry.filter("nthhost", nthhost);
    registry.filter("network_in_network", |net: &Value, test: &Value| {
        within(net, test, |net| (net.first(), net.last()))
    });
    registry.filter("network_in_usable", |net: &Value, test: &Value| {
        within(net, test, Net::usable)
    });
    registry.filter("next_nth_usable", |value: &Value, n: i64| {
        nth_usable(value, i128::from(n))
    });
    registry.filter("previous_nth_usable", |value: &Value, n: i64| {
        nth_usable(value, -i128::from(n))
    });
    registry.filter("reduce_on_network", reduce_on_network);
    registry.filter("cidr_merge", cidr_merge);
    registry.filter("ip4_hex", ip4_hex);
    registry.filter("ipv6form", ipv6form);
    registry.filter("slaac", slaac);
}

/// An address or network, or the filter's complaint.
fn net(filter: &str, value: &Value) -> Result<Net, Error> {
    let text = value.to_string();
    Net::parse(&text).ok_or_else(|| fault(format!("{filter}: `{text}` is no IP address")))
}

fn ipmath(value: &Value, amount: i64) -> Result<String, Error> {
    let net = net("ipmath", value)?;
    let moved = net.plus(i128::from(amount));
    let bits = moved.ok_or_else(|| fault(format!("ipmath: {net} {amount:+} is no address")))?;
    Ok(net.address(bits).to_string())
}

fn is_false(value: bool) -> Value {
    Value::from(value)
}

/// Subnets of a network, or the networks above an address.
fn ipsubnet(value: &Value, query: Option<Value>, index: Option<i64>) -> Result<Value, Error> {
    let text = value.to_string();
    let Some(net) = Net::parse(&text) else {
        return Ok(is_false(false));
    };
    let query = query.map(|q| q.to_string()).unwrap_or_default();
    if query.is_empty() {
        return Ok(Value::from(net.cidr().to_string()));
    }
    if let Ok(prefix) = query.parse::<u8>() {
        if prefix > net.width() {
            return Ok(is_false(false));
        }
        return if net.larger_than(1) {
            below(net.cidr(), prefix, index)
        } else {
            Ok(above(net, prefix, index))
        };
    }
    position(net.cidr(), &query)
}

/// The `index`-th subnet with this prefix, or how many there are.
fn below(net: Net, prefix: u8, index: Option<i64>) -> Result<Value, Error> {
    let Some(longer) = prefix.checked_sub(net.prefix()) else {
        return if index.is_some() {
            Ok(is_false(false))
        } else {
            Err(fault(format!(
                "ipsubnet: {net} has no subnets of /{prefix}"
            )))
        };
    };
    let count = 1_i128.checked_shl(u32::from(longer));
    let count = count.filter(|c| *c > 0).unwrap_or(i128::MAX);
    let Some(index) = index.map(i128::from) else {
        return Ok(Value::from(count.to_string()));
    };
    let index = if index < 0 { index + count } else { index };
    if !(0..count).contains(&index) {
        return Ok(is_false(false));
    }
    let step = index.unsigned_abs() << (net.width() - prefix);
    let subnet = Net::new(net.version() == 6, net.first() + step, prefix);
    Ok(subnet.map_or(is_false(false), |s| Value::from(s.to_string())))
}

/// The networks above one address, from the asked prefix down: the first, or the
/// `index`-th.
fn above(net: Net, prefix: u8, index: Option<i64>) -> Value {
    let count = i64::from(net.width() - prefix);
    let index = index.unwrap_or(0);
    let index = if index < 0 { index + count } else { index };
    if !(0..count).contains(&index) {
        return is_false(false);
    }
    let longer = u8::try_from(index).unwrap_or(u8::MAX);
    let found = net.with_prefix(prefix.saturating_add(longer));
    found.map_or(is_false(false), |n| Value::from(n.cidr().to_string()))
}

/// The how-manieth subnet of its size the network is within `query`.
fn position(net: Net, query: &str) -> Result<Value, Error> {
    let outer = Net::parse(query)
        .ok_or_else(|| fault(format!("ipsubnet: `{query}` is no network")))?
        .cidr();
    if !outer.contains(net) {
        return Err(fault(format!("ipsubnet: {net} is not in {outer}")));
    }
    let free = u32::from(net.width() - net.prefix());
    let index = (net.first() - outer.first()).checked_shr(free).unwrap_or(0);
    Ok(Value::from((index + 1).to_string()))
}

fn nthhost(value: &Value, query: Option<Value>) -> Value {
    let net = Net::parse(&value.to_string());
    let index = query.and_then(|q| q.to_string().parse::<i128>().ok());
    let (Some(net), Some(index)) = (net, index) else {
        return is_false(false);
    };
    if index == 0 {
        // As in Ansible, where 0 counts as not given.
        return is_false(false);
    }
    match nth(net, index) {
        Some(bits) => Value::from(net.address(bits).to_string()),
        None => is_false(false),
    }
}

fn within(outer: &Value, test: &Value, range: fn(Net) -> (u128, u128)) -> Result<bool, Error> {
    let outer = net("network_in_network", outer)?;
    let test = net("network_in_network", test)?;
    let (first, last) = range(outer);
    Ok(outer.version() == test.version() && first <= test.first() && test.last() <= last)
}

fn nth_usable(value: &Value, n: i128) -> Value {
    let Some(net) = Net::parse(&value.to_string()) else {
        return is_false(false);
    };
    if !net.larger_than(1) {
        return Value::from(());
    }
    let (first, last) = net.usable();
    match net.plus(n) {
        Some(bits) if (first..=last).contains(&bits) => Value::from(net.address(bits).to_string()),
        Some(_) | None => Value::from(()),
    }
}

fn reduce_on_network(list: &Value, network: &Value) -> Result<Value, Error> {
    let outer = net("reduce_on_network", network)?;
    let mut kept = Vec::new();
    for item in items("reduce_on_network", list)? {
        if outer.contains(net("reduce_on_network", &item)?) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// The smallest list of networks that covers the same (`merge`), or the one network around
/// all of them (`span`).
fn cidr_merge(list: &Value, action: Option<&str>, options: Kwargs) -> Result<Value, Error> {
    let action = match action {
        Some(action) => action,
        None => options.get::<Option<&str>>("action")?.unwrap_or("merge"),
    };
    options.assert_all_used()?;
    let mut nets = Vec::new();
    for item in items("cidr_merge", list)? {
        nets.push(net("cidr_merge", &item)?);
    }
    match action {
        "merge" => {
            let nets: Vec<_> = nets.into_iter().filter_map(Net::to_ipnet).collect();
            let mut merged: Vec<Net> = ipnet::IpNet::aggregate(&nets)
                .into_iter()
                .map(Net::from_ipnet)
                .collect();
            merged.sort();
            Ok(merged
                .into_iter()
                .map(|n| Value::from(n.to_string()))
                .collect())
        }
        "span" => span(&nets),
        other => Err(fault(format!(
            "cidr_merge: the action is merge or span, not `{other}`"
        ))),
    }
}

fn span(nets: &[Net]) -> Result<Value, Error> {
    let (Some(low), Some(high)) = (
        nets.iter().map(|n| n.first()).min(),
        nets.iter().map(|n| n.last()).max(),
    ) else {
        return Ok(Value::from(()));
    };
    if nets.len() == 1 {
        return Ok(Value::from(nets[0].to_string()));
    }
    if nets.iter().any(|n| n.version() != nets[0].version()) {
        return Err(fault("cidr_merge: the networks are of both versions"));
    }
    let mut wide = nets[0].cidr();
    while !(wide.first() <= low && high <= wide.last()) {
        let shorter = wide.prefix().checked_sub(1);
        let Some(wider) = shorter.and_then(|p| wide.with_prefix(p)) else {
            break;
        };
        wide = wider.cidr();
    }
    Ok(Value::from(wide.to_string()))
}

fn ip4_hex(value: &Value, delimiter: Option<&str>) -> Result<String, Error> {
    let net = net("ip4_hex", value)?;
    if net.version() != 4 {
        return Err(fault(format!("ip4_hex: {net} is not of version 4")));
    }
    let digits = format!("{:08x}", net.bits());
    let pairs = [&digits[..2], &digits[2..4], &digits[4..6], &digits[6..]];
    Ok(pairs.join(delimiter.unwrap_or_default()))
}

fn ipv6form(value: &Value, form: &str) -> Result<String, Error> {
    let net = net("ipv6form", value)?;
    let groups = || {
        let digits = format!("{:032x}", net.bits());
        (0..8)
            .map(|i| digits[i * 4..i * 4 + 4].to_owned())
            .collect::<Vec<_>>()
    };
    match form {
        _ if net.version() == 4 => Ok(net.ip().to_string()),
        "compress" => Ok(net.ip().to_string()),
        "expand" => Ok(groups().join(":")),
        "x509" => {
            let short = |g: String| {
                let trimmed = g.trim_start_matches('0');
                if trimmed.is_empty() { "0" } else { trimmed }.to_owned()
            };
            let all: Vec<String> = groups().into_iter().map(short).collect();
            Ok(all.join(":"))
        }
        other => Err(fault(format!(
            "ipv6form: the form is expand, compress or x509, not `{other}`"
        ))),
    }
}

/// The address a host with this MAC address makes for itself in a network.
fn slaac(value: &Value, mac: &Value) -> Value {
    let net = Net::parse(&value.to_string()).filter(|n| n.version() == 6);
    let mac = super::hwaddr::parse(&mac.to_string());
    let (Some(net), Some(mac), false) = (net, mac, value.kind() == ValueKind::Bool) else {
        return is_false(false);
    };
    let (high, low) = (mac >> 24, mac & 0xff_ffff);
    let host = (u128::from(high) << 40 | 0xff_fe << 24 | u128::from(low)) ^ (2 << 56);
    Value::from(net.address(net.first().wrapping_add(host)).to_string())
}

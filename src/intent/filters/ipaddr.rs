//! `ipaddr` and its relatives, with the queries and answers of Ansible's.

use std::net::IpAddr;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Error, Value};

use super::ipkind::{is_global, looks_like_mask, reverse_dns};
use super::ipvalue::Net;
use super::{Registry, fault};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("ipaddr", |value: &Value, query: Rest<Value>| {
        filter(value, query.first(), None, "ipaddr")
    });
    registry.filter("ipv4", |value: &Value, query: Rest<Value>| {
        filter(value, query.first(), Some(4), "ipv4")
    });
    registry.filter("ipv6", |value: &Value, query: Rest<Value>| {
        filter(value, query.first(), Some(6), "ipv6")
    });
    registry.filter("ipwrap", wrap_all);
}

/// Whether a value was written as an address or as a network with a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Address,
    Network,
}

/// One value with what it was written as.
struct Subject {
    net: Net,
    written: Written,
    /// The value again, in the form it is given back.
    text: String,
}

impl Subject {
    fn read(value: &Value, version: Option<u8>) -> Option<Self> {
        let text = value.to_string();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::number(&text, None, version);
        }
        if let Some(net) = Net::parse(&text) {
            let written = if text.matches('/').count() == 1 {
                Written::Network
            } else {
                Written::Address
            };
            return Some(Self { net, written, text });
        }
        let (address, prefix) = text.split_once('/')?;
        Self::number(address, Some(prefix.parse().ok()?), version)
    }

    /// A number is an address of version 4, and of version 6 when it is too large for that.
    fn number(digits: &str, prefix: Option<u8>, version: Option<u8>) -> Option<Self> {
        let bits = digits.parse().ok()?;
        let v4 = match version {
            Some(6) if prefix.is_none() => None,
            Some(_) | None => Net::new(false, bits, prefix.unwrap_or(32)),
        };
        let net = v4.or_else(|| Net::new(true, bits, prefix.unwrap_or(128)))?;
        Some(Self {
            net,
            written: if prefix.is_some() {
                Written::Network
            } else {
                Written::Address
            },
            text: net.to_string(),
        })
    }

    fn is_network(&self) -> bool {
        self.written == Written::Network
    }

    fn needs_network(&self) -> Result<(), Error> {
        if self.is_network() {
            return Ok(());
        }
        Err(fault(format!("`{}` is not a network address", self.text)))
    }
}

const FALSE: bool = false;

/// The filter: a list gives the list of what passes, anything else one answer. What is no
/// address gives `False`; what a query does not apply to gives `None`.
pub(super) fn filter(
    value: &Value,
    query: Option<&Value>,
    version: Option<u8>,
    alias: &str,
) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let mut out = Vec::new();
        for item in value.try_iter()? {
            let answer = filter(&item, query, version, alias)?;
            if answer.is_true() {
                out.push(answer);
            }
        }
        return Ok(Value::from(out));
    }
    if !value.is_true() || value.kind() == ValueKind::Bool {
        return Ok(Value::from(FALSE));
    }
    let Some(subject) = Subject::read(value, version) else {
        return Ok(Value::from(FALSE));
    };
    if version.is_some_and(|v| v != subject.net.version()) {
        return Ok(Value::from(FALSE));
    }
    let query = query.map(ToString::to_string).unwrap_or_default();
    answer(&query, &subject, alias)
}

fn answer(query: &str, subject: &Subject, alias: &str) -> Result<Value, Error> {
    for family in [form, mask, kind] {
        if let Some(answer) = family(query, subject) {
            return Ok(answer);
        }
    }
    if let Some(answer) = usable(query, subject)? {
        return Ok(answer);
    }
    if let Ok(index) = query.parse::<i128>() {
        return Ok(indexed(index, subject));
    }
    if let Some(net) = Net::parse(query) {
        return Ok(if net.contains(subject.net) {
            Value::from(subject.text.as_str())
        } else {
            Value::from(())
        });
    }
    Err(fault(format!("{alias}: unknown query `{query}`")))
}

fn text(value: impl ToString) -> Value {
    Value::from(value.to_string())
}

fn none() -> Value {
    Value::from(())
}

fn some_if(condition: bool, value: Value) -> Value {
    if condition { value } else { none() }
}

/// Queries that write the address in another form.
fn form(query: &str, subject: &Subject) -> Option<Value> {
    let net = subject.net;
    let inside = net.ip() != net.network();
    let alone = !net.larger_than(1);
    Some(match query {
        "wrap" if net.version() == 4 => Value::from(subject.text.as_str()),
        "" if subject.is_network() => text(net),
        "" => text(net.ip()),
        "address" | "ip" => {
            let host = alone || inside || net.broadcast().is_none() || net.version() == 6;
            some_if(host, text(net.ip()))
        }
        "address/prefix" | "gateway" | "gw" | "host/prefix" | "hostnet" | "router" => {
            let reserved = Some(net.ip()) == net.broadcast() || !inside;
            if net.larger_than(2) && reserved {
                Value::from(FALSE)
            } else {
                text(net)
            }
        }
        "bool" => Value::from(true),
        "cidr" => text(net),
        "host" => some_if(alone || inside || net.broadcast().is_none(), text(net)),
        "int" if subject.is_network() => text(format!("{}/{}", net.bits(), net.prefix())),
        "int" => number(net.bits()),
        "ip/prefix" => some_if(size_is(net, 2) || (!alone && inside), text(net)),
        "ip_netmask" => some_if(
            size_is(net, 2) || (!alone && inside),
            text(format!("{} {}", net.ip(), net.netmask())),
        ),
        "revdns" => text(reverse_dns(net.ip())),
        "wrap" => text(wrapped(subject)),
        "ipv4" | "v4" => to_v4(subject),
        "ipv6" | "v6" => to_v6(subject),
        "6to4" => six_to_four(subject),
        _ => return None,
    })
}

fn size_is(net: Net, size: u128) -> bool {
    net.size() == Some(size)
}

fn number(n: u128) -> Value {
    u64::try_from(n).map_or_else(|_| Value::from(n), Value::from)
}

/// Queries about the network and its masks.
fn mask(query: &str, subject: &Subject) -> Option<Value> {
    let net = subject.net;
    Some(match query {
        "broadcast" => match net.broadcast() {
            Some(broadcast) if net.larger_than(2) => text(broadcast),
            Some(_) | None => none(),
        },
        "hostmask" | "wildcard" => text(net.hostmask()),
        "net" => some_if(
            net.larger_than(1) && net.ip() == net.network(),
            text(net.cidr()),
        ),
        "netmask" => text(net.netmask()),
        "network" | "network_id" => text(net.network()),
        "network/prefix" | "subnet" => text(net.cidr()),
        "network_netmask" => text(format!("{} {}", net.network(), net.netmask())),
        "network_wildcard" => text(format!("{} {}", net.network(), net.hostmask())),
        "prefix" => Value::from(net.prefix()),
        "size" => net.size().map_or_else(none, number),
        "size_usable" => match net.size() {
            Some(1) => Value::from(0),
            Some(2) => Value::from(2),
            Some(n) => number(n - 2),
            None => none(),
        },
        _ => return None,
    })
}

/// Queries that ask what kind of address it is.
fn kind(query: &str, subject: &Subject) -> Option<Value> {
    let net = subject.net;
    let same = |condition| some_if(condition, Value::from(subject.text.as_str()));
    Some(match query {
        "type" if !net.larger_than(1) || net.ip() != net.network() => Value::from("address"),
        "type" => Value::from("network"),
        "version" => Value::from(net.version()),
        "loopback" | "lo" => same(net.ip().is_loopback()),
        "multicast" => same(net.ip().is_multicast()),
        "unicast" => same(!net.ip().is_multicast()),
        "link-local" => same(match net.ip() {
            IpAddr::V4(a) => a.is_link_local(),
            IpAddr::V6(a) => a.is_unicast_link_local(),
        }),
        "private" => same(!is_global(net)),
        "public" => same(is_global(net) && !net.ip().is_multicast() && !looks_like_mask(net)),
        _ => return None,
    })
}

/// Queries about the addresses hosts may have.
fn usable(query: &str, subject: &Subject) -> Result<Option<Value>, Error> {
    let net = subject.net;
    let queries = [
        "first_usable",
        "last_usable",
        "next_usable",
        "previous_usable",
        "range_usable",
        "peer",
    ];
    if !queries.contains(&query) {
        return Ok(None);
    }
    subject.needs_network()?;
    if query == "peer" {
        return peer(subject).map(Some);
    }
    if !net.larger_than(1) {
        return Ok(Some(none()));
    }
    let (first, last) = net.usable();
    let at = |bits: Option<u128>| match bits {
        Some(bits) if (first..=last).contains(&bits) => text(net.address(bits)),
        Some(_) | None => none(),
    };
    Ok(Some(match query {
        "first_usable" => text(net.address(first)),
        "last_usable" => text(net.address(last)),
        "next_usable" => at(net.plus(1)),
        "previous_usable" => at(net.plus(-1)),
        _ => text(format!("{}-{}", net.address(first), net.address(last))),
    }))
}

/// The other end of a point-to-point network.
fn peer(subject: &Subject) -> Result<Value, Error> {
    let net = subject.net;
    match (net.size(), net.bits() % 4) {
        (Some(2), _) => Ok(text(net.address(net.bits() ^ 1))),
        (Some(4), 0) => Err(fault(format!(
            "`{net}` is a network address and has no peer"
        ))),
        (Some(4), 3) => Err(fault(format!(
            "`{net}` is a broadcast address and has no peer"
        ))),
        (Some(4), _) => Ok(text(net.address(net.bits() ^ 3))),
        _ => Err(fault(format!("`{net}` is not a point-to-point network"))),
    }
}

/// The address at an index of a network, from the end when negative.
fn indexed(index: i128, subject: &Subject) -> Value {
    let net = subject.net;
    if !net.larger_than(1) {
        return if subject.is_network() {
            text(net)
        } else {
            text(net.ip())
        };
    }
    nth(net, index).map_or_else(
        || Value::from(FALSE),
        |bits| text(format!("{}/{}", net.address(bits), net.prefix())),
    )
}

/// The address at an index of a network, as a number.
pub(super) fn nth(net: Net, index: i128) -> Option<u128> {
    let bits = if index < 0 {
        net.last().checked_sub(index.unsigned_abs() - 1)
    } else {
        net.first().checked_add(index.unsigned_abs())
    };
    bits.filter(|b| (net.first()..=net.last()).contains(b))
}

fn wrapped(subject: &Subject) -> String {
    let net = subject.net;
    match (net.version(), subject.written) {
        (6, Written::Address) => format!("[{}]", net.ip()),
        (6, Written::Network) => format!("[{}]/{}", net.ip(), net.prefix()),
        (_, Written::Address) => net.ip().to_string(),
        (_, Written::Network) => net.to_string(),
    }
}

/// `::ffff:192.0.2.1` and `::192.0.2.1` have an address of version 4 inside.
fn to_v4(subject: &Subject) -> Value {
    let net = subject.net;
    if net.version() == 4 {
        return Value::from(subject.text.as_str());
    }
    let high = net.bits() >> 32;
    let low = net.bits() & u128::from(u32::MAX);
    let prefix = net.prefix().checked_sub(96);
    match prefix.and_then(|prefix| Net::new(false, low, prefix)) {
        Some(v4) if high == 0xffff || high == 0 => text(v4),
        Some(_) | None => Value::from(FALSE),
    }
}

fn to_v6(subject: &Subject) -> Value {
    let net = subject.net;
    if net.version() == 6 {
        return Value::from(subject.text.as_str());
    }
    let mapped = Net::new(true, 0xffff << 32 | net.bits(), net.prefix() + 96);
    mapped.map_or_else(|| Value::from(FALSE), text)
}

/// The 6to4 prefix of an address (RFC 3056).
fn six_to_four(subject: &Subject) -> Value {
    let net = subject.net;
    let network_itself = net.larger_than(1) && net.ip() == net.network();
    match net.ip() {
        IpAddr::V4(a) if !network_itself && !a.is_multicast() => {
            let [a, b, c, d] = a.octets();
            text(format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1/48"))
        }
        IpAddr::V6(a) if a.segments()[0] == 0x2002 && !network_itself => {
            Value::from(subject.text.as_str())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => Value::from(FALSE),
    }
}

/// Brackets around addresses of version 6, everything else as it is.
fn wrap_all(value: &Value) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return value.try_iter()?.map(|item| wrap_all(&item)).collect();
    }
    let readable = value.is_true() && value.kind() == ValueKind::String;
    Ok(match Subject::read(value, None) {
        Some(subject) if readable => text(wrapped(&subject)),
        Some(_) | None => value.clone(),
    })
}

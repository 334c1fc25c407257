//! Named normalisers: they make comparison keys, they never touch the text.

use core::net::{IpAddr, Ipv4Addr};
use std::borrow::Cow;

use super::pattern;
use super::spec::{Expand, Normaliser};
use ace::Style;

mod ace;

/// Applies a normaliser to the text of a capture.
pub(crate) fn apply<'t>(how: Normaliser, text: &'t str, interfaces: &[Box<str>]) -> Cow<'t, str> {
    match how {
        Normaliser::Network => network(text),
        Normaliser::Address => address(text),
        Normaliser::Ifname => ifname(text, interfaces),
        Normaliser::Lower => lower(text),
        Normaliser::GeLe => ge_le(text),
        Normaliser::Words => sorted_words(text),
        Normaliser::Ranges => ranges(text),
        Normaliser::Ace => ace::ace(text, Style::Wildcard),
        Normaliser::AcePrefix => ace::ace(text, Style::Prefix),
        Normaliser::AceHost => ace::ace(text, Style::PrefixOrHost),
        Normaliser::Mask => mask(text, false),
        Normaliser::Masklen => mask(text, true),
        Normaliser::Call => call(text),
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Shortest IPv6 spelling; IPv4 is left as it is.
fn address(text: &str) -> Cow<'_, str> {
    if !text.contains(':') {
        return Cow::Borrowed(text);
    }
    let (host, length) = text
        .split_once('/')
        .map_or((text, None), |(h, l)| (h, Some(l)));
    match (host.parse::<IpAddr>(), length) {
        (Ok(ip), Some(length)) => Cow::Owned(format!("{ip}/{length}")),
        (Ok(ip), None) => Cow::Owned(ip.to_string()),
        (Err(_), _) => Cow::Borrowed(text),
    }
}

/// `10.1.2.3/24` is `10.1.2.0/24`; `10.1.2.3 255.255.255.0` likewise.
fn network(text: &str) -> Cow<'_, str> {
    if let Some((head, tail)) = text.split_once(' ') {
        return masked(head, tail).map_or(Cow::Borrowed(text), Cow::Owned);
    }
    match text.parse::<ipnet::IpNet>() {
        Ok(net) if net.addr() != net.network() || text.contains(':') => {
            Cow::Owned(net.trunc().to_string())
        }
        Ok(_) | Err(_) => Cow::Borrowed(text),
    }
}

fn masked(head: &str, tail: &str) -> Option<String> {
    let address: Ipv4Addr = head.parse().ok()?;
    let (mask, rest) = tail
        .split_once(' ')
        .map_or((tail, None), |(m, r)| (m, Some(r)));
    let bits: Ipv4Addr = mask.parse().ok()?;
    let net = Ipv4Addr::from(u32::from(address) & u32::from(bits));
    Some(match rest {
        Some(rest) => format!("{net} {mask} {rest}"),
        None => format!("{net} {mask}"),
    })
}

/// `gi0/1`, `Gig 0/1` and `gigabitethernet0/1` are `GigabitEthernet0/1`.
fn ifname<'t>(text: &'t str, kinds: &[Box<str>]) -> Cow<'t, str> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphabetic() || c == '-'))
        .unwrap_or(text.len());
    let (kind, number) = text.split_at(end);
    if kind.len() < 2 {
        return Cow::Borrowed(text);
    }
    let Some(full) = full_kind(kind, kinds) else {
        return Cow::Borrowed(text);
    };
    let number = number.trim_start();
    if full == kind && text.len() == kind.len() + number.len() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{full}{number}"))
    }
}

fn full_kind<'k>(kind: &str, kinds: &'k [Box<str>]) -> Option<&'k str> {
    let begins = |full: &str| {
        full.get(..kind.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(kind))
    };
    let exact = kinds.iter().find(|full| full.eq_ignore_ascii_case(kind));
    exact
        .or_else(|| kinds.iter().find(|full| begins(full)))
        .map(|k| &**k)
}

/// `le 32 ge 24` is `ge 24 le 32`.
fn ge_le(text: &str) -> Cow<'_, str> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    if let [start @ .., "le", le, "ge", ge] = words.as_slice() {
        let mut out = start.join(" ");
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str("ge ");
        out.push_str(ge);
        out.push_str(" le ");
        out.push_str(le);
        return Cow::Owned(first_network(out));
    }
    let first = words.first().copied().unwrap_or_default();
    if first.contains('/') {
        return Cow::Owned(first_network(words.join(" ")));
    }
    Cow::Borrowed(text)
}

fn first_network(text: String) -> String {
    let (first, rest) = text
        .split_once(' ')
        .map_or((text.as_str(), ""), |(f, r)| (f, r));
    let net = network(first);
    if net == first {
        return text;
    }
    if rest.is_empty() {
        net.into_owned()
    } else {
        format!("{net} {rest}")
    }
}

fn sorted_words(text: &str) -> Cow<'_, str> {
    let mut words = Vec::new();
    pattern::quoted_words(text, &mut words);
    if words.is_sorted() && words.windows(2).all(|w| w[0] != w[1]) {
        return Cow::Borrowed(text);
    }
    words.sort_unstable();
    words.dedup();
    Cow::Owned(words.join(" "))
}

/// `30,10-12,11` is `10-12,30`.
fn ranges(text: &str) -> Cow<'_, str> {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for item in text.split([',', ' ']).filter(|item| !item.is_empty()) {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        let (Ok(from), Ok(to)) = (from.parse(), to.parse()) else {
            return Cow::Borrowed(text);
        };
        spans.push((from, to));
    }
    spans.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            Some(_) | None => joined.push((from, to)),
        }
    }
    let shown: Vec<String> = joined.iter().map(|span| shown_range(*span)).collect();
    let out = shown.join(",");
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

fn shown_range((from, to): (u32, u32)) -> String {
    match to - from.min(to) {
        0 => from.to_string(),
        1 => format!("{from},{to}"),
        _ => format!("{from}-{to}"),
    }
}

/// The addresses of an entry, and its mask as a prefix length or the other way round.
fn mask(text: &str, prefix: bool) -> Cow<'_, str> {
    let (first, rest) = text.split_once(' ').map_or((text, ""), |(f, r)| (f, r));
    if prefix {
        let (second, rest) = rest.split_once(' ').map_or((rest, ""), |(f, r)| (f, r));
        let (address, mask) = (first.parse::<Ipv4Addr>(), second.parse::<Ipv4Addr>());
        let (Ok(_), Ok(mask)) = (address, mask) else {
            return Cow::Borrowed(text);
        };
        let bits = u32::from(mask);
        if bits.leading_ones() + bits.trailing_zeros() < 32 {
            return Cow::Borrowed(text);
        }
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!(" {rest}")
        };
        return Cow::Owned(format!("{first}/{}{rest}", bits.leading_ones()));
    }
    let split = first.split_once('/');
    let Some((address, length)) = split.and_then(|(a, l)| Some((a, l.parse::<u32>().ok()?))) else {
        return Cow::Borrowed(text);
    };
    if address.parse::<Ipv4Addr>().is_err() || length > 32 {
        return Cow::Borrowed(text);
    }
    let bits = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!(" {rest}")
    };
    Cow::Owned(format!("{address} {}{rest}", Ipv4Addr::from(bits)))
}

/// `POLICY($a, $b)` is called `POLICY`.
fn call(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.split('(').next().unwrap_or(text).trim_end())
}

/// The items of a list of numbers and ranges, or of words; `None` where it is none, or is
/// longer than any device has.
pub(crate) fn items(how: Expand, text: &str) -> Option<Vec<String>> {
    const MOST: u32 = 8192;
    if how == Expand::Words {
        return Some(text.split_ascii_whitespace().map(str::to_owned).collect());
    }
    let mut out = Vec::new();
    for item in text.split([',', ' ']).filter(|item| !item.is_empty()) {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        if to < from || to - from > MOST {
            return None;
        }
        out.extend((from..=to).map(|n| n.to_string()));
    }
    (out.len() <= MOST as usize).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(how: Normaliser, from: &str, to: &str) {
        let kinds: Vec<Box<str>> = ["GigabitEthernet", "TenGigabitEthernet", "Loopback"]
            .iter()
            .map(|k| (*k).into())
            .collect();
        assert_eq!(apply(how, from, &kinds), to, "{how:?} of {from}");
        assert_eq!(apply(how, to, &kinds), to, "{how:?} is idempotent");
    }

    #[test]
    fn networks_lose_host_bits() {
        check(Normaliser::Network, "10.1.2.3/24", "10.1.2.0/24");
        check(
            Normaliser::Network,
            "10.1.2.3 255.255.255.0",
            "10.1.2.0 255.255.255.0",
        );
        check(Normaliser::Network, "2001:DB8:0::1/64", "2001:db8::/64");
        check(Normaliser::Network, "not-a-net", "not-a-net");
    }

    #[test]
    fn addresses_keep_host_bits() {
        check(Normaliser::Address, "2001:DB8:0:0::1/64", "2001:db8::1/64");
        check(Normaliser::Address, "FE80::1", "fe80::1");
        check(Normaliser::Address, "10.1.2.3/24", "10.1.2.3/24");
    }

    #[test]
    fn interfaces_get_their_full_name() {
        check(Normaliser::Ifname, "gi0/1", "GigabitEthernet0/1");
        check(Normaliser::Ifname, "Gig 0/1.100", "GigabitEthernet0/1.100");
        check(Normaliser::Ifname, "te1/1", "TenGigabitEthernet1/1");
        check(Normaliser::Ifname, "loopback0", "Loopback0");
        check(Normaliser::Ifname, "swp1", "swp1");
    }

    #[test]
    fn prefix_bounds_have_one_order() {
        check(
            Normaliser::GeLe,
            "10.0.0.1/8 le 32 ge 24",
            "10.0.0.0/8 ge 24 le 32",
        );
        check(Normaliser::GeLe, "0.0.0.0/0 le 32", "0.0.0.0/0 le 32");
    }

    #[test]
    fn number_ranges_are_joined() {
        check(Normaliser::Ranges, "30,10-12,13", "10-13,30");
        check(Normaliser::Ranges, "1,2", "1,2");
        check(Normaliser::Ranges, "all", "all");
    }

    #[test]
    fn access_entries_have_one_spelling() {
        check(
            Normaliser::Ace,
            "tcp 10.0.0.1 0.0.0.0 0.0.0.0 255.255.255.255 eq www",
            "tcp host 10.0.0.1 any eq 80",
        );
        check(
            Normaliser::Ace,
            "ip 10.1.2.3 0.0.0.255 any log",
            "ip 10.1.2.0 0.0.0.255 any log",
        );
        check(Normaliser::Ace, "10.0.0.1", "host 10.0.0.1");
        check(Normaliser::Ace, "icmp any any echo", "icmp any any echo");
        check(
            Normaliser::Ace,
            "udp any range bootps bootpc any",
            "udp any range 67 68 any",
        );
    }

    #[test]
    fn token_sets_are_sorted() {
        check(Normaliser::Words, "B A", "A B");
    }
}

//! Access lists of IOS: numbers, canonical words, and whether a packet passes.

use std::net::Ipv4Addr;

use super::super::configure::{Edit, Effect};
use super::super::grammar::Mode;
use super::super::tree::Node;

/// IOS counts entries by ten.
const STEP: u64 = 10;

/// Port numbers IOS prints as names.
const PORTS: &[(&str, u16)] = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("www", 80),
    ("pop3", 110),
    ("ntp", 123),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("snmp", 161),
    ("snmptrap", 162),
    ("bgp", 179),
    ("isakmp", 500),
    ("syslog", 514),
    ("lpd", 515),
];

/// An entry without its number, with addresses and ports as IOS prints them.
pub(super) fn canonical(entry: &str) -> String {
    let words: Vec<&str> = entry.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut i = 0;
    while i < words.len() {
        let word = words[i];
        match (word, words.get(i + 1)) {
            ("0.0.0.0", Some(&"255.255.255.255")) => {
                out.push("any".to_owned());
                i += 1;
            }
            (_, Some(&"0.0.0.0")) if word.parse::<Ipv4Addr>().is_ok() => {
                out.push(format!("host {word}"));
                i += 1;
            }
            (n, _) if i > 0 && matches!(words[i - 1], "eq" | "gt" | "lt" | "neq" | "range") => {
                out.push(port_name(n));
            }
            _ => out.push(word.to_owned()),
        }
        i += 1;
    }
    out.join(" ")
}

fn port_name(word: &str) -> String {
    let number: Option<u16> = word.parse().ok();
    PORTS
        .iter()
        .find(|(_, n)| Some(*n) == number)
        .map_or_else(|| word.to_owned(), |(name, _)| (*name).to_owned())
}

/// Splits a stored or typed entry into number and rest.
pub(super) fn split(entry: &str) -> (Option<u64>, &str) {
    match entry.split_once(' ') {
        Some((n, rest)) if n.parse::<u64>().is_ok() => (n.parse().ok(), rest),
        _ => (
            entry.parse().ok(),
            if entry.parse::<u64>().is_ok() {
                ""
            } else {
                entry
            },
        ),
    }
}

/// Gives every entry of a list read from a text its number.
pub(super) fn number_all(list: &mut Node) {
    let mut last = 0;
    for entry in &mut list.children {
        let (seq, rest) = split(&entry.text);
        last = seq.unwrap_or(last + STEP);
        entry.text = format!("{last} {}", canonical(rest));
    }
}

/// Types an entry.
pub(super) fn put(edit: &mut Edit<'_>, line: &str) -> Effect {
    let mode: &Mode = edit.mode;
    let standard = mode.name == "config-std-nacl";
    let list = edit.block();
    let (seq, rest) = split(line);
    if rest.is_empty() {
        return Effect::refused("% Incomplete command.");
    }
    let rest = if standard {
        standard_source(&canonical(rest))
    } else {
        canonical(rest)
    };
    if list.children.iter().any(|e| split(&e.text).1 == rest) && !rest.starts_with("remark") {
        return Effect::changed(false);
    }
    let taken = |n: u64| list.children.iter().any(|e| split(&e.text).0 == Some(n));
    let seq = match seq {
        Some(n) if taken(n) => return Effect::refused("% Duplicate sequence number"),
        Some(n) => n,
        None => {
            list.children
                .iter()
                .filter_map(|e| split(&e.text).0)
                .max()
                .unwrap_or(0)
                + STEP
        }
    };
    mode.insert(list, Node::leaf(format!("{seq} {rest}")));
    Effect::changed(true)
}

/// A standard entry's single address: IOS leaves `host` away.
fn standard_source(entry: &str) -> String {
    entry.replacen("host ", "", usize::from(!entry.starts_with("remark")))
}

/// Takes an entry away, by number or by content.
pub(super) fn withdraw(edit: &mut Edit<'_>, line: &str) -> Effect {
    let standard = edit.mode.name == "config-std-nacl";
    let (seq, rest) = split(line);
    let rest = if standard {
        standard_source(&canonical(rest))
    } else {
        canonical(rest)
    };
    let gone = edit.block().remove(|e| {
        let (number, content) = split(&e.text);
        match seq {
            Some(_) => number == seq,
            None => content == rest,
        }
    });
    if gone == 0 {
        Effect::refused("%Entry does not exist")
    } else {
        Effect::changed(true)
    }
}

/// `ip access-list resequence NAME START STEP`.
pub(super) fn resequence(list: &mut Node, start: u64, step: u64) {
    let mut next = start;
    for entry in &mut list.children {
        let rest = split(&entry.text).1.to_owned();
        entry.text = format!("{next} {rest}");
        next += step;
    }
}

/// A packet of a management connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Packet {
    /// Where it comes from.
    pub(in crate::sim) from: Ipv4Addr,
    /// The device's own address.
    pub(in crate::sim) to: Option<Ipv4Addr>,
    /// The port it goes to.
    pub(in crate::sim) port: u16,
}

/// Whether the list lets the packet pass. A list that does not exist or has no entry lets
/// everything pass, as IOS does.
pub(in crate::sim) fn permits(root: &Node, name: &str, packet: Packet) -> bool {
    let entries = entries(root, name);
    let mut any = false;
    for (standard, entry) in &entries {
        if entry.starts_with("remark") {
            continue;
        }
        any = true;
        if let Some(verdict) = verdict(entry, *standard, packet) {
            return verdict;
        }
    }
    !any
}

/// The entries of a list, wherever it stands; with each whether it is a standard one.
fn entries(root: &Node, name: &str) -> Vec<(bool, String)> {
    let mut out = Vec::new();
    for node in &root.children {
        for (kind, standard) in [("standard", true), ("extended", false)] {
            if node.text == format!("ip access-list {kind} {name}") {
                out.extend(
                    node.children
                        .iter()
                        .map(|e| (standard, split(&e.text).1.to_owned())),
                );
            }
        }
        if let Some(entry) = node.text.strip_prefix(&format!("access-list {name} ")) {
            let n: u32 = name.parse().unwrap_or_default();
            let standard = n < 100 || (1300..2000).contains(&n);
            out.push((standard, canonical(entry)));
        }
    }
    out
}

/// What an entry says about the packet, if it applies to it.
fn verdict(entry: &str, standard: bool, packet: Packet) -> Option<bool> {
    let words: Vec<&str> = entry.split(' ').collect();
    let permit = match words.first() {
        Some(&"permit") => true,
        Some(&"deny") => false,
        _ => return None,
    };
    if standard {
        let (matched, _) = address(&words[1..], Some(packet.from))?;
        return matched.then_some(permit);
    }
    if !matches!(words.get(1), Some(&("ip" | "tcp" | "6"))) {
        return None;
    }
    let (from, rest) = address(&words[2..], Some(packet.from))?;
    // A management connection's own port is a high one: only `gt`, `range` could match it.
    let (source_port, rest) = port(rest, None)?;
    let (to, rest) = address(rest, packet.to)?;
    let (port, rest) = port(rest, Some(packet.port))?;
    let syn = !rest.contains(&"established");
    (from && source_port && to && port && syn).then_some(permit)
}

/// Matches one address expression; what follows it.
fn address<'a>(words: &'a [&'a str], ip: Option<Ipv4Addr>) -> Option<(bool, &'a [&'a str])> {
    match words {
        ["any", rest @ ..] => Some((true, rest)),
        ["host", host, rest @ ..] => Some((ip.is_none_or(|ip| host.parse() == Ok(ip)), rest)),
        [net, wild, rest @ ..] if wild.parse::<Ipv4Addr>().is_ok() => {
            let net = net.parse::<Ipv4Addr>().ok()?.to_bits();
            let care = !wild.parse::<Ipv4Addr>().ok()?.to_bits();
            Some((ip.is_none_or(|ip| ip.to_bits() & care == net & care), rest))
        }
        [host, rest @ ..] => {
            let host = host.parse::<Ipv4Addr>().ok()?;
            Some((ip.is_none_or(|ip| host == ip), rest))
        }
        [] => None,
    }
}

/// Matches an optional port expression; `None` as port stands for an unknown high one.
fn port<'a>(words: &'a [&'a str], port: Option<u16>) -> Option<(bool, &'a [&'a str])> {
    let port = port.unwrap_or(u16::MAX);
    match words {
        ["eq", n, rest @ ..] => Some((port_number(n)? == port, rest)),
        ["neq", n, rest @ ..] => Some((port_number(n)? != port, rest)),
        ["gt", n, rest @ ..] => Some((port > port_number(n)?, rest)),
        ["lt", n, rest @ ..] => Some((port < port_number(n)?, rest)),
        ["range", a, b, rest @ ..] => {
            Some(((port_number(a)?..=port_number(b)?).contains(&port), rest))
        }
        rest => Some((true, rest)),
    }
}

fn port_number(word: &str) -> Option<u16> {
    let named = PORTS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, n)| *n);
    named.or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kind: &str, entries: &[&str]) -> Node {
        let mut acl = Node::leaf(format!("ip access-list {kind} L"));
        acl.children = entries.iter().map(|e| Node::leaf(*e)).collect();
        number_all(&mut acl);
        Node {
            text: String::new(),
            children: vec![acl],
        }
    }

    fn passes(kind: &str, entries: &[&str]) -> bool {
        let packet = Packet {
            from: Ipv4Addr::new(192, 0, 2, 10),
            to: Some(Ipv4Addr::new(10, 0, 0, 1)),
            port: 22,
        };
        permits(&list(kind, entries), "L", packet)
    }

    #[test]
    fn first_match_decides_and_the_end_denies() {
        assert!(passes(
            "extended",
            &["permit tcp host 192.0.2.10 any eq 22"]
        ));
        assert!(!passes(
            "extended",
            &["permit tcp host 192.0.2.11 any eq 22"]
        ));
        assert!(!passes(
            "extended",
            &["deny tcp any any eq 22", "permit ip any any"]
        ));
        assert!(passes(
            "extended",
            &["permit tcp 192.0.2.0 0.0.0.255 any", "deny ip any any"]
        ));
        assert!(!passes(
            "extended",
            &["permit udp any any", "permit tcp any any eq www"]
        ));
        assert!(!passes("extended", &["permit tcp any host 10.0.0.2 eq 22"]));
        assert!(passes(
            "standard",
            &["deny 192.0.2.9", "permit 192.0.2.0 0.0.0.15"]
        ));
        assert!(!passes("standard", &["permit 192.0.2.9"]));
    }

    #[test]
    fn a_missing_or_empty_list_lets_everything_pass() {
        assert!(passes("extended", &[]));
        assert!(passes("extended", &["remark nothing here"]));
        let packet = Packet {
            from: Ipv4Addr::LOCALHOST,
            to: None,
            port: 22,
        };
        assert!(permits(&Node::default(), "L", packet));
    }

    #[test]
    fn entries_are_numbered_and_canonical() {
        let root = list(
            "extended",
            &[
                "permit tcp any host 10.0.0.1 eq 80",
                "deny ip 1.1.1.1 0.0.0.0 any",
            ],
        );
        let texts: Vec<&str> = root.children[0]
            .children
            .iter()
            .map(|e| e.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "10 permit tcp any host 10.0.0.1 eq www",
                "20 deny ip host 1.1.1.1 any"
            ]
        );
    }
}

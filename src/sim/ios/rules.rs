//! What IOS does besides storing a line: canonical arguments, cascades, refusals.

use std::net::Ipv4Addr;

use super::super::configure::{Edit, Effect, Fault, Rules};
use super::super::grammar::{Grammar, Mode};
use super::super::tree::Node;
use super::super::words::starts_with_words;
use super::acl;
use super::grammar::IOS;
use super::interface::{self, is_l3, leave_vrf};

/// The rules of IOS.
#[derive(Debug)]
pub(in crate::sim) struct IosRules;

/// Names of interface types; the second part says whether a configuration can make one.
const TYPES: &[(&str, bool)] = &[
    ("GigabitEthernet", false),
    ("FastEthernet", false),
    ("TenGigabitEthernet", false),
    ("TwentyFiveGigE", false),
    ("FortyGigabitEthernet", false),
    ("HundredGigE", false),
    ("Ethernet", false),
    ("Serial", false),
    ("Loopback", true),
    ("Tunnel", true),
    ("Vlan", true),
    ("Port-channel", true),
    ("BDI", true),
    ("Dialer", true),
    ("nve", true),
];

/// Words after which an interface name stands.
const BEFORE_INTERFACE: &[&str] = &[
    "interface",
    "passive-interface",
    "update-source",
    "source-interface",
    "unnumbered",
    "source",
    "trap-source",
];

/// The full name of an interface; `None` if it is no interface name.
fn interface_name(word: &str) -> Option<String> {
    let digits = word.find(|c: char| c.is_ascii_digit())?;
    let (kind, unit) = word.split_at(digits);
    let lower = kind.to_ascii_lowercase();
    let exact = TYPES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(kind));
    let (name, _) = exact.or_else(|| {
        TYPES
            .iter()
            .find(|(name, _)| !lower.is_empty() && name.to_ascii_lowercase().starts_with(&lower))
    })?;
    Some(format!("{name}{unit}"))
}

fn can_be_made(name: &str) -> bool {
    TYPES
        .iter()
        .any(|(kind, made)| *made && name.starts_with(kind))
}

/// The first word that looks like an IPv4 address and is none.
fn bad_address(line: &str) -> Option<usize> {
    line.split_whitespace().position(|w| {
        w.len() >= 7
            && w.matches('.').count() == 3
            && w.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && w.parse::<Ipv4Addr>().is_err()
    })
}

/// Joins `interface gi 0/1` and writes interface names out.
fn interfaces(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut i = 0;
    while i < words.len() {
        let previous = i.checked_sub(1).map_or("", |p| words[p]);
        let joined = words.get(i + 1).map(|next| format!("{}{next}", words[i]));
        match (
            BEFORE_INTERFACE.contains(&previous),
            interface_name(words[i]),
            joined,
        ) {
            (true, Some(full), _) => out.push(full),
            (true, None, Some(both)) if interface_name(&both).is_some() => {
                out.extend(interface_name(&both));
                i += 1;
            }
            _ => out.push(words[i].to_owned()),
        }
        i += 1;
    }
    out.join(" ")
}

fn is_free_text(line: &str) -> bool {
    line.starts_with("description ")
        || line.contains("remark ")
        || line.starts_with("banner ")
        || line.contains(" description ")
}

impl Rules for IosRules {
    fn grammar(&self) -> &'static Grammar {
        &IOS
    }

    fn canonical(&self, mode: &Mode, line: String) -> Result<String, Fault> {
        if is_free_text(&line) {
            return Ok(line);
        }
        if let Some(at) = bad_address(&line) {
            return Err(Fault::Invalid(at));
        }
        let line = interfaces(&line);
        let words: Vec<&str> = line.split(' ').collect();
        match (mode.name, words.as_slice()) {
            ("config-router", ["router-id", id]) if id.parse::<Ipv4Addr>().is_err() => {
                Err(Fault::Invalid(1))
            }
            ("config", ["route-map", name]) => Ok(format!("route-map {name} permit 10")),
            ("config", ["route-map", name, action @ ("permit" | "deny")]) => {
                Ok(format!("route-map {name} {action} 10"))
            }
            ("config", ["vlan", id]) if !id.starts_with(|c: char| c.is_ascii_digit()) => {
                Err(Fault::Invalid(1))
            }
            ("config", ["access-list", n, rest @ ..]) => Ok(format!(
                "access-list {n} {}",
                acl::canonical(&rest.join(" "))
            )),
            ("config-if", ["shut"]) => Ok("shutdown".to_owned()),
            _ => Ok(line),
        }
    }

    fn put(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
        match edit.mode.name {
            "config-std-nacl" => Some(acl::put(edit, line)),
            "config-ext-nacl" if edit.header().starts_with("ip ") => Some(acl::put(edit, line)),
            "config-if" => interface::put(edit, line),
            "config-router" | "config-router-af" => put_neighbor(edit, line),
            "config" => put_top(edit, line),
            _ => None,
        }
    }

    fn withdraw(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
        match edit.mode.name {
            "config-std-nacl" => Some(acl::withdraw(edit, line)),
            "config-ext-nacl" if edit.header().starts_with("ip ") => {
                Some(acl::withdraw(edit, line))
            }
            "config-if" => interface::withdraw(edit, line),
            "config-router" | "config-router-af" => withdraw_neighbor(edit, line),
            "config" => withdraw_top(edit, line),
            _ => None,
        }
    }

    fn refusal(&self, _line: &str, fault: &Fault) -> String {
        match fault {
            Fault::Invalid(_) => "% Invalid input detected at '^' marker.\n".to_owned(),
            Fault::Ambiguous => "% Ambiguous command:".to_owned(),
            Fault::Incomplete => "% Incomplete command.\n".to_owned(),
        }
    }
}

fn put_top(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["interface", name] => {
            let parent = name
                .split_once('.')
                .map(|(main, _)| format!("interface {main}"));
            let exists = edit.root.has(line) || parent.is_some_and(|p| edit.root.has(&p));
            (!exists && !can_be_made(name))
                .then(|| Effect::refused("% Invalid input detected at '^' marker.\n"))
        }
        ["router", "bgp", asn] => {
            let other = edit
                .root
                .value_of("router bgp")
                .filter(|running| running != asn)?;
            Some(Effect::refused(format!(
                "BGP is already running; AS is {other}"
            )))
        }
        ["ip", "prefix-list", name, "permit" | "deny", ..] => {
            let seq = next_sequence(edit.root, &format!("ip prefix-list {name} seq"));
            let rest = words[3..].join(" ");
            let same = |n: &Node| {
                n.text.starts_with(&format!("ip prefix-list {name} seq"))
                    && n.text.ends_with(&format!(" {rest}"))
            };
            if edit.root.children.iter().any(same) {
                return Some(Effect::changed(false));
            }
            let line = format!("ip prefix-list {name} seq {seq} {rest}");
            Some(Effect::changed(edit.mode.put(edit.root, &line)))
        }
        ["ip", "prefix-list", name, "seq", seq, ..] => {
            let slot = format!("ip prefix-list {name} seq {seq}");
            let taken = edit
                .root
                .children
                .iter()
                .any(|n| starts_with_words(&n.text, &slot) && n.text != line);
            taken.then(|| {
                Effect::refused(format!(
                    "%Insertion failed - seq # exists: {name} seq {seq}"
                ))
            })
        }
        ["ip", "access-list", "resequence", name, start, step] => {
            let kinds = ["standard", "extended"].map(|k| format!("ip access-list {k} {name}"));
            let list = edit
                .root
                .children
                .iter_mut()
                .find(|n| kinds.contains(&n.text))?;
            acl::resequence(
                list,
                start.parse().unwrap_or(10),
                step.parse().unwrap_or(10),
            );
            Some(Effect::changed(true))
        }
        _ => None,
    }
}

fn next_sequence(root: &Node, start: &str) -> u64 {
    let of = |n: &Node| {
        n.text
            .strip_prefix(start)?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
    };
    root.children.iter().filter_map(of).max().unwrap_or(0) / 5 * 5 + 5
}

fn withdraw_top(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        // `no access-list N …` takes the whole list, whatever follows the number.
        ["access-list", n, ..] => {
            let list = format!("access-list {n}");
            let kinds = ["standard", "extended"].map(|k| format!("ip access-list {k} {n}"));
            let gone = edit
                .root
                .remove(|c| starts_with_words(&c.text, &list) || kinds.contains(&c.text));
            Some(Effect::changed(gone > 0))
        }
        ["interface", name] if !can_be_made(name) && !name.contains('.') => Some(Effect::refused(
            "% Removal of physical interfaces is not permitted",
        )),
        ["vrf", "definition", name] | ["ip", "vrf", name] => {
            let gone = edit.root.remove(|c| c.text == line);
            for block in edit
                .root
                .children
                .iter_mut()
                .filter(|c| c.text.starts_with("interface "))
            {
                if leave_vrf(block, name) {
                    block.remove(|c| is_l3(&c.text));
                }
            }
            Some(Effect::changed(gone > 0))
        }
        ["aaa", "new-model"] => {
            edit.root
                .remove(|c| c.text.starts_with("aaa ") && !c.text.starts_with("aaa group"));
            None
        }
        ["ip", "prefix-list", name] => {
            let gone = edit
                .root
                .remove(|c| starts_with_words(&c.text, &format!("ip prefix-list {name}")));
            let says = if gone == 0 {
                "%Can't find prefix-list"
            } else {
                ""
            };
            Some(Effect {
                says: says.to_owned(),
                changed: gone > 0,
                refused: gone == 0,
            })
        }
        _ => None,
    }
}

fn put_neighbor(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["neighbor", peer, what, ..] = words.as_slice() else {
        return None;
    };
    let router = edit.root.at(&edit.path[..1])?;
    let is = |c: &Node, kind: &str| starts_with_words(&c.text, &format!("neighbor {peer} {kind}"));
    let known = router
        .children
        .iter()
        .any(|c| is(c, "remote-as") || is(c, "peer-group"));
    let defines = *what == "remote-as" || *what == "peer-group";
    (!known && !defines)
        .then(|| Effect::refused("% Specify remote-as or peer-group commands first"))
}

fn withdraw_neighbor(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    let (peer, whole) = match words.as_slice() {
        ["neighbor", peer] | ["neighbor", peer, "remote-as", ..] => (*peer, true),
        ["neighbor", peer, "peer-group"] => (*peer, true),
        ["neighbor", _, "activate"] if !on_by_default(edit) => {
            let gone = edit.block().remove(|c| c.text == line);
            return Some(Effect::changed(gone > 0));
        }
        _ => return None,
    };
    let start = format!("neighbor {peer}");
    let router = edit.root.at_mut(&edit.path[..1])?;
    let mut gone = 0;
    router.remove_deep(&mut |c| {
        let hit = whole && starts_with_words(c.text.trim_start_matches("no "), &start);
        gone += usize::from(hit);
        hit
    });
    Some(Effect::changed(gone > 0))
}

/// Whether the address family is on for every neighbor unless said otherwise; only then
/// does IOS print `no neighbor … activate`.
fn on_by_default(edit: &Edit<'_>) -> bool {
    let router = edit.root.at(&edit.path[..1]);
    edit.header() == "address-family ipv4"
        && router.is_some_and(|r| !r.has("no bgp default ipv4-unicast"))
}

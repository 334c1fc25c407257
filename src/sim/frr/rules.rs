//! What FRR does besides storing a line, as observed on FRR 8.4.4.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::super::configure::{Edit, Effect, Fault, Rules};
use super::super::grammar::{Grammar, Mode};
use super::super::tree::Node;
use super::super::words::starts_with_words;
use super::grammar::FRR;

/// The rules of FRR.
#[derive(Debug)]
pub(in crate::sim) struct FrrRules;

/// The default address family of a BGP instance.
const IPV4: &str = "address-family ipv4 unicast";

/// What belongs into an address family although it may be typed outside.
const FAMILY: &[&str] = &[
    "activate",
    "route-map",
    "prefix-list",
    "filter-list",
    "distribute-list",
    "next-hop-self",
    "send-community",
    "soft-reconfiguration",
    "route-reflector-client",
    "route-server-client",
    "maximum-prefix",
    "allowas-in",
    "default-originate",
    "weight",
    "remove-private-AS",
    "as-override",
    "attribute-unchanged",
    "unsuppress-map",
    "addpath-tx-all-paths",
];

/// Lists whose entries get numbers: how many words come before the number.
const LISTS: &[(&str, usize)] = &[
    ("ip prefix-list", 3),
    ("ipv6 prefix-list", 3),
    ("access-list", 2),
    ("ipv6 access-list", 3),
    ("bgp as-path access-list", 4),
    ("bgp community-list", 4),
    ("bgp large-community-list", 4),
    ("bgp extcommunity-list", 4),
];

impl Rules for FrrRules {
    fn grammar(&self) -> &'static Grammar {
        &FRR
    }

    fn canonical(&self, mode: &Mode, line: String) -> Result<String, Fault> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let line = match (mode.name, words.as_slice()) {
            ("config-router", ["address-family", family @ ("ipv4" | "ipv6")]) => {
                format!("address-family {family} unicast")
            }
            ("config" | "config-vrf", ["ip", "route", net, mask, rest @ ..])
                if mask.parse::<Ipv4Addr>().is_ok() && !net.contains('/') =>
            {
                let net = with_mask(net, mask).ok_or(Fault::Invalid(3))?;
                format!("ip route {net} {}", rest.join(" "))
            }
            ("config-if", ["ip", "address", a, ..]) if !a.contains('/') => {
                return Err(Fault::Invalid(2));
            }
            ("config-if", _) => words.join(" "),
            (_, ["description" | "neighbor", ..]) => words.join(" "),
            _ => prefixes(&words),
        };
        if words
            .iter()
            .any(|w| w.matches('.').count() == 3 && bad_prefix(w))
            && !line.contains("description")
        {
            return Err(Fault::Invalid(0));
        }
        Ok(line)
    }

    fn put(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
        match edit.mode.name {
            "config" => put_top(edit, line),
            "config-router" if edit.header().starts_with("router bgp") => put_bgp(edit, line),
            "config-router-af" => put_family(edit, line),
            _ => None,
        }
    }

    fn withdraw(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
        match edit.mode.name {
            "config" => withdraw_top(edit, line),
            "config-if" if line.starts_with("ip address") => {
                (!edit.block().has(line)).then(|| Effect::refused("% Can't find address"))
            }
            "config-vrf" if line.starts_with("ip route") => (!edit.block().has(line))
                .then(|| Effect::refused("% Refusing to remove a non-existent route")),
            "config-router" if edit.header().starts_with("router bgp") => withdraw_bgp(edit, line),
            "config-router-af" => withdraw_family(edit, line),
            _ => None,
        }
    }

    fn refusal(&self, line: &str, fault: &Fault) -> String {
        match fault {
            Fault::Invalid(_) => format!("% Unknown command: {line}"),
            Fault::Ambiguous => format!("% Ambiguous command: {line}"),
            Fault::Incomplete => format!("% Command incomplete: {line}"),
        }
    }
}

fn bad_prefix(word: &str) -> bool {
    let digits = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'.' || b == b'/');
    digits && word.parse::<IpNet>().is_err() && word.parse::<Ipv4Addr>().is_err()
}

fn with_mask(net: &str, mask: &str) -> Option<IpNet> {
    let mask: Ipv4Addr = mask.parse().ok()?;
    let length = u8::try_from(mask.to_bits().leading_ones()).ok()?;
    format!("{net}/{length}")
        .parse::<IpNet>()
        .ok()
        .map(|n| n.trunc())
}

/// Clears host bits of every prefix in the line.
fn prefixes(words: &[&str]) -> String {
    let one = |w: &&str| match w.parse::<IpNet>() {
        Ok(net) => net.trunc().to_string(),
        Err(_) => (*w).to_owned(),
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn put_top(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    if let ["router", "bgp", asn] = words.as_slice() {
        let default = |c: &Node| {
            c.text
                .strip_prefix("router bgp ")
                .filter(|r| !r.contains(' '))
                .map(str::to_owned)
        };
        let other = edit
            .root
            .children
            .iter()
            .find_map(default)
            .filter(|running| running != asn)?;
        return Some(Effect::refused(format!(
            "BGP is already running; AS is {other}"
        )));
    }
    let (_, before) = LISTS
        .iter()
        .find(|(start, _)| starts_with_words(line, start))?;
    if !matches!(words.get(*before), Some(&("permit" | "deny"))) {
        return None;
    }
    let list = words[..*before].join(" ");
    let entry = words[*before..].join(" ");
    if entry_of(edit.root, &list, &entry).is_some() {
        return Some(Effect::changed(false));
    }
    let of = |c: &Node| {
        c.text
            .strip_prefix(&format!("{list} seq "))?
            .split(' ')
            .next()?
            .parse::<u64>()
            .ok()
    };
    let last = edit.root.children.iter().filter_map(of).max().unwrap_or(0);
    let line = format!("{list} seq {} {entry}", last / 5 * 5 + 5);
    Some(Effect::changed(edit.mode.put(edit.root, &line)))
}

/// The line of a list that has this entry, whatever its number.
fn entry_of(root: &Node, list: &str, entry: &str) -> Option<String> {
    let start = format!("{list} seq ");
    let found = root.children.iter().find(|c| {
        c.text
            .strip_prefix(&start)
            .and_then(|r| r.split_once(' '))
            .is_some_and(|(_, e)| e == entry)
    })?;
    Some(found.text.clone())
}

fn withdraw_top(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["interface", name, ..] => {
            let known = edit
                .root
                .child(line)
                .is_some_and(|c| !c.children.is_empty());
            let real = *name == "lo" || known;
            return real.then(|| Effect::refused("% Only inactive interfaces can be deleted"));
        }
        ["ip", "route", ..] if !edit.root.children.iter().any(|c| c.text == line) => {
            return Some(Effect::refused("% Refusing to remove a non-existent route"));
        }
        ["frr", ..] | ["hostname"] => {
            return Some(Effect::refused(format!("% Unknown command: no {line}")));
        }
        _ => {}
    }
    let (_, before) = LISTS
        .iter()
        .find(|(start, _)| starts_with_words(line, start))?;
    if matches!(words.get(*before), Some(&("permit" | "deny"))) {
        let found = entry_of(
            edit.root,
            &words[..*before].join(" "),
            &words[*before..].join(" "),
        );
        let gone = found.map_or(0, |text| edit.root.remove(|c| c.text == text));
        return Some(Effect::changed(gone > 0));
    }
    None
}

fn known_peer(router: &Node, peer: &str) -> bool {
    router.children.iter().any(|c| {
        ["remote-as", "peer-group", "interface"]
            .iter()
            .any(|kind| starts_with_words(&c.text, &format!("neighbor {peer} {kind}")))
    })
}

fn unknown_peer(edit: &Edit<'_>, line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let ["neighbor", peer, what, ..] = words.as_slice() else {
        return false;
    };
    let defines = matches!(*what, "remote-as" | "peer-group" | "interface");
    !defines
        && !edit
            .root
            .at(&edit.path[..1])
            .is_some_and(|r| known_peer(r, peer))
}

/// Whether a line of the router belongs into its default address family.
fn of_family(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["neighbor", _, what, ..] => FAMILY.contains(what),
        [
            "network" | "aggregate-address" | "redistribute" | "maximum-paths",
            ..,
        ] => true,
        _ => false,
    }
}

const UNKNOWN_PEER: &str = "% Specify remote-as or peer-group commands first";

fn put_bgp(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    if unknown_peer(edit, line) {
        return Some(Effect::refused(UNKNOWN_PEER));
    }
    of_family(line).then(|| {
        in_family(edit, |inner| {
            put_family(inner, line).unwrap_or_else(|| {
                let mode = inner.mode;
                Effect::changed(mode.put(inner.block(), line))
            })
        })
    })
}

/// Does something in the default address family of the router.
fn in_family(edit: &mut Edit<'_>, act: impl FnOnce(&mut Edit<'_>) -> Effect) -> Effect {
    let router = edit.mode;
    if !edit.block().has(IPV4) {
        router.insert(edit.block(), Node::leaf(IPV4));
    }
    let mut path = edit.path.to_vec();
    path.push(IPV4.to_owned());
    let Some(mode) = FRR.opened(router, IPV4) else {
        return Effect::default();
    };
    act(&mut Edit {
        root: edit.root,
        path: &path,
        mode,
    })
}

/// Whether IPv4 unicast is on for every neighbor unless said otherwise.
fn on_by_default(edit: &Edit<'_>) -> bool {
    let router = edit.root.at(&edit.path[..1]);
    edit.header() == IPV4 && router.is_none_or(|r| !r.has("no bgp default ipv4-unicast"))
}

fn put_family(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    if unknown_peer(edit, line) {
        return Some(Effect::refused(UNKNOWN_PEER));
    }
    if line.ends_with(" activate") && on_by_default(edit) {
        let no = format!("no {line}");
        return Some(Effect::changed(edit.block().remove(|c| c.text == no) > 0));
    }
    None
}

fn withdraw_bgp(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["neighbor", peer] | ["neighbor", peer, "remote-as", ..] => {
            Some(forget(edit, &[(*peer).to_owned()]))
        }
        ["neighbor", group, "peer-group"] => {
            let router = edit.root.at(&edit.path[..1])?;
            let member = |c: &Node| {
                let peer = c
                    .text
                    .strip_prefix("neighbor ")?
                    .strip_suffix(&format!(" peer-group {group}"))?;
                let own = format!("neighbor {peer} remote-as");
                let keeps = router
                    .children
                    .iter()
                    .any(|c| starts_with_words(&c.text, &own));
                (!keeps).then(|| peer.to_owned())
            };
            let mut gone: Vec<String> = router.children.iter().filter_map(member).collect();
            gone.push((*group).to_owned());
            let effect = forget(edit, &gone);
            let bound = format!(" peer-group {group}");
            edit.block().remove(|c| c.text.ends_with(&bound));
            Some(effect)
        }
        _ if of_family(line) => Some(in_family(edit, |inner| {
            withdraw_family(inner, line).unwrap_or_else(|| {
                let mode = inner.mode;
                Effect::changed(mode.withdraw(inner.block(), line) > 0)
            })
        })),
        _ => None,
    }
}

/// Removes everything about these neighbors, in every address family.
fn forget(edit: &mut Edit<'_>, peers: &[String]) -> Effect {
    let mut gone = 0;
    if let Some(router) = edit.root.at_mut(&edit.path[..1]) {
        router.remove_deep(&mut |c| {
            let line = c.text.strip_prefix("no ").unwrap_or(&c.text);
            let hit = peers
                .iter()
                .any(|p| starts_with_words(line, &format!("neighbor {p}")));
            gone += usize::from(hit);
            hit
        });
    }
    Effect::changed(gone > 0)
}

fn withdraw_family(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    if line.starts_with("network ") && edit.mode.withdraw(&mut edit.block().clone(), line) == 0 {
        return Some(Effect::refused("% Can't find static route specified"));
    }
    if line.ends_with(" activate") && on_by_default(edit) {
        let no = format!("no {line}");
        let mode = edit.mode;
        let block = edit.block();
        let new = !block.has(&no);
        if new {
            mode.insert(block, Node::leaf(no));
        }
        return Some(Effect::changed(new));
    }
    None
}

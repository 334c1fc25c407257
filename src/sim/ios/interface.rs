//! What IOS does on interfaces: VRF membership, addresses, overlaps.

use std::net::Ipv4Addr;

use super::super::configure::{Edit, Effect};
use super::super::tree::Node;
use super::super::words::starts_with_words;

pub(super) fn leave_vrf(block: &mut Node, name: &str) -> bool {
    let member = [
        format!("vrf forwarding {name}"),
        format!("ip vrf forwarding {name}"),
    ];
    block.remove(|c| member.contains(&c.text)) > 0
}

pub(super) fn is_l3(line: &str) -> bool {
    line.starts_with("ip address") || line.starts_with("ipv6 address") || line == "ipv6 enable"
}

pub(super) fn put(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let words: Vec<&str> = line.split(' ').collect();
    let name = edit
        .header()
        .strip_prefix("interface ")
        .unwrap_or_default()
        .to_owned();
    match words.as_slice() {
        ["vrf", "forwarding", vrf] | ["ip", "vrf", "forwarding", vrf] => {
            let defined = [format!("vrf definition {vrf}"), format!("ip vrf {vrf}")];
            if !edit.root.children.iter().any(|c| defined.contains(&c.text)) {
                return Some(Effect::refused(format!("% VRF {vrf} not configured.")));
            }
            let mode = edit.mode;
            let block = edit.block();
            if block.has(line) {
                return Some(Effect::changed(false));
            }
            let gone = block.remove(|c| is_l3(&c.text));
            mode.put(block, line);
            let says = format!(
                "% Interface {name} IPv4 disabled and address(es) removed due to enabling VRF {vrf}"
            );
            Some(Effect {
                says: if gone > 0 { says } else { String::new() },
                changed: true,
                refused: false,
            })
        }
        ["ip", "address", address, mask, ..] => {
            let new = network(address, mask);
            if new.is_none() && *address != "dhcp" {
                return Some(Effect::refused(format!(
                    "Bad mask {mask} for address {address}"
                )));
            }
            let clash = new.and_then(|n| overlap(edit.root, &name, n))?;
            Some(Effect::refused(format!(
                "% {} overlaps with {clash}",
                new.map_or(Ipv4Addr::UNSPECIFIED, |n| n.0)
            )))
        }
        ["switchport"] => {
            edit.block()
                .remove(|c| is_l3(&c.text) || c.text == "no ip address");
            None
        }
        _ => None,
    }
}

/// Network and mask; `None` if the mask is none or the address is the network itself.
fn network(address: &str, mask: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (ip, mask): (Ipv4Addr, Ipv4Addr) = (address.parse().ok()?, mask.parse().ok()?);
    let contiguous = mask.to_bits().leading_ones() + mask.to_bits().trailing_zeros() == 32
        || mask.to_bits() == u32::MAX;
    contiguous.then(|| (Ipv4Addr::from_bits(ip.to_bits() & mask.to_bits()), mask))
}

/// The other interface of the same VRF whose network overlaps.
fn overlap(root: &Node, name: &str, new: (Ipv4Addr, Ipv4Addr)) -> Option<String> {
    let own = root
        .child(&format!("interface {name}"))
        .and_then(vrf_of)
        .map(str::to_owned);
    let interfaces = root
        .children
        .iter()
        .filter(|c| c.text.starts_with("interface "));
    for block in interfaces.filter(|c| vrf_of(c).map(str::to_owned) == own) {
        let other = block.text.strip_prefix("interface ").unwrap_or_default();
        if other == name || block.has("shutdown") {
            continue;
        }
        for line in block
            .children
            .iter()
            .filter_map(|c| c.text.strip_prefix("ip address "))
        {
            let mut words = line.split(' ');
            let old = network(
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            let common = old.map(|o| o.1.to_bits() & new.1.to_bits());
            if common
                .zip(old)
                .is_some_and(|(m, o)| o.0.to_bits() & m == new.0.to_bits() & m)
            {
                return Some(other.to_owned());
            }
        }
    }
    None
}

fn vrf_of(interface: &Node) -> Option<&str> {
    interface
        .value_of("vrf forwarding")
        .or_else(|| interface.value_of("ip vrf forwarding"))
}

pub(super) fn withdraw(edit: &mut Edit<'_>, line: &str) -> Option<Effect> {
    let name = edit
        .header()
        .strip_prefix("interface ")
        .unwrap_or_default()
        .to_owned();
    let block = edit.block();
    if starts_with_words(line, "vrf forwarding") || starts_with_words(line, "ip vrf forwarding") {
        let vrf = vrf_of(block)?.to_owned();
        leave_vrf(block, &vrf);
        block.remove(|c| is_l3(&c.text));
        return Some(Effect::remark(format!(
            "% Interface {name} IPv4 disabled and address(es) removed due to disabling VRF {vrf}"
        )));
    }
    if line.starts_with("ip address ") && !line.ends_with(" secondary") {
        let secondary =
            |c: &Node| c.text.starts_with("ip address ") && c.text.ends_with(" secondary");
        if block.has(line) && block.children.iter().any(secondary) {
            return Some(Effect::refused(
                "Must delete secondary before deleting primary",
            ));
        }
        if !block.has(line) {
            return Some(Effect::refused("Invalid address"));
        }
    }
    None
}

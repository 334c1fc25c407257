//! What IANA's registries say of addresses, and their names in the DNS.

use std::net::IpAddr;

use super::ipvalue::Net;

/// `255.255.0.0` and `0.0.255.255` are masks, not addresses of the public Internet.
pub(super) fn looks_like_mask(net: Net) -> bool {
    let all = if net.version() == 4 {
        u128::from(u32::MAX)
    } else {
        u128::MAX
    };
    let run = |bits: u128| bits & bits.wrapping_add(1) == 0;
    run(net.bits()) || run(!net.bits() & all)
}

/// Blocks that IANA's registries call not globally reachable.
const NOT_GLOBAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
];

/// Exceptions within them.
const GLOBAL: &[&str] = &[
    "192.0.0.9/32",
    "192.0.0.10/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
];

/// Whether an address is meant to be reached from everywhere.
pub(super) fn is_global(net: Net) -> bool {
    let host = Net::from_address(net.ip());
    let within = |list: &[&str]| {
        let mut nets = list.iter().filter_map(|text| Net::parse(text));
        nets.any(|net| net.contains(host))
    };
    within(GLOBAL) || !within(NOT_GLOBAL)
}

/// The name of an address in the reverse tree of the DNS.
pub(super) fn reverse_dns(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(a) => {
            let [a, b, c, d] = a.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(a) => {
            let nibbles = format!("{:032x}", a.to_bits());
            let reversed: Vec<String> = nibbles.chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa.", reversed.join("."))
        }
    }
}

//! One spelling for access-list entries.

use core::net::Ipv4Addr;
use std::borrow::Cow;
use std::fmt::Write as _;

const WRITES: &str = "writing to a String cannot fail";

/// How a platform writes addresses in entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `host A`, `A wildcard` (IOS).
    Wildcard,
    /// `A/32`, `A/24` (NX-OS).
    Prefix,
    /// `host A`, `A/24` (EOS).
    PrefixOrHost,
}

/// Ports IOS prints by name.
const PORTS: &[(&str, &str)] = &[
    ("bgp", "179"),
    ("biff", "512"),
    ("bootpc", "68"),
    ("bootps", "67"),
    ("chargen", "19"),
    ("cmd", "514"),
    ("daytime", "13"),
    ("discard", "9"),
    ("domain", "53"),
    ("echo", "7"),
    ("exec", "512"),
    ("finger", "79"),
    ("ftp", "21"),
    ("ftp-data", "20"),
    ("gopher", "70"),
    ("hostname", "101"),
    ("ident", "113"),
    ("irc", "194"),
    ("isakmp", "500"),
    ("klogin", "543"),
    ("kshell", "544"),
    ("login", "513"),
    ("lpd", "515"),
    ("msrpc", "135"),
    ("netbios-dgm", "138"),
    ("netbios-ns", "137"),
    ("netbios-ss", "139"),
    ("nntp", "119"),
    ("non500-isakmp", "4500"),
    ("ntp", "123"),
    ("pim-auto-rp", "496"),
    ("pop2", "109"),
    ("pop3", "110"),
    ("rip", "520"),
    ("smtp", "25"),
    ("snmp", "161"),
    ("snmptrap", "162"),
    ("sunrpc", "111"),
    ("syslog", "514"),
    ("tacacs", "49"),
    ("talk", "517"),
    ("telnet", "23"),
    ("tftp", "69"),
    ("time", "37"),
    ("uucp", "540"),
    ("who", "513"),
    ("whois", "43"),
    ("www", "80"),
    ("xdmcp", "177"),
];

/// One spelling for the addresses and ports of an access-list entry.
pub(super) fn ace(text: &str, style: Style) -> Cow<'_, str> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut ports = 0;
    while at < words.len() {
        if !out.is_empty() {
            out.push(' ');
        }
        let rest = &words[at..];
        at += match rest[0] {
            "host" if rest.len() > 1 => {
                host(rest[1], style, &mut out);
                2
            }
            word if word.parse::<Ipv4Addr>().is_ok() => ace_address(rest, style, &mut out),
            word if word.contains('/') => {
                prefix(word, style, &mut out);
                1
            }
            word => {
                ports = port_words(word, ports);
                out.push_str(if ports > 0 { port(word) } else { word });
                1
            }
        };
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// How many words from here on may be ports: after `eq` and `neq` all up to the next
/// keyword that is no port, after `range` two.
fn port_words(word: &str, ports: usize) -> usize {
    match word {
        "eq" | "neq" | "gt" | "lt" | "range" => usize::MAX,
        _ if ports > 0 && is_port(word) => ports,
        _ => 0,
    }
}

fn is_port(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit()) || PORTS.iter().any(|(name, _)| *name == word)
}

fn port(word: &str) -> &str {
    PORTS
        .iter()
        .find(|(name, _)| *name == word)
        .map_or(word, |(_, number)| number)
}

/// Writes an address of an entry; how many words it took.
fn ace_address(words: &[&str], style: Style, out: &mut String) -> usize {
    let address: Option<Ipv4Addr> = words[0].parse().ok();
    let wild: Option<Ipv4Addr> = words.get(1).and_then(|w| w.parse().ok());
    let (Some(address), Some(wild)) = (address, wild) else {
        host(words[0], style, out);
        return 1;
    };
    let bits = u32::from(wild);
    let net = Ipv4Addr::from(u32::from(address) & !bits);
    if wild == Ipv4Addr::BROADCAST {
        out.push_str("any");
    } else if bits == 0 {
        host(words[0], style, out);
    } else if style == Style::Wildcard || bits.leading_zeros() + bits.trailing_ones() < 32 {
        write!(out, "{net} {wild}").expect(WRITES);
    } else {
        write!(out, "{net}/{}", bits.leading_zeros()).expect(WRITES);
    }
    2
}

/// One address.
fn host(address: &str, style: Style, out: &mut String) {
    match style {
        Style::Wildcard | Style::PrefixOrHost => write!(out, "host {address}").expect(WRITES),
        Style::Prefix => {
            let length = if address.contains(':') { 128 } else { 32 };
            write!(out, "{address}/{length}").expect(WRITES);
        }
    }
}

/// `A/len`.
fn prefix(word: &str, style: Style, out: &mut String) {
    let Ok(net) = word.parse::<ipnet::IpNet>() else {
        out.push_str(word);
        return;
    };
    match (style, net.prefix_len()) {
        (Style::Wildcard, _) => out.push_str(word),
        (_, 0) => out.push_str("any"),
        (_, length) if length == net.max_prefix_len() => {
            host(&net.addr().to_string(), style, out);
        }
        (_, _) => out.push_str(&net.trunc().to_string()),
    }
}

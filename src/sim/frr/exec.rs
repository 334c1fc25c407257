//! The command line of vtysh.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::model::{Model, Reply, Terminal};
use super::super::words::{Expanded, expand};

/// What vtysh says first: five lines with the blank ones around.
pub(in crate::sim) const GREETING: &str = "\nHello, this is FRRouting (version 8.4.4).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\n\n";

const EXEC: &[&str] = &[
    "configure .",
    "configure terminal .",
    "exit .",
    "quit .",
    "end .",
    "enable .",
    "disable .",
    "terminal length <",
    "terminal paginate .",
    "terminal no paginate .",
    "write .",
    "write memory .",
    "write file .",
    "write terminal .",
    "copy running-config startup-config .",
    "show running-config",
    "show startup-config .",
    "show version .",
    "show bgp summary",
    "show ip bgp summary",
    "show bgp vrf <",
    "show ip route",
    "show interface",
    "show history .",
    "show memory",
    "show daemons .",
    "show ip ospf neighbor",
    "show route-map",
    "show users .",
    "list",
    "ping <",
    "traceroute <",
    "clear <",
    "debug <",
    "no terminal paginate .",
    "no debug <",
];

/// What stands before the cursor.
pub(in crate::sim) fn prompt(model: &Model, terminal: &Terminal) -> String {
    let name = model.hostname();
    let Some(path) = &terminal.config else {
        return format!("{name}# ");
    };
    let modes = model.rules().grammar().along(path);
    let mode = modes.last().copied().flatten().map_or("config", |m| m.name);
    format!("{name}({mode})# ")
}

/// Types one line.
pub(in crate::sim) fn line(
    model: &mut Model,
    terminal: &mut Terminal,
    line: &str,
    now: Timestamp,
) -> Reply {
    let typed = line.trim();
    if typed.is_empty() || typed.starts_with(['!', '#']) {
        return Reply::default();
    }
    if terminal.config.is_none() {
        return exec(model, terminal, typed, now);
    }
    match typed.split_whitespace().next() {
        Some("end") => leave(model, terminal),
        Some("exit" | "quit") if terminal.config.as_ref().is_some_and(Vec::is_empty) => {
            leave(model, terminal)
        }
        Some("quit") => {
            let _popped = terminal.config.as_mut().and_then(Vec::pop);
            Reply::default()
        }
        Some("do") => exec(model, terminal, typed.trim_start_matches("do").trim(), now),
        _ => config(model, terminal, typed, now),
    }
}

fn config(model: &mut Model, terminal: &mut Terminal, typed: &str, now: Timestamp) -> Reply {
    let effect = model.configure(terminal, typed, now);
    let cut = model.faults.drop_at_line.is_some_and(|n| n == model.typed);
    let text = if effect.says.is_empty() {
        String::new()
    } else {
        format!("{}\n", effect.says)
    };
    Reply {
        text,
        failed: effect.refused,
        cut,
        close: false,
    }
}

fn leave(model: &Model, terminal: &mut Terminal) -> Reply {
    terminal.config = None;
    let cut = terminal.dirty && model.faults.drop_after_commit;
    terminal.dirty = false;
    Reply {
        cut,
        ..Reply::default()
    }
}

fn exec(model: &mut Model, terminal: &mut Terminal, typed: &str, now: Timestamp) -> Reply {
    let full = match expand(EXEC.iter().copied(), typed, false) {
        Expanded::Line(full) => full,
        Expanded::Incomplete(..) => {
            return Reply::refuse(format!("% Command incomplete: {typed}\n"));
        }
        Expanded::Ambiguous => return Reply::refuse(format!("% Ambiguous command: {typed}\n")),
        Expanded::Invalid(_) => return Reply::refuse(format!("% Unknown command: {typed}\n")),
    };
    let words: Vec<&str> = full.split(' ').collect();
    match words.as_slice() {
        ["configure", ..] => {
            terminal.config = Some(Vec::new());
            terminal.dirty = false;
            Reply::default()
        }
        ["exit" | "quit"] => Reply {
            close: true,
            ..Reply::default()
        },
        ["terminal", "length", n] => match n.parse() {
            Ok(n) => {
                terminal.length = n;
                Reply::default()
            }
            Err(_) => Reply::refuse(format!("% Unknown command: {typed}\n")),
        },
        ["terminal", "paginate"] => {
            terminal.length = 24;
            Reply::default()
        }
        ["terminal" | "no", ..] => {
            terminal.length = 0;
            Reply::default()
        }
        ["write", "terminal"] => Reply::say(running(model, true)),
        ["write" | "copy", ..] => save(model, now),
        ["show", ..] => show(model, &words[1..], typed, now),
        _ => Reply::default(),
    }
}

fn save(model: &mut Model, now: Timestamp) -> Reply {
    const HEAD: &str =
        "Note: this version of vtysh never writes vtysh.conf\nBuilding Configuration...\n";
    if model.faults.refuse_save {
        return Reply::refuse(format!(
            "{HEAD}% Can't open configuration file /etc/frr/frr.conf.\n"
        ));
    }
    model.startup = model.running().into();
    model.saved = Some((now, "vtysh".to_owned()));
    Reply::say(format!(
        "{HEAD}Integrated configuration saved to /etc/frr/frr.conf\n[OK]\n"
    ))
}

fn show(model: &mut Model, words: &[&str], typed: &str, now: Timestamp) -> Reply {
    match words {
        ["running-config"] => Reply::say(running(model, true)),
        ["running-config", "no-header"] => Reply::say(running(model, false)),
        // One daemon's part is not simulated; the whole answers for it.
        ["running-config", "bgpd" | "zebra" | "staticd" | "ospfd"] => {
            Reply::say(running(model, true))
        }
        ["running-config", ..] => Reply::refuse(format!("% Unknown command: {typed}\n")),
        // With the integrated configuration there is nothing to show (8.4, observed).
        ["startup-config"] => Reply::default(),
        ["version"] => Reply::say(version(model)),
        ["bgp" | "ip", ..] if words.contains(&"summary") => Reply::say(summary(model, now)),
        _ => Reply::default(),
    }
}

fn running(model: &mut Model, header: bool) -> String {
    let mut text = format!("{}end\n", model.body());
    if let Some(n) = model.faults.truncate {
        text = text
            .lines()
            .take(n)
            .map(|l| format!("{l}\n"))
            .collect::<Vec<_>>()
            .concat();
    }
    if header {
        format!("Building configuration...\n\nCurrent configuration:\n{text}")
    } else {
        text
    }
}

fn version(model: &Model) -> String {
    format!(
        "FRRouting {} ({}) on Linux(6.1.0-18-amd64).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\nconfigured with:\n    '--build=x86_64-linux-gnu' '--prefix=/usr'\n",
        model.spec.version,
        model.hostname()
    )
}

/// A summary in which every neighbor that is not shut down is established.
fn summary(model: &Model, now: Timestamp) -> String {
    let Some(router) = model
        .root
        .children
        .iter()
        .find(|c| c.text.starts_with("router bgp "))
    else {
        return "% BGP instance not found\n".to_owned();
    };
    let up = now.duration_since(model.booted).as_secs().max(0);
    let time = format!("{:02}:{:02}:{:02}", up / 3600 % 24, up / 60 % 60, up % 60);
    let asn = router.text.split(' ').nth(2).unwrap_or_default();
    let id = router.value_of("bgp router-id").unwrap_or("0.0.0.0");
    let peers: Vec<(&str, &str)> = router
        .children
        .iter()
        .filter_map(|c| c.text.strip_prefix("neighbor ")?.split_once(" remote-as "))
        .filter(|(peer, _)| peer.parse::<std::net::IpAddr>().is_ok())
        .collect();
    if peers.is_empty() {
        return "% No BGP neighbors found in VRF default\n".to_owned();
    }
    let mut out = format!(
        "\nIPv4 Unicast Summary (VRF default):\nBGP router identifier {id}, local AS number {asn} vrf-id 0\nBGP table version 1\nRIB entries 1, using 192 bytes of memory\nPeers {n}, using {} KiB of memory\n\nNeighbor        V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc\n",
        peers.len() * 724 / 10,
        n = peers.len()
    );
    for (peer, remote) in &peers {
        let down = router
            .children
            .iter()
            .any(|c| c.text.starts_with(&format!("neighbor {peer} shutdown")));
        let (since, state) = if down {
            ("never", "Idle (Admin)")
        } else {
            (time.as_str(), "1")
        };
        let _unused = writeln!(
            out,
            "{peer:<15} 4 {remote:>10} {:>9} {:>9}        0    0    0 {since:>8} {state:>12}        1 N/A",
            up / 60 + 4,
            up / 60 + 4
        );
    }
    let _unused = write!(out, "\nTotal number of neighbors {}\n", peers.len());
    out
}

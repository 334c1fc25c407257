//! What IOS shows.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::model::{Model, Terminal};
use super::super::tree::Node;
use super::archive;

const STAMP: &str = "%H:%M:%S UTC %a %b %-d %Y";

/// Output of a `show` command.
pub(super) fn show(
    model: &mut Model,
    terminal: &Terminal,
    command: &str,
    now: Timestamp,
) -> String {
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    match words.as_slice() {
        ["running-config", "interface", name @ ..] => interface(model, &name.concat()),
        ["running-config", ..] => running(model, terminal),
        ["startup-config", ..] => startup(model),
        ["privilege"] => format!("Current privilege level is {}\n", terminal.privilege),
        ["version", ..] => version(model, now),
        ["archive"] => archive::show(model),
        ["archive", "config", ..] => archive::show_timer(model),
        ["clock", ..] => format!("{}\n", now.strftime("%H:%M:%S%.3f UTC %a %b %-d %Y")),
        ["users", ..] => users(model, terminal),
        ["ip", "interface", ..] => interfaces(model),
        ["ip", "ssh"] => "SSH Enabled - version 2.0\n".to_owned(),
        ["access-lists", ..] | ["ip", "access-lists", ..] => access_lists(model),
        ["terminal"] => format!("Length: {} lines, Width: 80 columns\n", terminal.length),
        ["inventory", ..] => inventory(),
        _ => "\n".to_owned(),
    }
}

/// `COMMAND | FILTER`.
pub(super) fn filter(text: &str, filter: &str) -> String {
    let (kind, pattern) = filter.split_once(' ').unwrap_or((filter, ""));
    let Ok(regex) = regex::RegexBuilder::new(pattern.trim())
        .size_limit(1 << 20)
        .build()
    else {
        return "% Bad regexp\n".to_owned();
    };
    let lines = || text.lines();
    let joined = |chosen: Vec<&str>| {
        chosen
            .iter()
            .map(|l| format!("{l}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    match kind.chars().next() {
        Some('i') => joined(lines().filter(|l| regex.is_match(l)).collect()),
        Some('e') => joined(lines().filter(|l| !regex.is_match(l)).collect()),
        Some('b') => joined(lines().skip_while(|l| !regex.is_match(l)).collect()),
        Some('c') => {
            let n = lines().filter(|l| regex.is_match(l)).count();
            format!("Number of lines which match regexp = {n}\n")
        }
        Some('s') => {
            let mut inside = false;
            joined(
                lines()
                    .filter(|l| {
                        inside = regex.is_match(l) || inside && l.starts_with(' ');
                        inside
                    })
                    .collect(),
            )
        }
        _ => "% Invalid input detected at '^' marker.\n".to_owned(),
    }
}

fn running(model: &mut Model, terminal: &Terminal) -> String {
    let mut text = whole(model, terminal);
    if let Some(n) = model.faults.truncate {
        text = text
            .lines()
            .take(n)
            .map(|l| format!("{l}\n"))
            .collect::<Vec<_>>()
            .concat();
    }
    format!("Building configuration...\n\n{text}\n")
}

/// The running configuration with its header; below level 15 only what such a user may see.
fn whole(model: &mut Model, terminal: &Terminal) -> String {
    let body = if terminal.privilege < 15 {
        format!(
            "!\nboot-start-marker\nboot-end-marker\n!\nhostname {}\n!\n!\n!\n",
            model.hostname()
        )
        .into()
    } else {
        model.body()
    };
    let mut head = String::from("!\n");
    if let Some((at, user)) = &model.changed {
        let _unused = writeln!(
            head,
            "! Last configuration change at {} by {user}",
            at.strftime(STAMP)
        );
    }
    if let Some((at, user)) = &model.saved {
        let _unused = writeln!(
            head,
            "! NVRAM config last updated at {} by {user}",
            at.strftime(STAMP)
        );
    }
    let text = format!("{head}{body}end\n");
    format!("Current configuration : {} bytes\n{text}", text.len())
}

fn startup(model: &Model) -> String {
    let text = &model.startup;
    let whole = if text.trim_end().ends_with("end") {
        text.to_string()
    } else {
        format!("{}\nend\n", text.trim_end())
    };
    let saved = model.saved.as_ref().map_or_else(String::new, |(at, user)| {
        format!(
            "! NVRAM config last updated at {} by {user}\n",
            at.strftime(STAMP)
        )
    });
    format!(
        "Using {} out of 262144 bytes\n!\n{saved}{whole}\n",
        whole.len()
    )
}

fn interface(model: &Model, name: &str) -> String {
    let header = format!("interface {name}");
    match model.root.child(&header) {
        None => "% Invalid input detected at '^' marker.\n\n".to_owned(),
        Some(block) => {
            let lines = block
                .children
                .iter()
                .map(|c| format!(" {}\n", c.text))
                .collect::<Vec<_>>()
                .concat();
            let text = format!("!\n{header}\n{lines}end\n");
            format!(
                "Building configuration...\n\nCurrent configuration : {} bytes\n{text}\n",
                text.len()
            )
        }
    }
}

fn version(model: &Model, now: Timestamp) -> String {
    let minutes = now.duration_since(model.booted).as_secs().max(0) / 60;
    format!(
        "Cisco IOS Software, IOSv Software (VIOS-ADVENTERPRISEK9-M), Version {}, RELEASE SOFTWARE (fc2)\n\
         Technical Support: http://www.cisco.com/techsupport\n\
         Copyright (c) 1986-2023 by Cisco Systems, Inc.\n\
         Compiled Wed 29-Mar-23 14:18 by prod_rel_team\n\n\nROM: Bootstrap program is IOSv\n\n\
         {} uptime is {} hours, {} minutes\nSystem returned to ROM by reload\n\
         System image file is \"flash0:/vios-adventerprisek9-m\"\nLast reload reason: Unknown reason\n\n\
         Cisco IOSv (revision 1.0) with 984313K/62464K bytes of memory.\nProcessor board ID {}\n\
         4 Gigabit Ethernet interfaces\nDRAM configuration is 72 bits wide with parity disabled.\n\
         256K bytes of non-volatile configuration memory.\n2097152K bytes of ATA System CompactFlash 0 (Read/Write)\n\n\
         Configuration register is 0x0\n\n",
        model.spec.version,
        model.hostname(),
        minutes / 60,
        minutes % 60,
        model.spec.serial()
    )
}

fn inventory() -> String {
    "NAME: \"IOSv\", DESCR: \"IOSv chassis, Hw Serial#: 9SIM, Hw Revision: 1.0\"\nPID: IOSv              , VID: 1.0, SN: 9SIM\n\n".to_owned()
}

fn users(model: &Model, terminal: &Terminal) -> String {
    let mut out =
        String::from("    Line       User       Host(s)              Idle       Location\n");
    for (line, (id, (user, from))) in model.users.iter().enumerate() {
        let here = if *id == terminal.id { '*' } else { ' ' };
        let _unused = writeln!(
            out,
            "{here}{:>3} vty {line}     {user:<10} idle                 00:00:00 {from}",
            line + 2
        );
    }
    out.push_str("\n  Interface    User               Mode         Idle     Peer Address\n\n");
    out
}

fn interfaces(model: &Model) -> String {
    let mut out = String::from(
        "Interface                  IP-Address      OK? Method Status                Protocol\n",
    );
    for block in model
        .root
        .children
        .iter()
        .filter(|c| c.text.starts_with("interface "))
    {
        let name = block.text.strip_prefix("interface ").unwrap_or_default();
        let address = block
            .value_of("ip address")
            .and_then(|v| v.split(' ').next())
            .unwrap_or("unassigned");
        let (status, protocol) = if block.has("shutdown") {
            ("administratively down", "down")
        } else {
            ("up", "up")
        };
        let method = if address == "unassigned" {
            "unset"
        } else {
            "NVRAM"
        };
        let _unused = writeln!(
            out,
            "{name:<26} {address:<15} YES {method:<6} {status:<21} {protocol:<8}"
        );
    }
    out
}

fn access_lists(model: &Model) -> String {
    let mut out = String::new();
    let lists = model
        .root
        .children
        .iter()
        .filter(|c| c.text.starts_with("ip access-list "));
    for Node { text, children } in lists {
        let mut words = text.split(' ').skip(2);
        let kind = if words.next() == Some("standard") {
            "Standard"
        } else {
            "Extended"
        };
        let _unused = writeln!(
            out,
            "{kind} IP access list {}",
            words.next().unwrap_or_default()
        );
        for entry in children.iter().filter(|e| !e.text.contains(" remark ")) {
            let _unused = writeln!(out, "    {}", entry.text);
        }
    }
    out
}

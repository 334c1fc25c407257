//! The command line of IOS: exec modes, configuration mode, questions.

use jiff::Timestamp;

use super::super::configure::Effect;
use super::super::model::{Asks, Model, Reply, Terminal};
use super::super::words::{Expanded, column_of, expand};
use super::{archive, show};

/// IOS cuts the host name in configuration prompts.
const PROMPT_NAME: usize = 20;

/// Commands of the exec modes.
const EXEC: &[&str] = &[
    "enable",
    "disable .",
    "exit .",
    "logout .",
    "quit .",
    "end .",
    "terminal length < .",
    "terminal width < .",
    "terminal monitor .",
    "terminal no monitor .",
    "terminal history size <",
    "configure terminal .",
    "configure terminal revert timer < .",
    "configure terminal revert timer idle < .",
    "configure confirm .",
    "configure revert now .",
    "configure revert timer < .",
    "configure revert timer idle < .",
    "configure .",
    "write memory .",
    "write .",
    "copy running-config startup-config",
    "show running-config",
    "show startup-config",
    "show privilege .",
    "show version",
    "show archive .",
    "show archive config rollback timer .",
    "show clock",
    "show users",
    "show history",
    "show ip interface brief",
    "show inventory",
    "show access-lists",
    "show ip access-lists",
    "show ip route",
    "show interfaces",
    "show logging",
    "show ip bgp summary",
    "show bgp summary",
    "show cdp neighbors",
    "show terminal .",
    "show configuration lock .",
    "show ip ssh .",
    "dir",
    "ping <",
    "traceroute <",
    "clear <",
    "debug <",
    "undebug <",
    "reload",
];

/// Commands that need privileged mode.
fn privileged(command: &str) -> bool {
    [
        "configure",
        "write",
        "copy",
        "reload",
        "show running-config",
        "show startup-config",
        "show archive",
        "debug",
        "clear",
    ]
    .iter()
    .any(|c| command.starts_with(c))
}

/// What stands before the cursor.
pub(in crate::sim) fn prompt(model: &Model, terminal: &Terminal) -> String {
    match &terminal.asks {
        Asks::Enable(_) => return "Password: ".to_owned(),
        Asks::Destination => return "Destination filename [startup-config]? ".to_owned(),
        Asks::Banner { .. } => return String::new(),
        Asks::Command => {}
    }
    let name = model.hostname();
    let Some(path) = &terminal.config else {
        return format!("{name}{}", if terminal.privilege > 1 { '#' } else { '>' });
    };
    let modes = model.rules().grammar().along(path);
    let mode = modes
        .last()
        .copied()
        .flatten()
        .map_or("config-block", |m| m.name);
    let short: String = name.chars().take(PROMPT_NAME).collect();
    let sub = path
        .last()
        .is_some_and(|h| h.starts_with("interface ") && h.contains('.'));
    format!("{short}({mode}{})#", if sub { "-subif" } else { "" })
        .replace("config-if-subif", "config-subif")
}

/// Types one line.
pub(in crate::sim) fn line(
    model: &mut Model,
    terminal: &mut Terminal,
    line: &str,
    now: Timestamp,
) -> Reply {
    match std::mem::take(&mut terminal.asks) {
        Asks::Command if terminal.config.is_some() => config(model, terminal, line, now),
        Asks::Command => exec(model, terminal, line, now),
        Asks::Enable(tries) => enable(model, terminal, line, tries),
        Asks::Destination => save(model, terminal, now),
        Asks::Banner {
            header,
            delimiter,
            text,
        } => banner(model, terminal, (header, delimiter, text), line, now),
    }
}

fn enable(model: &Model, terminal: &mut Terminal, line: &str, tries: u8) -> Reply {
    if model.spec.enable.as_deref().unwrap_or(&model.spec.password) == line {
        terminal.privilege = model.faults.privilege.unwrap_or(15).max(2);
        return Reply::default();
    }
    if tries < 2 {
        terminal.asks = Asks::Enable(tries + 1);
        return Reply::default();
    }
    Reply::refuse("% Bad secrets\n\n")
}

/// The caret line below a wrong word, as the real device aligns it.
fn invalid(model: &Model, terminal: &Terminal, line: &str, at: usize) -> String {
    let column = prompt(model, terminal).chars().count() + column_of(line, at);
    format!(
        "{:>width$}\n% Invalid input detected at '^' marker.\n\n",
        "^",
        width = column + 1
    )
}

fn exec(model: &mut Model, terminal: &mut Terminal, typed: &str, now: Timestamp) -> Reply {
    let (command, filter) = match typed.split_once('|') {
        Some((command, filter)) => (command.trim(), Some(filter.trim())),
        None => (typed.trim(), None),
    };
    if command.is_empty() || command.starts_with('!') {
        return Reply::default();
    }
    let full = match expand(EXEC.iter().copied(), command, false) {
        Expanded::Line(full) => full,
        Expanded::Incomplete(..) => return Reply::refuse("% Incomplete command.\n\n"),
        Expanded::Ambiguous => {
            return Reply::refuse(format!("% Ambiguous command:  \"{command}\"\n"));
        }
        Expanded::Invalid(at) => return Reply::refuse(invalid(model, terminal, command, at)),
    };
    if terminal.privilege < 2 && privileged(&full) {
        let at = usize::from(full.starts_with("show "));
        return Reply::refuse(invalid(model, terminal, command, at));
    }
    let reply = run(model, terminal, &full, now);
    match filter {
        Some(filter) => Reply {
            text: show::filter(&reply.text, filter),
            ..reply
        },
        None => reply,
    }
}

fn run(model: &mut Model, terminal: &mut Terminal, command: &str, now: Timestamp) -> Reply {
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        ["enable", ..] if terminal.privilege < 15 => terminal.asks = Asks::Enable(0),
        ["disable"] => terminal.privilege = 1,
        ["exit" | "logout" | "quit"] => {
            return Reply {
                close: true,
                ..Reply::default()
            };
        }
        ["terminal", "length", n] => match n.parse() {
            Ok(n) => terminal.length = n,
            Err(_) => return Reply::refuse(invalid(model, terminal, command, 2)),
        },
        ["terminal", "monitor"] => terminal.monitor = true,
        ["terminal", "no", "monitor"] => terminal.monitor = false,
        ["configure", rest @ ..] => return configure(model, terminal, rest, now),
        ["write" | "write memory"] | ["write", "memory"] => return save(model, terminal, now),
        ["copy", "running-config", "startup-config", ..] => terminal.asks = Asks::Destination,
        ["show", ..] => return Reply::say(show::show(model, terminal, command, now)),
        ["dir", ..] => {
            return Reply::say(
                "Directory of flash:/\n\nNo files in directory\n\n2142715904 bytes total (1804210176 bytes free)\n",
            );
        }
        _ => {}
    }
    Reply::default()
}

fn configure(model: &mut Model, terminal: &mut Terminal, words: &[&str], now: Timestamp) -> Reply {
    let minutes = |n: &str| n.parse::<u64>().ok().filter(|n| (1..=120).contains(n));
    let bad = |model: &Model, terminal: &Terminal| {
        Reply::refuse(invalid(
            model,
            terminal,
            "configure terminal revert timer x",
            4,
        ))
    };
    match words {
        ["confirm"] => archive::confirm(model, terminal, now),
        ["revert", "now"] => archive::revert(model, now),
        ["revert", "timer", rest @ ..] => match minutes(rest[rest.len() - 1]) {
            Some(n) => archive::extend(model, terminal, n, rest.len() > 1, now),
            None => bad(model, terminal),
        },
        ["terminal", "revert", "timer", rest @ ..] => match minutes(rest[rest.len() - 1]) {
            Some(n) => {
                let armed = archive::arm(model, terminal, n, rest.len() > 1, now);
                if armed.failed {
                    armed
                } else {
                    enter(terminal, &armed.text)
                }
            }
            None => bad(model, terminal),
        },
        _ => enter(terminal, ""),
    }
}

fn enter(terminal: &mut Terminal, before: &str) -> Reply {
    terminal.config = Some(Vec::new());
    terminal.dirty = false;
    Reply::say(format!(
        "{before}Enter configuration commands, one per line.  End with CNTL/Z.\n"
    ))
}

fn save(model: &mut Model, terminal: &Terminal, now: Timestamp) -> Reply {
    if model.faults.refuse_save {
        return Reply::refuse(
            "Building configuration...\n% Error: NVRAM write failed\nstartup-config file open failed (Device or resource busy)\n",
        );
    }
    model.startup = super::startup(model).into();
    model.saved = Some((now, terminal.user.clone()));
    Reply::say("Building configuration...\n[OK]\n")
}

fn config(model: &mut Model, terminal: &mut Terminal, typed: &str, now: Timestamp) -> Reply {
    let line = typed.trim();
    let mut words = line.split_whitespace();
    match words.next() {
        Some("end") => return leave(model, terminal, now),
        Some("exit") if terminal.config.as_ref().is_some_and(Vec::is_empty) => {
            return leave(model, terminal, now);
        }
        Some("do") => return do_exec(model, terminal, line, now),
        Some("banner") if words.clone().count() >= 2 => {
            return begin_banner(model, terminal, line, now);
        }
        _ => {}
    }
    let effect = model.configure(terminal, line, now);
    let cut = model.faults.drop_at_line.is_some_and(|n| n == model.typed);
    Reply {
        text: said(model, terminal, line, &effect),
        failed: effect.refused,
        cut,
        close: false,
    }
}

/// Aligns the caret of a refusal.
fn said(model: &Model, terminal: &Terminal, line: &str, effect: &Effect) -> String {
    if effect.says.is_empty() {
        return String::new();
    }
    if effect.says.starts_with("% Invalid input") {
        let at = wrong_word(model, terminal, line);
        return invalid(model, terminal, line, at);
    }
    if effect.says == "% Ambiguous command:" {
        return format!("% Ambiguous command:  \"{line}\"\n");
    }
    format!("{}\n", effect.says)
}

/// Which word of a refused line the caret points at.
fn wrong_word(model: &Model, terminal: &Terminal, line: &str) -> usize {
    let grammar = model.rules().grammar();
    let modes = grammar.along(terminal.config.as_deref().unwrap_or_default());
    let (skip, body) = line.strip_prefix("no ").map_or((0, line), |b| (1, b));
    let at = |m: &'static super::super::grammar::Mode| match expand(grammar.phrases(m), body, false)
    {
        Expanded::Invalid(at) => at,
        Expanded::Line(_) | Expanded::Ambiguous | Expanded::Incomplete(..) => {
            body.split_whitespace().count().saturating_sub(1)
        }
    };
    skip + modes.into_iter().flatten().map(at).max().unwrap_or(0)
}

fn do_exec(model: &mut Model, terminal: &mut Terminal, line: &str, now: Timestamp) -> Reply {
    let command = line.strip_prefix("do").unwrap_or(line).trim();
    let config = terminal.config.take();
    let reply = exec(model, terminal, command, now);
    terminal.config = config;
    reply
}

fn leave(model: &mut Model, terminal: &mut Terminal, now: Timestamp) -> Reply {
    terminal.config = None;
    let text = format!(
        "%SYS-5-CONFIG_I: Configured from console by {} on vty0 ({})",
        terminal.user, terminal.from
    );
    model.log(now, &text);
    let cut = terminal.dirty && model.faults.drop_after_commit;
    terminal.dirty = false;
    Reply {
        cut,
        ..Reply::default()
    }
}

fn begin_banner(model: &mut Model, terminal: &mut Terminal, line: &str, now: Timestamp) -> Reply {
    let text = super::super::words::rest_of(line, 2);
    let header = line
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    let Some(delimiter) = text.chars().next() else {
        return Reply::default();
    };
    let rest = &text[delimiter.len_utf8()..];
    let say = format!("Enter TEXT message.  End with the character '{delimiter}'.\n");
    if rest.contains(delimiter) {
        return banner(
            model,
            terminal,
            (header, delimiter, String::new()),
            rest,
            now,
        );
    }
    let text = format!("{rest}\n");
    terminal.asks = Asks::Banner {
        header,
        delimiter,
        text,
    };
    Reply::say(say)
}

fn banner(
    model: &mut Model,
    terminal: &mut Terminal,
    (header, delimiter, mut text): (String, char, String),
    line: &str,
    now: Timestamp,
) -> Reply {
    let Some((last, _)) = line.split_once(delimiter) else {
        text.push_str(line);
        text.push('\n');
        terminal.asks = Asks::Banner {
            header,
            delimiter,
            text,
        };
        return Reply::default();
    };
    text.push_str(last);
    model.typed += 1;
    let node = format!("{header} ^C{text}^C");
    let top = model.rules().grammar().top();
    if top.put(&mut model.root, &node) {
        terminal.dirty = true;
        model.changed = Some((now, terminal.user.clone()));
        model.touch();
    }
    Reply::default()
}

//! What Netkeel understands of one device.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::count;
use crate::cli::ui::Paint;
use crate::config::{Document, NodeKind};
use crate::model::{Capabilities, ConfirmScope, Facts, Mode};

/// One look at one device.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Understood {
    /// Format version, 1.
    pub(crate) schema: u32,
    /// The pack.
    pub(crate) platform: String,
    /// What the device says it is.
    pub(crate) facts: Facts,
    /// Lines that mean something.
    pub(crate) lines: usize,
    /// Share of them that rules of the platform cover, in percent.
    pub(crate) coverage: u8,
    /// Kinds of top-level sections, and how many of each.
    pub(crate) sections: BTreeMap<String, usize>,
    /// Secrets that are sealed before anything else sees the text.
    pub(crate) secrets: usize,
    /// Lines without meaning (time of the last change, and the like).
    pub(crate) noise: usize,
    /// Lines that could not be understood at all.
    pub(crate) not_understood: Vec<String>,
    /// Running differs from startup; absent where it was not seen.
    pub(crate) unsaved: Option<bool>,
    /// What a change would need.
    pub(crate) changes: Vec<String>,
}

const SEALED: &str = "\u{27e6}sealed:";
const CLOSE: char = '\u{27e7}';

impl Understood {
    /// From a sealed document.
    pub(crate) fn new(
        platform: &str,
        facts: Facts,
        document: &Document,
        can: &Capabilities,
    ) -> Self {
        let mut understood = Self {
            schema: 1,
            platform: platform.to_owned(),
            facts,
            lines: document.semantic_lines(),
            coverage: document.coverage(),
            sections: BTreeMap::new(),
            secrets: secrets(document.text()),
            noise: 0,
            not_understood: Vec::new(),
            unsaved: None,
            changes: needs(can),
        };
        for id in document.roots() {
            let node = document.node(*id);
            match &node.kind {
                NodeKind::Command | NodeKind::Block | NodeKind::Literal => {
                    let word = node.command.split(' ').next().unwrap_or_default();
                    *understood.sections.entry(word.to_owned()).or_insert(0) += 1;
                }
                NodeKind::Noise => understood.noise += 1,
                NodeKind::Error => {
                    let line = document.text()[node.span.clone()].trim_end().to_owned();
                    understood.not_understood.push(line);
                }
                NodeKind::Comment | NodeKind::Separator | NodeKind::Terminator => {}
            }
        }
        understood
    }
}

/// Different sealed values in a text.
fn secrets(text: &str) -> usize {
    let tokens = text.match_indices(SEALED).filter_map(|(at, _)| {
        let rest = &text[at..];
        Some(&rest[..rest.find(CLOSE)?])
    });
    tokens.collect::<std::collections::BTreeSet<_>>().len()
}

/// What a change would need, from what the session can do.
fn needs(can: &Capabilities) -> Vec<String> {
    let mut needs = Vec::new();
    match (&can.attended_only, can.timer) {
        (Some(why), _) => needs.push(format!("a person watching: {why}")),
        (None, Some((least, most, _))) => needs.push(format!(
            "nothing more: a change that is not confirmed is undone without us (after {least} to {most} s)"
        )),
        (None, None) => needs.push("a person watching: nothing undoes a change by itself".to_owned()),
    }
    let modes: Vec<&str> = [(can.merge, Mode::Merge), (can.replace, Mode::Replace)]
        .into_iter()
        .filter(|(can, _)| *can)
        .map(|(_, mode)| match mode {
            Mode::Merge => "line by line",
            Mode::Replace => "as a whole",
        })
        .collect();
    needs.push(format!("changes are made {}", modes.join(" or ")));
    match can.confirm {
        ConfirmScope::AnySession => {}
        ConfirmScope::SameSession => {
            needs.push("only the session that made a change can confirm it".to_owned());
        }
        ConfirmScope::None => needs.push("there is nothing to confirm".to_owned()),
    }
    if can.startup {
        needs.push("running is saved to startup after the confirm".to_owned());
    }
    needs
}

/// For a person.
pub(crate) fn text(seen: &Understood, paint: Paint) -> String {
    let mut text = format!("{}\n", headline(&seen.facts, paint));
    let mut row = |title: &str, content: &str| {
        let _ = writeln!(text, "{title:18}{content}");
    };
    row("platform", &seen.platform);
    let covered = format!("{} %", seen.coverage);
    let covered = if seen.coverage >= 90 {
        paint.green(&covered)
    } else {
        paint.yellow(&covered)
    };
    let lines = count(seen.lines, "line");
    row(
        "configuration",
        &format!(
            "{lines}, {covered} of them covered by rules of the platform (the rest by the general ones)"
        ),
    );
    row("sections", &sections(&seen.sections));
    row(
        "secrets",
        &format!("{}, sealed before anything else sees them", seen.secrets),
    );
    row("without meaning", &count(seen.noise, "line"));
    for (i, line) in seen.not_understood.iter().enumerate() {
        row(if i == 0 { "NOT UNDERSTOOD" } else { "" }, &paint.red(line));
    }
    match seen.unsaved {
        Some(true) => row(
            "startup",
            &paint.yellow("differs from running: somebody did not save"),
        ),
        Some(false) => row("startup", "the same as running"),
        None => {}
    }
    for (i, need) in seen.changes.iter().enumerate() {
        row(if i == 0 { "to change it" } else { "" }, need);
    }
    text
}

/// Who it is.
fn headline(facts: &Facts, paint: Paint) -> String {
    let uptime = facts
        .uptime
        .map(|s| format!(", up {} h", s / 3600))
        .unwrap_or_default();
    let serial = match facts.serial.as_str() {
        "" => String::new(),
        serial => format!(", serial {serial}"),
    };
    let model = format!("{} {}", facts.vendor, facts.model);
    let (name, model, version) = (
        paint.bold(&facts.hostname),
        model.trim_end(),
        &facts.version,
    );
    format!("{name}  {model} {version}{serial}{uptime}")
}

/// Kinds of sections, the most frequent first.
fn sections(kinds: &BTreeMap<String, usize>) -> String {
    const SHOWN: usize = 12;
    let mut kinds: Vec<_> = kinds.iter().collect();
    kinds.sort_by_key(|(name, number)| (std::cmp::Reverse(**number), (*name).clone()));
    let shown: Vec<String> = kinds
        .iter()
        .take(SHOWN)
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    match kinds.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more kinds", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newcomer_sees() {
        let seen = Understood {
            schema: 1,
            platform: "ios".into(),
            facts: Facts {
                vendor: "Cisco".into(),
                model: "C1111".into(),
                version: "17.9.4".into(),
                serial: "FGL1".into(),
                hostname: "r1".into(),
                uptime: Some(7200),
            },
            lines: 120,
            coverage: 97,
            sections: BTreeMap::from([("interface".into(), 6), ("router".into(), 1)]),
            secrets: secrets(
                "a \u{27e6}sealed:01\u{27e7}\nb \u{27e6}sealed:01\u{27e7} \u{27e6}sealed:02\u{27e7}\n",
            ),
            noise: 3,
            not_understood: Vec::new(),
            unsaved: Some(true),
            changes: needs(&Capabilities {
                merge: true,
                replace: false,
                confirm: ConfirmScope::AnySession,
                timer: Some((60, 7200, 60)),
                startup: true,
                attended_only: None,
            }),
        };
        assert_eq!(
            text(&seen, Paint::PLAIN),
            "\
r1  Cisco C1111 17.9.4, serial FGL1, up 2 h
platform          ios
configuration     120 lines, 97 % of them covered by rules of the platform (the rest by the general ones)
sections          6 interface, 1 router
secrets           2, sealed before anything else sees them
without meaning   3 lines
startup           differs from running: somebody did not save
to change it      nothing more: a change that is not confirmed is undone without us (after 60 to 7200 s)
                  changes are made line by line
                  running is saved to startup after the confirm
"
        );
    }
}

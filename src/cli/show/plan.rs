//! Plans: the difference, the commands with their reasons, the proof, the refusals. Devices
//! with the same change are shown once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::count;
use super::diff::painted;
use crate::cli::ui::Paint;
use crate::model::{
    Command, Decision, Disruption, DriftCounts, Plan, Proof, Refusal, RefusalKind, UndoMethod,
};

/// `2 missing, 1 extra`; `nothing` when there is no difference.
pub(crate) fn drift(counts: &DriftCounts) -> String {
    let parts: Vec<String> = [
        (counts.missing, "missing"),
        (counts.extra, "extra"),
        (counts.changed, "changed"),
        (counts.reordered, "reordered"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

/// All plans; unchanged devices are one line, equal changes are folded.
pub(crate) fn plans(plans: &[Plan], paint: Paint, verbose: bool) -> String {
    let mut text = String::new();
    let (unchanged, changing): (Vec<&Plan>, Vec<&Plan>) = plans
        .iter()
        .partition(|plan| plan.decision == Decision::Unchanged);
    for group in folded(&changing) {
        one(&mut text, &group, paint, verbose);
        text.push('\n');
    }
    for plan in &unchanged {
        for orphan in &plan.orphaned {
            line(
                &mut text,
                &format!("{}: orphaned, left alone: {orphan}", plan.device),
            );
        }
    }
    if !unchanged.is_empty() {
        let names: Vec<&str> = unchanged.iter().map(|plan| plan.device.as_str()).collect();
        let what = format!("{} in line", count(unchanged.len(), "device"));
        line(
            &mut text,
            &format!("{}: {}", paint.green(&what), shortened(&names, verbose)),
        );
    }
    text
}

/// Groups plans that say the same, in the order of their first device.
fn folded<'a>(plans: &[&'a Plan]) -> Vec<Vec<&'a Plan>> {
    let mut groups: Vec<Vec<&Plan>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for plan in plans {
        let key = format!(
            "{}\u{0}{:?}\u{0}{:?}\u{0}{:?}\u{0}{:?}\u{0}{:?}\u{0}{:?}",
            plan.diff,
            plan.remediation,
            plan.decision,
            plan.proof,
            plan.cause,
            plan.apply,
            plan.undo
        );
        match known.get(&key) {
            Some(index) => groups[*index].push(plan),
            None => {
                known.insert(key, groups.len());
                groups.push(vec![plan]);
            }
        }
    }
    groups
}

/// Names, cut after a few.
fn shortened(names: &[&str], all: bool) -> String {
    const SHOWN: usize = 8;
    if all || names.len() <= SHOWN {
        return names.join(", ");
    }
    format!(
        "{} and {} more",
        names[..SHOWN].join(", "),
        names.len() - SHOWN
    )
}

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push('\n');
}

fn one(text: &mut String, group: &[&Plan], paint: Paint, verbose: bool) {
    let plan = group[0];
    head(text, group, paint, verbose);
    for diff_line in painted(&plan.diff, paint).lines() {
        line(text, &format!("    {diff_line}"));
    }
    commands(text, plan, paint, verbose);
    for hazard in &plan.hazards {
        line(text, &format!("  {} {hazard}", paint.yellow("hazard:")));
    }
    for orphan in &plan.orphaned {
        line(text, &format!("  orphaned, left alone: {orphan}"));
    }
    for line_of_device in plan.ignored.iter().filter(|item| item.contains(" by ")) {
        line(
            text,
            &format!("  the device says: {}", said(line_of_device)),
        );
    }
    if !plan.ignored.is_empty() {
        let what = count(plan.ignored.len(), "difference");
        line(
            text,
            &paint.dim(&format!("  {what} without meaning (see -v)")),
        );
        if verbose {
            plan.ignored
                .iter()
                .for_each(|item| line(text, &paint.dim(&format!("    {item}"))));
        }
    }
    if let Decision::Refused(refusals) = &plan.decision {
        for refusal in refusals {
            let what = paint.red("refused:");
            line(
                text,
                &format!("  {what} {}: {}", refusal.kind.as_str(), refusal.detail),
            );
        }
        if let Some(way) = way_on(refusals) {
            let way = way
                .replace("PLAN", &plan.id.0)
                .replace("HOST", &plan.device);
            line(text, &format!("  after a look at it: {way}"));
        }
    }
}

/// What a person may do about refusals, if all of them can be accepted.
fn way_on(refusals: &[Refusal]) -> Option<&'static str> {
    let all = |kinds: &[RefusalKind]| refusals.iter().all(|r| kinds.contains(&r.kind));
    if all(&[RefusalKind::LargeDeletion, RefusalKind::EmptyIntent]) {
        Some("`netkeel accept deletion PLAN HOST --why …`")
    } else if all(&[RefusalKind::Contested]) {
        Some("`netkeel release HOST`")
    } else if all(&[RefusalKind::AttendedOnly]) {
        Some("`netkeel apply HOST --attended`")
    } else {
        None
    }
}

fn head(text: &mut String, group: &[&Plan], paint: Paint, verbose: bool) {
    let plan = group[0];
    let names: Vec<&str> = group.iter().map(|plan| plan.device.as_str()).collect();
    let mut head = paint.bold(&shortened(&names, verbose));
    if group.len() > 1 {
        let _ = write!(head, " ({}, the same change)", count(group.len(), "device"));
    }
    let _ = write!(head, "  {}", plan.platform);
    if let Some(cause) = plan.cause {
        let _ = write!(head, "  {}", cause.as_str());
    }
    let _ = write!(
        head,
        "  {}  apply: {}",
        drift(&plan.drift),
        plan.apply.as_str()
    );
    line(text, &head);
    for plan in group.iter().take(if verbose { usize::MAX } else { 8 }) {
        let base = plan.base.short();
        let id = format!("  plan {}  {} at base {base}", plan.id, plan.device);
        line(text, &paint.dim(&id));
    }
}

/// The line itself, without the reason it does not count and without comment signs: it may
/// say who changed the device.
fn said(ignored: &str) -> &str {
    let line = ignored.split_once(": ").map_or(ignored, |(_, line)| line);
    line.trim_start_matches(['!', ' '])
}

fn commands(text: &mut String, plan: &Plan, paint: Paint, verbose: bool) {
    if plan.remediation.is_empty() {
        return;
    }
    let what = count(plan.remediation.len(), "command");
    line(
        text,
        &format!("  {what}, {}, {}:", proof(&plan.proof, paint), undo(plan)),
    );
    listed(text, &plan.remediation, paint);
    if verbose {
        line(
            text,
            &format!("  the way back, {}:", count(plan.rollback.len(), "command")),
        );
        plan.rollback
            .iter()
            .for_each(|c| line(text, &format!("    {}", c.line)));
    }
}

/// Commands with their reasons.
pub(crate) fn listed(text: &mut String, commands: &[Command], paint: Paint) {
    let lines = commands.iter().map(|c| c.line.chars().count());
    let width = lines.max().unwrap_or(0).min(48);
    let mut last_why = "";
    for command in commands {
        let danger = match command.disruption {
            Disruption::None => "",
            Disruption::Adjacency => "  [resets an adjacency]",
            Disruption::Traffic => "  [interrupts traffic]",
            Disruption::Lockout => "  [may lock us out]",
        };
        // A reason is said once for the lines that share it.
        let why = if command.why == last_why {
            ""
        } else {
            &command.why
        };
        last_why = &command.why;
        let pad = width.saturating_sub(command.line.chars().count());
        let taken = command.line.chars().count() + pad + danger.len() + 6;
        let shown = format!(
            "    {}{:pad$}  {}{}",
            command.line,
            "",
            paint.dim(&paint.fitted(why, taken)),
            warned(command.disruption, danger, paint),
        );
        line(text, shown.trim_end());
    }
}

fn warned(disruption: Disruption, text: &str, paint: Paint) -> String {
    match disruption {
        Disruption::None => String::new(),
        Disruption::Adjacency | Disruption::Traffic => paint.yellow(text),
        Disruption::Lockout => paint.red(text),
    }
}

pub(crate) fn proof(proof: &Proof, paint: Paint) -> String {
    match proof {
        Proof::Proved => paint.green("proved by replay"),
        Proof::ProvedGeneric(lines) => {
            let what = count(lines.len(), "line");
            paint.yellow(&format!(
                "proved by replay, {what} by the generic rule only"
            ))
        }
        Proof::NotProved(why) => paint.red(&format!("NOT proved: {why}")),
        Proof::Nothing => "nothing to prove".to_owned(),
    }
}

fn undo(plan: &Plan) -> String {
    let within = plan.undo.within;
    match plan.undo.method {
        UndoMethod::Auto => format!("undone by itself after {within} s unless confirmed"),
        UndoMethod::Device => format!("undone by the device after {within} s unless confirmed"),
        UndoMethod::Host => format!("undone by its host after {within} s unless confirmed"),
        UndoMethod::None => "no undo by itself: attended".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{ApplyMode, Cause, Fingerprint, Mode, PlanId, Undo};

    /// A plan that adds one line.
    pub(crate) fn example(device: &str, decision: Decision) -> Plan {
        let command = |line: &str, why: &str| Command {
            line: line.into(),
            why: why.into(),
            disruption: Disruption::None,
        };
        Plan {
            id: PlanId(format!("p-{device}")),
            device: device.into(),
            platform: "ios".into(),
            pack: "hash".into(),
            revision: "0123456789abcdef".into(),
            base: Fingerprint::of([b"base".as_slice()]),
            expected: Fingerprint::of([b"expected".as_slice()]),
            mode: Mode::Merge,
            remediation: vec![
                command("interface Gi1", "block of the next lines"),
                command(" description uplink", "missing"),
            ],
            rollback: vec![command("interface Gi1", ""), command(" no description", "")],
            proof: Proof::Proved,
            rollback_proof: Proof::Nothing,
            hazards: Vec::new(),
            drift: DriftCounts {
                missing: 1,
                ..DriftCounts::default()
            },
            diff: "  interface Gi1\n+  description uplink\n".into(),
            ignored: vec!["timestamp: ! Last change".into()],
            orphaned: Vec::new(),
            sections: vec!["interface Gi1".into()],
            cause: Some(Cause::OutOfBand),
            checks: Vec::new(),
            undo: Undo::default(),
            apply: ApplyMode::Manual,
            deletes: (0, 40),
            decision,
        }
    }

    #[test]
    fn the_same_change_is_shown_once() {
        let all = [
            example("r1", Decision::Ready),
            example("r2", Decision::Ready),
            example("r3", Decision::Unchanged),
        ];
        let text = plans(&all, Paint::PLAIN, false);
        assert_eq!(
            text,
            "r1, r2 (2 devices, the same change)  ios  out_of_band  1 missing  apply: manual\n  \
             plan p-r1  r1 at base BASE\n  plan p-r2  r2 at base BASE\n      interface Gi1\n    \
             +  description uplink\n  2 commands, proved by replay, undone by itself after 300 s \
             unless confirmed:\n    interface Gi1        block of the next lines\n     \
             description uplink  missing\n  1 difference without meaning (see -v)\n\n1 device \
             in line: r3\n"
                .replace("BASE", all[0].base.short())
        );
    }

    #[test]
    fn a_refusal_says_which_rail_and_why() {
        let refusal = Refusal {
            kind: RefusalKind::LargeDeletion,
            detail: "12 of 40 lines".into(),
        };
        let text = plans(
            &[example("r1", Decision::Refused(vec![refusal]))],
            Paint::PLAIN,
            false,
        );
        assert!(
            text.contains("refused: large_deletion: 12 of 40 lines"),
            "{text}"
        );
    }

    #[test]
    fn verbose_shows_the_way_back_and_the_noise() {
        let text = plans(&[example("r1", Decision::Ready)], Paint::PLAIN, true);
        assert!(text.contains("the way back, 2 commands:\n    interface Gi1\n     no description"));
        assert!(text.contains("timestamp: ! Last change"));
    }
}

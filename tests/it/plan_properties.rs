//! What must hold for any change: the plan leads from one configuration to the other and
//! back, is empty when nothing differs, says the same each time, and types nothing twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use netkeel::config::simulate::replay_toward;
use netkeel::config::{Dialect, Document, NodeId, Scope, compare};
use netkeel::model::{Command, Decision, Plan, Proof};
use proptest::prelude::*;

use crate::plan::plan_between;

/// A line with everything below it, by indentation.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    line: String,
    inner: Vec<Self>,
}

/// One random edit: where (as fractions of what there is) and what.
#[derive(Clone, Debug)]
struct Edit {
    at: f64,
    other: f64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Delete,
    /// Another digit in the line.
    Alter,
    /// A copy of the line with another digit, behind it.
    Insert,
    /// The line and the one behind it change places.
    Swap,
}

fn base(case: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let name = root.join(case).join("running.cfg");
    std::fs::read_to_string(name).expect("the base configuration")
}

fn pieces(lines: &[&str], indent: usize) -> Vec<Piece> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut out = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let inner = lines[at + 1..]
            .iter()
            .take_while(|l| depth(l) > indent)
            .count();
        out.push(Piece {
            line: lines[at].trim().to_owned(),
            inner: match lines.get(at + 1) {
                Some(next) if inner > 0 => pieces(&lines[at + 1..=at + inner], depth(next)),
                Some(_) | None => Vec::new(),
            },
        });
        at += 1 + inner;
    }
    out
}

/// Without separators and lines that only leave blocks; a banner's body stays out.
fn read(text: &str) -> Vec<Piece> {
    let leaves = |l: &str| l == "exit" || l.starts_with("exit-") || l == "end" || l == "!";
    let mut in_banner = false;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| {
            let edge = line.contains("^C");
            let skip = in_banner || edge;
            in_banner ^= edge;
            !skip && !line.is_empty() && !leaves(line.trim())
        })
        .collect();
    pieces(&lines, 0)
}

fn write(pieces: &[Piece], platform: &str, indent: usize, out: &mut String) {
    for piece in pieces {
        writeln!(out, "{:indent$}{}", "", piece.line).expect("writing to a String");
        if piece.inner.is_empty() && !opens(&piece.line, platform) {
            continue;
        }
        write(&piece.inner, platform, indent + 1, out);
        if piece.line.starts_with("address-family") {
            writeln!(out, "{:indent$}exit-address-family", "").expect("writing to a String");
        } else if platform == "frr" {
            writeln!(out, "exit").expect("writing to a String");
        }
    }
}

fn opens(line: &str, platform: &str) -> bool {
    let words = ["interface ", "router ", "route-map ", "address-family"];
    platform == "frr" && words.iter().any(|w| line.starts_with(w))
}

fn text(pieces: &[Piece], platform: &str) -> String {
    let mut out = String::new();
    write(pieces, platform, 0, &mut out);
    out + "end\n"
}

fn count(pieces: &[Piece]) -> usize {
    pieces.iter().map(|p| 1 + count(&p.inner)).sum()
}

/// Another digit in one of the line's numbers and addresses; keywords and names stay.
fn alter(line: &str, other: f64) -> String {
    let digits: Vec<usize> = line
        .char_indices()
        .filter(|(at, c)| c.is_ascii_digit() && in_number(line, *at))
        .map(|(at, _)| at)
        .collect();
    let Some(at) = digits.get(index(other, digits.len())) else {
        return line.to_owned();
    };
    let old = line.as_bytes()[*at] - b'0';
    let new = (old % 3) + 1 + u8::from((old % 3) + 1 == old);
    format!("{}{}{}", &line[..*at], new, &line[at + 1..])
}

/// The word around this place begins with a digit.
fn in_number(line: &str, at: usize) -> bool {
    let word = line[..at].rfind(' ').map_or(0, |blank| blank + 1);
    line[word..].starts_with(|c: char| c.is_ascii_digit())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a fraction of a small count"
)]
fn index(fraction: f64, count: usize) -> usize {
    ((fraction * count as f64) as usize).min(count.saturating_sub(1))
}

/// Carries an edit out on the n-th line in depth-first order; true when it was found here.
fn edit(pieces: &mut Vec<Piece>, n: &mut usize, edit_: &Edit) -> bool {
    for at in 0..pieces.len() {
        if *n == 0 {
            match edit_.what {
                What::Delete => {
                    pieces.remove(at);
                }
                What::Alter => pieces[at].line = alter(&pieces[at].line, edit_.other),
                What::Insert => {
                    let mut copy = pieces[at].clone();
                    copy.line = alter(&copy.line, edit_.other);
                    if copy.line != pieces[at].line {
                        pieces.insert(at + 1, copy);
                    }
                }
                What::Swap if at + 1 < pieces.len() => pieces.swap(at, at + 1),
                What::Swap => {}
            }
            return true;
        }
        *n -= 1;
        if edit(&mut pieces[at].inner, n, edit_) {
            return true;
        }
    }
    false
}

/// What tells a line from its siblings on any device: no two lines may share it.
fn identity(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    if let Some(seq) = words.iter().position(|w| *w == "seq") {
        return words[..=seq + 1].join(" ");
    }
    match words.as_slice() {
        ["route-map", name, _, number] => format!("route-map {name} {number}"),
        [number, "permit" | "deny", ..] => (*number).to_owned(),
        _ => line.to_owned(),
    }
}

/// Drops lines no device could have: a second entry with the same number, the same line
/// twice.
fn plausible(pieces: &mut Vec<Piece>) {
    let mut seen = BTreeSet::new();
    pieces.retain(|piece| seen.insert(identity(&piece.line)));
    for piece in pieces {
        plausible(&mut piece.inner);
    }
}

fn edited(base: &str, platform: &str, edits: &[Edit]) -> String {
    let mut pieces = read(base);
    for e in edits {
        let mut n = index(e.at, count(&pieces));
        edit(&mut pieces, &mut n, e);
    }
    plausible(&mut pieces);
    text(&pieces, platform)
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let what = prop_oneof![
        Just(What::Delete),
        Just(What::Alter),
        Just(What::Insert),
        Just(What::Swap)
    ];
    let one = (0.0..1.0, 0.0..1.0, what).prop_map(|(at, other, what)| Edit { at, other, what });
    prop::collection::vec(one, 0..6)
}

fn dialect(platform: &str) -> &'static Dialect {
    static FRR: OnceLock<Arc<Dialect>> = OnceLock::new();
    static IOS: OnceLock<Arc<Dialect>> = OnceLock::new();
    let cell = if platform == "frr" { &FRR } else { &IOS };
    cell.get_or_init(|| crate::plan::dialect(platform))
}

fn lines(commands: &[Command]) -> Vec<&str> {
    commands.iter().map(|c| c.line.as_str()).collect()
}

fn full() -> Scope {
    Scope {
        full: true,
        sections: Vec::new(),
    }
}

/// The plan leads there and back, whatever it says of itself.
fn leads_there_and_back(plan: &Plan, a: &Document, b: &Document, dialect: &Dialect) {
    let there = replay_toward(b, a, &lines(&plan.remediation), dialect).expect("the remediation");
    let there = there.document();
    let rest = compare(&there, b, None, dialect, &full());
    assert!(rest.is_empty(), "left:\n{}", rest.render(&there, b));
    assert_eq!(there.fingerprint(), plan.expected);
    let back = replay_toward(a, &there, &lines(&plan.rollback), dialect).expect("the rollback");
    assert_eq!(back.document().fingerprint(), a.fingerprint());
}

fn types_nothing_twice(plan: &Plan) {
    for list in [&plan.remediation, &plan.rollback] {
        for pair in list.windows(2) {
            let leave = pair[0].why.starts_with("leaves");
            assert!(
                leave || pair[0].line != pair[1].line,
                "twice: `{}`",
                pair[0].line
            );
        }
    }
}

/// The same command twice in one block, when written in canonical words: no device keeps
/// both.
fn repeats(doc: &Document, parent: Option<NodeId>) -> bool {
    let mut seen = BTreeSet::new();
    let ids = doc.commands(parent);
    ids.iter()
        .any(|id| !seen.insert(doc.command(*id)) || repeats(doc, Some(*id)))
}

fn holds(platform: &str, a: &str, b: &str) {
    let dialect = dialect(platform);
    let (running, intended) = (Document::parse(a, dialect), Document::parse(b, dialect));
    if repeats(&running, None) || repeats(&intended, None) {
        return;
    }
    let plan = plan_between(platform, dialect, &running, &intended);
    assert_eq!(plan, plan_between(platform, dialect, &running, &intended));
    if let Proof::NotProved(why) = &plan.proof {
        panic!(
            "not proved: {why}\n{}\n{}",
            plan.diff,
            lines(&plan.remediation).join("\n")
        );
    }
    types_nothing_twice(&plan);
    leads_there_and_back(&plan, &running, &intended, dialect);
    let same = plan_between(platform, dialect, &running, &running);
    assert_eq!(same.decision, Decision::Unchanged);
    assert!(same.remediation.is_empty() && same.rollback.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frr_plans_lead_there_and_back(first in edits(), second in edits()) {
        let base = base("frr/noise-only");
        holds("frr", &edited(&base, "frr", &first), &edited(&base, "frr", &second));
    }

    #[test]
    fn ios_plans_lead_there_and_back(first in edits(), second in edits()) {
        let base = base("ios/noise-only");
        holds("ios", &edited(&base, "ios", &first), &edited(&base, "ios", &second));
    }

    #[test]
    fn ios_plans_edit_numbered_lists(first in edits(), second in edits()) {
        let base = base("ios/acl-numbered-entries-inserted");
        holds("ios", &edited(&base, "ios", &first), &edited(&base, "ios", &second));
    }
}

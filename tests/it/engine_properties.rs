//! What must hold on every platform, on documents made from its cases: each case's running
//! and intended configuration, and everything a replay passes through on the way from one to
//! the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use netkeel::config::simulate::replay;
use netkeel::config::{Dialect, Document, Scope, Sealer, compare};
use netkeel::model::{Command, Proof};
use netkeel::pack::{Pack, Packs};
use netkeel::plan::{Remedy, remedy};

/// How many documents on the way from running to intended are looked at.
const STOPS: usize = 4;

/// Platforms that have cases, in order.
pub(crate) fn platforms() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let mut names: Vec<String> = folders(&root)
        .iter()
        .filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).expect("a folder of the repository");
    let mut all: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    all.retain(|p| p.is_dir());
    all.sort();
    all
}

fn pack(platform: &str) -> Arc<Pack> {
    let packs = Packs::builtin().expect("built-in packs");
    packs.get(platform).expect("a platform with cases")
}

fn full() -> Scope {
    Scope {
        full: true,
        sections: Vec::new(),
    }
}

/// One case, its secrets sealed.
struct Case {
    name: String,
    running: String,
    intended: String,
}

fn cases(platform: &str, dialect: &Dialect) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let read = |folder: &Path, file: &str| {
        let bytes = std::fs::read(folder.join(file)).expect("a case has both files");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    folders(&root.join(platform))
        .iter()
        .map(|folder| {
            let mut sealer = Sealer::new([7; 32], std::collections::BTreeMap::new());
            Case {
                name: format!(
                    "{platform}/{}",
                    folder.file_name().unwrap_or_default().display()
                ),
                running: sealer.running(&read(folder, "running.cfg"), dialect),
                intended: sealer.intended(&read(folder, "intended.cfg"), dialect),
            }
        })
        .collect()
}

fn solve(a: &Document, b: &Document, dialect: &Dialect) -> Remedy {
    remedy(a, b, None, dialect, &full(), None)
}

fn lines(commands: &[Command]) -> Vec<&str> {
    commands.iter().flat_map(|c| c.line.split('\n')).collect()
}

/// Both ends of a case and what lies between them.
fn documents(case: &Case, dialect: &Dialect) -> Vec<Document> {
    let (a, b) = Document::pair(&case.running, &case.intended, dialect);
    let found = solve(&a, &b, dialect);
    let commands = lines(&found.remediation);
    let mut all = Vec::new();
    for stop in 1..STOPS {
        let some = &commands[..commands.len() * stop / STOPS];
        if let Ok(there) = replay(&a, some, dialect) {
            all.push(there.document());
        }
    }
    all.push(a);
    all.push(b);
    all
}

/// Collects what is wrong, so that one run shows all of it.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    fn end(self) {
        assert!(
            self.0.is_empty(),
            "{}:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

fn each_case(mut look: impl FnMut(&Dialect, &Case, &mut Faults)) {
    let mut faults = Faults::default();
    for platform in platforms() {
        let pack = pack(&platform);
        for case in cases(&platform, &pack.dialect) {
            look(&pack.dialect, &case, &mut faults);
        }
    }
    faults.end();
}

#[test]
fn every_byte_comes_back() {
    each_case(|dialect, case, faults| {
        for document in documents(case, dialect) {
            faults.check(document.print() == document.text(), || {
                format!("{}: the bytes differ", case.name)
            });
        }
    });
}

#[test]
fn what_a_replay_prints_means_what_it_reached() {
    each_case(|dialect, case, faults| {
        let (a, b) = Document::pair(&case.running, &case.intended, dialect);
        let found = solve(&a, &b, dialect);
        if let Ok(there) = replay(&a, &lines(&found.remediation), dialect) {
            let printed = there.document();
            faults.check(there.equals(&printed), || {
                format!("{}: printed\n{}", case.name, printed.text())
            });
        }
    });
}

#[test]
fn nothing_differs_from_itself() {
    each_case(|dialect, case, faults| {
        for document in documents(case, dialect) {
            let same = compare(&document, &document, None, dialect, &full());
            faults.check(same.is_empty(), || {
                format!("{}: differs from itself", case.name)
            });
        }
    });
}

#[test]
fn a_difference_and_its_inverse_say_the_same() {
    each_case(|dialect, case, faults| {
        let (a, b) = Document::pair(&case.running, &case.intended, dialect);
        let there = compare(&a, &b, None, dialect, &full());
        let back = compare(&b, &a, None, dialect, &full());
        let (x, y) = (there.counts(&a, &b), back.counts(&b, &a));
        // A secret that cannot be checked is neither equal nor a difference.
        let secret = |i: &netkeel::config::Ignored| i.reason.starts_with("secret-");
        if there.ignored.iter().chain(&back.ignored).any(secret) {
            return;
        }
        let mirrored = x.missing == y.extra && x.extra == y.missing && x.changed == y.changed;
        faults.check(mirrored, || format!("{}: {x:?} and {y:?}", case.name));
        faults.check(
            there.is_empty() == (a.fingerprint() == b.fingerprint()),
            || format!("{}: equal means are not equal fingerprints", case.name),
        );
    });
}

/// The plan of every pair leads there and back, the same each time; a plan that does not
/// says so.
#[test]
fn plans_lead_there_and_back() {
    let mut faults = Faults::default();
    let (mut all, mut proved) = (0, 0);
    for platform in platforms() {
        let pack = pack(&platform);
        let dialect = &*pack.dialect;
        for case in cases(&platform, dialect) {
            let documents = documents(&case, dialect);
            let last = &documents[documents.len() - 1];
            for document in &documents[..documents.len() - 1] {
                for (from, to) in [(document, last), (last, document)] {
                    let found = solve(from, to, dialect);
                    all += 1;
                    if matches!(found.proof, Proof::NotProved(_)) {
                        continue;
                    }
                    proved += 1;
                    faults.check(leads(from, to, &found, dialect), || {
                        format!("{}: proved, but the replay does not lead there", case.name)
                    });
                    let again = solve(from, to, dialect);
                    faults.check(again.remediation == found.remediation, || {
                        format!("{}: says something else the second time", case.name)
                    });
                }
            }
        }
    }
    faults.end();
    assert!(
        proved * 100 >= all * 95,
        "only {proved} of {all} plans are proved"
    );
}

/// The text of the remediation, replayed without knowing what is wanted, leads there (as far
/// as a replay that does not know the goal can tell).
fn leads(from: &Document, to: &Document, found: &Remedy, dialect: &Dialect) -> bool {
    let commands = lines(&found.remediation);
    let there = netkeel::config::simulate::replay_toward(to, from, &commands, dialect);
    there.is_ok_and(|there| {
        there.equals(to) || compare(&there.document(), to, None, dialect, &full()).is_empty()
    })
}

/// Without any one of its commands a plan does not lead there.
#[test]
fn no_command_of_a_plan_is_needless() {
    let mut needless = Vec::new();
    let mut all = 0;
    for platform in platforms() {
        let pack = pack(&platform);
        let dialect = &*pack.dialect;
        for case in cases(&platform, dialect) {
            let (a, b) = Document::pair(&case.running, &case.intended, dialect);
            let found = solve(&a, &b, dialect);
            if matches!(found.proof, Proof::NotProved(_)) || dialect.typing_is_a_file() {
                continue;
            }
            for (at, command) in found.remediation.iter().enumerate() {
                let moves = command.why.starts_with("leaves") || command.why == "enters the block";
                if moves {
                    continue;
                }
                all += 1;
                let mut rest = found.remediation.clone();
                rest.remove(at);
                let less = Remedy {
                    remediation: rest,
                    ..solve(&a, &b, dialect)
                };
                if leads(&a, &b, &less, dialect) {
                    needless.push(format!("{}: `{}`", case.name, command.line));
                }
            }
        }
    }
    assert!(needless.len() * 50 <= all, "{}", needless.join("\n"));
}

/// Line ends and blanks behind lines mean nothing, except in a file that is kept as it is.
#[test]
fn line_ends_do_not_count() {
    each_case(|dialect, case, faults| {
        if dialect.typing_is_a_file() {
            return;
        }
        let a = Document::parse(&case.running, dialect);
        let b = Document::parse(&case.running.replace('\n', "\r\n"), dialect);
        faults.check(a.fingerprint() == b.fingerprint(), || {
            let diff = compare(&a, &b, None, dialect, &full()).render(&a, &b);
            format!("{}: CRLF changes the meaning\n{diff}", case.name)
        });
    });
}

/// Lines without meaning change nothing.
#[test]
fn noise_changes_nothing() {
    let mut faults = Faults::default();
    for platform in platforms() {
        let pack = pack(&platform);
        for case in cases(&platform, &pack.dialect) {
            let a = Document::parse(&case.running, &pack.dialect);
            for noise in &pack.spec().noise {
                for example in noise.example.split(" || ") {
                    // A statement ends with a semicolon where the platform has them.
                    let end = if platform == "junos" && !example.ends_with([';', '}']) {
                        ";"
                    } else {
                        ""
                    };
                    let set = if case.running.trim_start().starts_with("set ") {
                        "set "
                    } else {
                        ""
                    };
                    let end = if set.is_empty() { end } else { "" };
                    let text = format!("{set}{example}{end}\n{}", case.running);
                    let b = Document::parse(&text, &pack.dialect);
                    faults.check(a.fingerprint() == b.fingerprint(), || {
                        format!("{}: `{example}` counts", case.name)
                    });
                }
            }
        }
    }
    faults.end();
}

/// No part of a secret is in anything that leaves the engine.
#[test]
fn secrets_stay_inside() {
    let mut faults = Faults::default();
    for platform in platforms() {
        let pack = pack(&platform);
        for secret in &pack.spec().secrets {
            for example in secret.example.split(" || ") {
                let under = secret.under.split(" || ").next().unwrap_or_default();
                let text = format!("{under}\n {example}\n");
                let mut sealer = Sealer::new([7; 32], std::collections::BTreeMap::new());
                let sealed = sealer.running(&text, &pack.dialect);
                let a = Document::parse(&sealed, &pack.dialect);
                let b = Document::parse("", &pack.dialect);
                let found = solve(&a, &b, &pack.dialect);
                let shown = format!(
                    "{:?} {:?} {:?} {}",
                    found.remediation,
                    found.rollback,
                    found.proof,
                    found.diff.document(&a, &b)
                );
                faults.check(!shown.contains("CANARY"), || {
                    format!("{platform}: `{example}` shows")
                });
            }
        }
    }
    faults.end();
}

/// Takes something away from a dialect.
type Spoil = fn(&mut netkeel::config::DialectSpec);

/// A replay that lacks one of the dialect's rules must fail somewhere: otherwise nothing
/// would notice if it were wrong.
#[test]
fn a_weaker_dialect_is_noticed() {
    let pack = pack("ios");
    let spoilt: [(&str, Spoil); 4] = [
        ("no side effects", |spec| {
            for rule in spec.sections.iter_mut().flat_map(|s| &mut s.rules) {
                rule.wipes.clear();
            }
        }),
        ("single values are many", |spec| {
            for rule in spec.sections.iter_mut().flat_map(|s| &mut s.rules) {
                if rule.slot == netkeel::config::spec::SlotSpec::One {
                    rule.slot = netkeel::config::spec::SlotSpec::Set;
                }
            }
        }),
        ("no shortened negations", |spec| {
            for rule in spec.sections.iter_mut().flat_map(|s| &mut s.rules) {
                rule.no = None;
            }
        }),
        ("no defaults", |spec| {
            for rule in spec.sections.iter_mut().flat_map(|s| &mut s.rules) {
                rule.default = None;
            }
        }),
    ];
    let plans: Vec<(Document, Document, Remedy)> = cases("ios", &pack.dialect)
        .iter()
        .map(|case| {
            let (a, b) = Document::pair(&case.running, &case.intended, &pack.dialect);
            let found = solve(&a, &b, &pack.dialect);
            (a, b, found)
        })
        .collect();
    for (what, spoil) in spoilt {
        let mut spec = pack.spec().clone();
        spoil(&mut spec);
        let weaker = Dialect::compile_unchecked(&spec).expect("a dialect all the same");
        let noticed = plans.iter().any(|(a, b, found)| {
            let a = Document::parse(a.text(), &weaker);
            let b = Document::parse(b.text(), &weaker);
            !leads(&a, &b, found, &weaker)
        });
        assert!(noticed, "{what}: no case notices");
    }
}

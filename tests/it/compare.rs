//! Comparing: every folder below `tests/cases/compare/<platform>` is a case.
//!
//! `running.cfg` and `intended.cfg` are compared, with `last_applied.cfg` and `scope.yaml`
//! (a list of owned sections) if they are there; the outcome stands in `diff.txt`.
//! `UPDATE=1` rewrites it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use netkeel::config::{Dialect, Diff, Document, Scope, Sealer, compare};
use netkeel::pack::Packs;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/compare")
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).expect("the folder is part of the repository");
    let mut all: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    all.retain(|p| p.is_dir());
    all.sort();
    all
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|n| n.to_str())
        .expect("plain names")
}

struct Case {
    running: Document,
    intended: Document,
    last: Option<Document>,
    scope: Scope,
}

impl Case {
    fn read(folder: &Path, dialect: &Dialect) -> Self {
        let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let mut sealer = Sealer::new([7; 32], std::collections::BTreeMap::new());
        let running = sealer.running(&read("running.cfg").expect("running.cfg"), dialect);
        let intended = sealer.intended(&read("intended.cfg").expect("intended.cfg"), dialect);
        let last = read("last_applied.cfg").map(|t| sealer.intended(&t, dialect));
        let scope = read("scope.yaml").map_or(
            Scope {
                full: true,
                sections: Vec::new(),
            },
            |text| Scope {
                full: false,
                sections: serde_yaml::from_str(&text).expect("a list of globs"),
            },
        );
        Self {
            running: Document::parse(&running, dialect),
            intended: Document::parse(&intended, dialect),
            last: last.map(|t| Document::parse(&t, dialect)),
            scope,
        }
    }

    fn compare(&self, dialect: &Dialect) -> Diff {
        compare(
            &self.running,
            &self.intended,
            self.last.as_ref(),
            dialect,
            &self.scope,
        )
    }
}

fn report(case: &Case, diff: &Diff) -> String {
    let mut out = diff.render(&case.running, &case.intended);
    let counts = diff.counts(&case.running, &case.intended);
    let mut line = |text: String| writeln!(out, "{text}").expect("a String");
    line(format!(
        "= missing {} extra {} changed {} reordered {}",
        counts.missing, counts.extra, counts.changed, counts.reordered
    ));
    for ignored in &diff.ignored {
        line(format!("= ignored {}: {}", ignored.reason, ignored.line));
    }
    for orphan in &diff.orphaned {
        line(format!("= orphaned {orphan}"));
    }
    for problem in &diff.problems {
        line(format!("= problem {problem}"));
    }
    out
}

#[test]
fn cases() {
    let packs = Packs::builtin().expect("built-in packs");
    let mut wrong = Vec::new();
    let mut count = 0;
    for platform in folders(&root()) {
        let pack = packs.get(name(&platform)).expect("a folder per platform");
        for folder in folders(&platform) {
            count += 1;
            let case = Case::read(&folder, &pack.dialect);
            let got = report(&case, &case.compare(&pack.dialect));
            let file = folder.join("diff.txt");
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&file, &got).expect("diff.txt can be written");
            } else if fs::read_to_string(&file).unwrap_or_default() != got {
                wrong.push(format!("{}:\n{got}", folder.display()));
            }
        }
    }
    assert!(count >= 24, "only {count} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_without_differences_has_equal_meaning_both_ways() {
    let packs = Packs::builtin().expect("built-in packs");
    for platform in folders(&root()) {
        let pack = packs.get(name(&platform)).expect("a folder per platform");
        for folder in folders(&platform) {
            let case = Case::read(&folder, &pack.dialect);
            let full = Scope {
                full: true,
                sections: Vec::new(),
            };
            let there = compare(&case.running, &case.intended, None, &pack.dialect, &full);
            let back = compare(&case.intended, &case.running, None, &pack.dialect, &full);
            let equal = case.running.fingerprint() == case.intended.fingerprint();
            if equal {
                assert!(there.is_empty() && back.is_empty(), "{}", folder.display());
            }
            let (a, b) = (
                there.counts(&case.running, &case.intended),
                back.counts(&case.intended, &case.running),
            );
            assert_eq!(
                (a.missing, a.reordered),
                (b.extra, b.reordered),
                "{}",
                folder.display()
            );
        }
    }
}

fn concat(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().concat()
}

/// Least of three runs, in seconds.
fn took(text: &str, dialect: &Dialect, lines: bool) -> f64 {
    let run = || {
        let start = tokio::time::Instant::now();
        let doc = Document::parse(text, dialect);
        let found = compare(
            &doc,
            &Document::parse("hostname x\n", dialect),
            None,
            dialect,
            &Scope {
                full: true,
                sections: Vec::new(),
            },
        );
        // The traps are lines; to other families they may say nothing.
        assert!(!lines || !found.ops.is_empty());
        start.elapsed().as_secs_f64()
    };
    (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
}

#[test]
fn time_grows_with_the_text_and_not_faster() {
    let traps: [fn(usize) -> String; 6] =
        [
            |n| {
                concat((0..n).map(|i| {
                    format!("interface Loopback{i}\n ip address 10.0.0.1 255.255.255.255\n")
                }))
            },
            |n| {
                concat((0..n).map(|i| {
                    format!(
                        "ip prefix-list P{} permit 10.0.0.0/8 le {}\n",
                        i % 50,
                        i % 33
                    )
                }))
            },
            |n| "banner motd ^C\n".repeat(n),
            |n| "crypto pki certificate chain A\n certificate ca 01\n".repeat(n),
            |n| "interface Loopback0\n description x\n".repeat(n),
            |n| concat((0..n).map(|i| format!("{}deeper {i}\n", " ".repeat(i % 60)))),
        ];
    let packs = Packs::builtin().expect("built-in packs");
    for (at, trap) in traps.iter().enumerate() {
        for pack in packs.names().iter().filter_map(|name| packs.get(name)) {
            let dialect = &*pack.dialect;
            let lines = matches!(pack.name.as_str(), "ios" | "frr");
            let (small, large) = (
                took(&trap(300), dialect, lines),
                took(&trap(3_000), dialect, lines),
            );
            assert!(
                large < small * 60.0 + 0.05,
                "trap {at}: {small} s, ten times as much takes {large} s"
            );
        }
    }
}

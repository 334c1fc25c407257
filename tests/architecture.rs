//! The rules of the house that the compiler does not check: who may import whom, how large
//! a file may be, and that every file of tests is one that runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who may import whom: a module, and what it may `use crate::…`. The table of
/// ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("pack", &["model", "config"]),
    ("intent", &["model", "config"]),
    ("policy", &["model", "config"]),
    ("plan", &["model", "config"]),
    ("offline", &["model", "config", "pack", "plan"]),
    ("evaluator", &["model", "intent", "policy"]),
    ("source", &["model"]),
    ("device", &["model", "config", "pack"]),
    ("store", &["model"]),
    ("report", &["model", "store"]),
    ("settings", &["model"]),
    ("apply", &["model", "config", "device"]),
    (
        "controller",
        &[
            "model",
            "config",
            "pack",
            "intent",
            "policy",
            "plan",
            "evaluator",
            "source",
            "device",
            "store",
            "report",
            "settings",
            "apply",
        ],
    ),
    ("http", &["model", "store", "controller", "report"]),
    ("sim", &["model", "config", "pack"]),
    (
        "cli",
        &[
            "model",
            "config",
            "pack",
            "intent",
            "policy",
            "plan",
            "evaluator",
            "source",
            "device",
            "store",
            "report",
            "settings",
            "apply",
            "controller",
            "http",
            "sim",
            "offline",
        ],
    ),
];

/// Pure modules: no async, no clock, no environment, no files.
const PURE: &[&str] = &[
    "src/config/",
    "src/intent/",
    "src/policy/",
    "src/plan/",
    "src/offline/",
    "src/controller/schedule",
    "src/controller/rollout",
    "src/controller/record",
];
const IMPURE: &[&str] = &[
    "async fn",
    "Timestamp::now",
    "std::env::",
    "std::fs::",
    "std::net::Tcp",
    "std::net::Udp",
    "tokio::",
    "static mut",
    "HashMap",
];

/// Past this many lines a file is hard to read.
const MOST_LINES: usize = 800;

#[test]
fn modules_import_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut faults = Vec::new();
    for (path, text) in rust_files("src") {
        let Some(module) = module_of(&path) else {
            continue;
        };
        let Some(allowed) = table.get(module.as_str()) else {
            faults.push(format!(
                "{}: module `{module}` is not in the table",
                path.display()
            ));
            continue;
        };
        for (number, line) in code(&text) {
            for used in crate_paths(line) {
                if used != module && !allowed.contains(&used) && table.contains_key(used) {
                    faults.push(format!(
                        "{}:{number}: `{module}` uses `{used}`",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_modules_have_no_clock_no_files_and_no_async() {
    let mut faults = Vec::new();
    for (path, text) in rust_files("src") {
        let shown = path.to_string_lossy().into_owned();
        let tests = shown.ends_with("tests.rs");
        if tests || !PURE.iter().any(|prefix| shown.starts_with(prefix)) {
            continue;
        }
        for (number, line) in code(&text) {
            for word in IMPURE.iter().filter(|word| line.contains(*word)) {
                faults.push(format!("{shown}:{number}: {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = rust_files("src")
        .into_iter()
        .chain(rust_files("tests"))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_test_file_is_listed() {
    let mut faults = Vec::new();
    for folder in ["tests/it", "tests/peers"] {
        let main = std::fs::read_to_string(root().join(folder).join("main.rs")).unwrap();
        for (path, _) in rust_files(folder) {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let direct = path.parent() == Some(Path::new(folder));
            if direct && stem != "main" && !main.contains(&format!("mod {stem};")) {
                faults.push(format!("{} never runs", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    // spelled apart, so that this file does not find itself
    let marks = [
        ["todo", "!("],
        ["unimplemented", "!("],
        ["FIX", "ME"],
        ["#[ig", "nore"],
    ]
    .map(|m| m.concat());
    let mut faults = Vec::new();
    for (path, text) in rust_files("src").into_iter().chain(rust_files("tests")) {
        for (number, line) in text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: {mark}", path.display(), number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, with paths relative to the repository.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((
                    path.strip_prefix(root())
                        .expect("below the root")
                        .to_path_buf(),
                    text,
                ));
            }
        }
    }
    found.sort();
    found
}

/// The top-level module a source file belongs to; none for `main.rs` and `lib.rs`.
fn module_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix("src").ok()?;
    let first = below
        .components()
        .next()?
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    (first != "main.rs" && first != "lib.rs").then(|| first.trim_end_matches(".rs").to_owned())
}

/// Lines of code with their numbers: no comments, and nothing after `#[cfg(test)]`.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules named in `crate::NAME` or `crate::{a::…, b::…}` on one line.
fn crate_paths(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let names: &str = rest.strip_prefix('{').unwrap_or(rest);
        for name in names.split([',', '{', '}']) {
            let name = name.trim();
            let end = name
                .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
                .unwrap_or(name.len());
            if end > 0 {
                found.push(&name[..end]);
            }
            if !rest.starts_with('{') {
                break;
            }
        }
    }
    found
}

//! Parse, compare, plan and proof (both ways) of large configurations, on one thread; and
//! beside `hier_config` on the same files, where there is one.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use netkeel::config::{Dialect, Document, Scope};
use netkeel::model::Proof;
use netkeel::pack::Packs;
use netkeel::plan::{Remedy, remedy};
use tokio::time::Instant;

use crate::mix::{flat, mixed};
use crate::support::{Verdicts, note, peak_mib};

/// Median of this many runs, after one to warm up.
const RUNS: usize = 7;
/// Lines of the mixed configurations and what they may take, in ms.
const GOALS: [(usize, f64); 3] = [(1_000, 1.5), (10_000, 15.0), (100_000, 200.0)];
/// Memory for the largest, in MiB.
const MEMORY: f64 = 120.0;
/// Ten times the lines may cost each line so much more: linear, but for caches.
const GROWTH: f64 = 1.5;

/// Two texts become documents, the difference, commands both ways, and their proofs.
fn engine(texts: &(String, String), dialect: &Dialect) -> Remedy {
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let (running, intended) = Document::pair(&texts.0, &texts.1, dialect);
    remedy(&running, &intended, None, dialect, &full, None)
}

fn median(mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

/// The median in ms; what is measured must have done its work.
fn millis(texts: &(String, String), dialect: &Dialect) -> f64 {
    let first = engine(texts, dialect);
    assert!(!first.diff.is_empty(), "there is a difference");
    for proof in [&first.proof, &first.rollback_proof] {
        assert!(
            matches!(proof, Proof::Proved | Proof::ProvedGeneric(_)),
            "{proof:?}"
        );
    }
    drop(first);
    median(|| drop(engine(texts, dialect))).as_secs_f64() * 1e3
}

/// Peak memory of this process from here on, in MiB, while `run` runs.
fn memory(run: impl FnOnce()) -> f64 {
    // proc(5): 5 resets the peak; where that is not permitted the peak so far counts too
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    run();
    peak_mib(None)
}

/// Measures the engine, its growth and its memory, and beside `hier_config`.
pub(crate) fn run(verdicts: &mut Verdicts) {
    let packs = Packs::builtin().expect("built-in packs");
    let dialect = &packs.get("ios").expect("IOS").dialect;
    let mut times = Vec::new();
    for (lines, goal) in GOALS {
        let texts = mixed(lines);
        if lines == 100_000 {
            let peak = memory(|| drop(engine(&texts, dialect)));
            let what = format!("  peak memory, {lines} lines");
            verdicts.aim(&what, "MiB", peak, MEMORY);
        }
        let ours = millis(&texts, dialect);
        let what = format!("parse, diff, plan and prove, {lines} lines");
        verdicts.aim(&what, "ms", ours, goal);
        times.push((lines, ours));
        if lines <= 10_000 {
            beside(&format!("{lines} lines"), &texts, ours);
        }
    }
    for pair in times.windows(2) {
        let [(few, before), (many, after)] = pair else {
            continue;
        };
        let what = format!("  growth per line, {few} to {many} lines");
        let growth = after / before * (*few as f64) / (*many as f64);
        verdicts.aim(&what, "x", growth, GROWTH);
    }
    let ours = millis(&flat(40_000), dialect);
    verdicts.aim("40000 flat lines, one in ten edited", "ms", ours, 60.0);
    let texts = flat(10_000);
    beside("10000 flat lines", &texts, millis(&texts, dialect));
}

/// The same files read and remedied by `hier_config`, if `NETKEEL_PEERS_VENV` has it. It
/// proves nothing and makes no rollback.
fn beside(what: &str, texts: &(String, String), ours: f64) {
    let Some(venv) = std::env::var_os("NETKEEL_PEERS_VENV") else {
        println!("  {what} beside hier_config: left out (no NETKEEL_PEERS_VENV)");
        return;
    };
    let dir = tempfile::tempdir().expect("a folder");
    let paths = [dir.path().join("running"), dir.path().join("intended")];
    std::fs::write(&paths[0], &texts.0).expect("a file");
    std::fs::write(&paths[1], &texts.1).expect("a file");
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/benches/engine_beside.py"
    );
    let output = Command::new(Path::new(&venv).join("bin/python"))
        .arg(script)
        .args(&paths)
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let peer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let theirs = peer["ms"].as_f64().expect("a number");
    note(&format!("  hier_config, {what}"), "ms", theirs);
    note("  hier_config's time to ours", "x", theirs / ours);
}

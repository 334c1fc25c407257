//! Parse, compare and plan of large configurations.

use std::fmt::Write as _;
use std::time::Duration;

use netkeel::config::{Document, Scope, compare};
use netkeel::pack::Packs;
use tokio::time::Instant;

use crate::support::{Verdicts, note};

/// Median of this many runs.
const RUNS: usize = 7;

/// About `lines` lines, one in a hundred of them changed.
fn pair(lines: usize) -> (String, String) {
    let interfaces = lines / 6;
    let text = |changed: bool| {
        let mut text = String::from("version 15.9\nhostname core\n!\n");
        for n in 0..interfaces {
            let cost = if changed && n % 17 == 0 { 77 } else { 10 };
            let _ = write!(
                text,
                "interface GigabitEthernet{}/{}\n description port {n}\n \
                 ip address 10.{}.{}.1 255.255.255.0\n ip ospf cost {cost}\n no shutdown\n!\n",
                n / 48,
                n % 48,
                (n / 250) % 250,
                n % 250
            );
        }
        text.push_str("end\n");
        text
    };
    (text(false), text(true))
}

fn median(mut run: impl FnMut()) -> Duration {
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

/// Parses two configurations and compares them, and diffs the same texts with `similar` and
/// nothing else, as a floor to quote a ratio to.
pub(crate) fn run(verdicts: &mut Verdicts) {
    let packs = Packs::builtin().expect("built-in packs");
    let pack = packs.get("ios").expect("IOS");
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    for (lines, goal) in [(1_000, 1.5), (10_000, 15.0), (100_000, 200.0)] {
        let (running, intended) = pair(lines);
        let ours = median(|| {
            let a = Document::parse(&running, &pack.dialect);
            let b = Document::parse(&intended, &pack.dialect);
            assert!(!compare(&a, &b, None, &pack.dialect, &full).is_empty());
        });
        let floor = median(|| {
            assert!(similar::TextDiff::from_lines(&running, &intended).ratio() < 1.0);
        });
        let millis = ours.as_secs_f64() * 1e3;
        verdicts.goal(
            &format!("parse twice and compare, {lines} lines"),
            "ms",
            millis,
            goal,
        );
        note(
            "  ratio to a plain text diff (similar)",
            "x",
            ours.as_secs_f64() / floor.as_secs_f64(),
        );
    }
}

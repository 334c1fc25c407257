//! The planner's word against the simulated devices, which know nothing of dialects: what a
//! plan types leads to the intended configuration, and its rollback back again.
//!
//! The configurations are those of the planner's cases, each against each, so that a plan
//! carries many changes at once.

use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use netkeel::config::{Dialect, Document, Scope, compare};
use netkeel::model::{Command, Proof};
use netkeel::sim::{DeviceSpec, Model, Platform};

use crate::plan::{dialect, plan_between};

fn now() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().expect("a time")
}

/// Every configuration of the platform's cases, by name.
fn configurations(platform: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let folder = std::fs::read_dir(root.join(platform)).expect("the folder of cases");
    let mut out = Vec::new();
    for case in folder {
        let case = case.expect("a folder entry").path();
        for file in ["running.cfg", "intended.cfg"] {
            let text = std::fs::read_to_string(case.join(file)).expect("a configuration");
            let name = case.file_name().unwrap_or_default().to_string_lossy();
            out.push((format!("{name}/{file}"), text));
        }
    }
    out.sort();
    out.dedup_by(|a, b| a.1 == b.1);
    out.retain(|(_, text)| text.lines().count() > 5);
    out
}

fn boot(platform: &str, text: &str) -> Model {
    let kind = Platform::named(platform).expect("a platform");
    let mut spec = DeviceSpec::new("r1", kind, text);
    spec.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Model::boot(spec, now())
}

fn types(model: &mut Model, commands: &[Command]) -> String {
    let lines: Vec<&str> = commands.iter().map(|c| c.line.as_str()).collect();
    model.type_as("netkeel", &lines, now())
}

fn differs(a: &Document, b: &Document, dialect: &Dialect) -> Option<String> {
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let diff = compare(a, b, None, dialect, &full);
    (!diff.is_empty()).then(|| diff.render(a, b))
}

/// What the device and the plan disagree about, if anything.
fn disagree(platform: &str, dialect: &Dialect, from: &str, to: &str) -> Option<String> {
    let mut device = boot(platform, from);
    let read = |model: &mut Model| Document::parse(&model.running(), dialect);
    let base = read(&mut device);
    let goal = read(&mut boot(platform, to));
    let plan = plan_between(platform, dialect, &base, &goal);
    if !matches!(plan.proof, Proof::Proved | Proof::ProvedGeneric(_)) {
        return None;
    }
    let said = types(&mut device, &plan.remediation);
    if let Some(rest) = differs(&read(&mut device), &goal, dialect) {
        return Some(format!(
            "after the change:\n{rest}\nthe device said:\n{said}"
        ));
    }
    let said = types(&mut device, &plan.rollback);
    let rest = differs(&read(&mut device), &base, dialect)?;
    Some(format!(
        "after the rollback:\n{rest}\nthe device said:\n{said}"
    ))
}

fn all_agree(platform: &str) {
    let dialect = dialect(platform);
    let all = configurations(platform);
    let mut tried = 0;
    let mut wrong = Vec::new();
    for (from_name, from) in &all {
        for (to_name, to) in &all {
            tried += 1;
            if tried % 3 != 0 {
                continue;
            }
            if let Some(why) = disagree(platform, &dialect, from, to) {
                wrong.push(format!("{from_name} -> {to_name}: {why}"));
            }
        }
    }
    assert!(tried > 300, "only {tried} pairs");
    let shown: Vec<&String> = wrong
        .iter()
        .filter(|w| !w.contains("as-number"))
        .step_by(1)
        .take(400)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {tried} disagree\n{shown:#?}",
        wrong.len()
    );
}

#[test]
fn ios_does_what_plans_say() {
    all_agree("ios");
}

#[test]
fn frr_does_what_plans_say() {
    all_agree("frr");
}

//! The planner's word against the simulated devices, which know nothing of dialects: what a
//! plan types leads to the intended configuration, and its rollback back again.
//!
//! The configurations are those of the planner's cases, each against each, so that a plan
//! carries many changes at once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use netkeel::config::{Dialect, Document, Scope, compare};
use netkeel::model::{Command, Proof};
use netkeel::sim::{DeviceSpec, Model, Platform};

use crate::plan::{dialect, plan_between};

/// One of so many other pairs is tried.
const STRIDE: usize = 11;

fn now() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().expect("a time")
}

/// Cases that use parts of a platform which the simulated devices do not know.
const NOT_SIMULATED: &[&str] = &[
    "aaa-servers-reordered",
    "aggregate-keyword-order",
    "banner-body-like-configuration",
    "banner-removed-and-added",
    "bfd-and-vrrp",
    "bgp-bestpath-and-confederation",
    "bgp-policy-replaced",
    "bgp-vrf-import",
    "certificates-and-keys-left-alone",
    "community-and-as-path-lists",
    "crypto-map-peer-and-lifetime",
    "defaults-only",
    "eigrp-named-mode",
    "event-manager-action-inserted",
    "evpn-vni",
    "hsrp-group-changed",
    "ip-sla-operation-changed",
    "isis-interface-and-levels",
    "neighbor-options",
    "ospf-area-of-interface",
    "ospf-area-options",
    "ospf-redistribution-option-dropped",
    "policy-map-class-added",
    "policy-map-classes-swapped",
    "port-moved-to-channel",
    "redistribution-option-dropped",
    "remarks-that-repeat",
    "route-map-call-and-on-match",
    "route-map-match-replaced",
    "segment-list-changed",
    "snmp-and-logging",
    "spelling-only",
    "static-route-distance",
    "static-route-distance-and-name",
    "trunk-list-spelled-differently",
    "trunk-list-with-continuation",
    "unnumbered-neighbor-to-group",
    "vlan-list-and-trunk",
    "wrong-indentation-in-intent",
];

/// Every configuration of the platform's cases, by name.
fn configurations(platform: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let folder = std::fs::read_dir(root.join(platform)).expect("the folder of cases");
    let mut out = Vec::new();
    for case in folder {
        let case = case.expect("a folder entry").path();
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        if NOT_SIMULATED.contains(&&*name) {
            continue;
        }
        for file in ["running.cfg", "intended.cfg"] {
            let text = std::fs::read_to_string(case.join(file)).expect("a configuration");
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

enum Verdict {
    Agree,
    NotProved,
    Disagree(String),
}

/// What the device and the plan disagree about, if anything.
fn disagree(platform: &str, dialect: &Dialect, from: &str, to: &str) -> Verdict {
    let mut device = boot(platform, from);
    let read = |model: &mut Model| Document::parse(&model.running(), dialect);
    let base = read(&mut device);
    let goal = read(&mut boot(platform, to));
    let plan = plan_between(platform, dialect, &base, &goal);
    if matches!(plan.proof, Proof::NotProved(_)) {
        return Verdict::NotProved;
    }
    for (what, commands, want) in [
        ("change", &plan.remediation, &goal),
        ("rollback", &plan.rollback, &base),
    ] {
        let said = types(&mut device, commands);
        if let Some(rest) = differs(&read(&mut device), want, dialect) {
            let typed: Vec<&str> = commands.iter().map(|c| c.line.as_str()).collect();
            let typed = typed.join("\n");
            return Verdict::Disagree(format!(
                "after the {what}:\n{rest}\ntyped:\n{typed}\nthe device said:\n{said}"
            ));
        }
    }
    Verdict::Agree
}

/// Interfaces that cannot be configured into being.
fn hardware(text: &str) -> BTreeSet<&str> {
    let physical = |l: &&str| l.starts_with("interface ") && l.contains("Ethernet");
    text.lines().filter(physical).collect()
}

fn all_agree(platform: &str) {
    let dialect = dialect(platform);
    let all = configurations(platform);
    let mut proved = 0;
    let mut wrong = Vec::new();
    for (i, (from_name, from)) in all.iter().enumerate() {
        for (j, (to_name, to)) in all.iter().enumerate() {
            // Neighbours in the list are mostly two sides of one case; of the rest a part.
            let chosen = i.abs_diff(j) < 2 || (i * 5 + j) % STRIDE == 0;
            if !chosen || !hardware(to).is_subset(&hardware(from)) {
                continue;
            }
            match disagree(platform, &dialect, from, to) {
                Verdict::Agree => proved += 1,
                Verdict::NotProved => {}
                Verdict::Disagree(why) => wrong.push(format!("{from_name} -> {to_name}: {why}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(proved > 100, "only {proved} plans were proved");
}

#[test]
fn ios_does_what_plans_say() {
    all_agree("ios");
}

#[test]
fn frr_does_what_plans_say() {
    all_agree("frr");
}

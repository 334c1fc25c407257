//! Planner cases: `tests/cases/plan/<platform>/<case>/{running.cfg, intended.cfg}` lead to
//! `plan.txt`. Optional: `last.cfg` (what was last applied) and `sections.txt` (the intent
//! owns only these sections). `UPDATE=1` rewrites the expected files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use netkeel::config::{Dialect, Document, Sealer, compare};
use netkeel::model::{
    Capabilities, Command, ConfirmScope, Decision, Device, Keel, Manage, Plan, Proof,
};
use netkeel::plan::{Inputs, plan};

fn cases(platform: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/cases/plan").join(platform);
    let entries = std::fs::read_dir(&folder).expect("the folder of cases");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .collect();
    cases.sort();
    cases
}

/// The dialect of a built-in pack.
pub(crate) fn dialect(platform: &str) -> std::sync::Arc<Dialect> {
    let packs = netkeel::pack::Packs::builtin().expect("built-in packs");
    std::sync::Arc::clone(&packs.get(platform).expect("a platform").dialect)
}

fn capabilities() -> Capabilities {
    Capabilities {
        merge: true,
        replace: false,
        confirm: ConfirmScope::AnySession,
        timer: Some((60, 7200, 60)),
        startup: true,
        attended_only: None,
    }
}

fn device(case: &Path) -> Device {
    let sections = std::fs::read_to_string(case.join("sections.txt")).ok();
    let manage = if sections.is_some() {
        Manage::Partial
    } else {
        Manage::Full
    };
    let sections = sections.unwrap_or_default();
    Device {
        name: "r1".to_owned(),
        hostname: Some("10.255.0.1".to_owned()),
        username: Some("netkeel".to_owned()),
        keel: Keel {
            manage,
            sections: sections.lines().map(str::to_owned).collect(),
            ..Keel::default()
        },
        ..Device::default()
    }
}

struct Case {
    device: Device,
    running: Document,
    intended: Document,
    last: Option<Document>,
}

impl Case {
    fn read(folder: &Path, dialect: &Dialect) -> Self {
        let parse = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            let mut sealer = Sealer::new([7; 32], std::collections::BTreeMap::new());
            Some(Document::parse(&sealer.intended(&text, dialect), dialect))
        };
        Self {
            device: device(folder),
            running: parse("running.cfg").expect("running.cfg"),
            intended: parse("intended.cfg").expect("intended.cfg"),
            last: parse("last.cfg"),
        }
    }

    fn plan(&self, platform: &str, dialect: &Dialect) -> Plan {
        plan(&Inputs {
            device: &self.device,
            platform,
            pack: "pack",
            revision: "revision",
            dialect,
            running: &self.running,
            intended: &self.intended,
            last_applied: self.last.as_ref(),
            capabilities: &capabilities(),
            vault: None,
        })
    }
}

/// The plan between two whole configurations of one device.
pub(crate) fn plan_between(
    platform: &str,
    dialect: &Dialect,
    running: &Document,
    intended: &Document,
) -> Plan {
    plan(&Inputs {
        device: &device(Path::new("")),
        platform,
        pack: "pack",
        revision: "revision",
        dialect,
        running,
        intended,
        last_applied: None,
        capabilities: &capabilities(),
        vault: None,
    })
}

fn commands(out: &mut String, title: &str, commands: &[Command]) {
    writeln!(out, "--- {title} ({})", commands.len()).expect("writing to a String");
    for command in commands {
        let Command {
            line,
            why,
            disruption,
        } = command;
        writeln!(out, "{line}").expect("writing to a String");
        if title == "remediation" && why != "enters the block" && !why.starts_with("leaves") {
            writeln!(out, "    # {why} [{disruption:?}]").expect("writing to a String");
        }
    }
}

fn list(out: &mut String, title: &str, items: &[String]) {
    for item in items {
        writeln!(out, "{title}: {item}").expect("writing to a String");
    }
}

fn show(plan: &Plan) -> String {
    let mut out = String::new();
    let decision = match &plan.decision {
        Decision::Unchanged => "unchanged".to_owned(),
        Decision::Ready => "ready".to_owned(),
        Decision::Refused(refusals) => {
            let each = refusals
                .iter()
                .map(|r| format!("\n  {}: {}", r.kind.as_str(), r.detail));
            format!("refused{}", each.collect::<String>())
        }
    };
    writeln!(out, "decision: {decision}").expect("writing to a String");
    let proof = match &plan.proof {
        Proof::Proved => "proved".to_owned(),
        Proof::ProvedGeneric(lines) => format!("proved with generic rules for {lines:?}"),
        Proof::NotProved(_) => "not proved".to_owned(),
        Proof::Nothing => "nothing to prove".to_owned(),
    };
    writeln!(out, "proof: {proof}").expect("writing to a String");
    if let Proof::NotProved(why) = &plan.proof {
        writeln!(out, "  {why}").expect("writing to a String");
    }
    if let Proof::NotProved(why) = &plan.rollback_proof {
        writeln!(out, "rollback not proved: {why}").expect("writing to a String");
    }
    if let Some(cause) = plan.cause {
        writeln!(out, "cause: {}", cause.as_str()).expect("writing to a String");
    }
    let (gone, all) = plan.deletes;
    writeln!(out, "deletes: {gone} of {all}").expect("writing to a String");
    list(&mut out, "section", &plan.sections);
    let hazards: Vec<String> = plan
        .hazards
        .iter()
        .map(|h| format!("{} {:?}: {}", h.line, h.kind, h.text))
        .collect();
    list(&mut out, "hazard", &hazards);
    list(&mut out, "orphaned", &plan.orphaned);
    commands(&mut out, "remediation", &plan.remediation);
    commands(&mut out, "rollback", &plan.rollback);
    out
}

fn run(platform: &str, least: usize) {
    let dialect = dialect(platform);
    let cases = cases(platform);
    assert!(cases.len() >= least, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for folder in cases {
        let case = Case::read(&folder, &dialect);
        let shown = show(&case.plan(platform, &dialect));
        let expected = folder.join("plan.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &shown).expect("writing the expected file");
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(shown.as_str()) {
            wrong.push(format!("{}:\n{shown}", folder.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "differ from plan.txt:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn cases_of_every_platform() {
    for platform in crate::engine_properties::platforms() {
        run(&platform, 8);
    }
}

/// What is left by the planner must be nothing: the comparison and the plan agree on when
/// a device is in line.
#[test]
fn a_plan_is_unchanged_exactly_when_nothing_differs() {
    for platform in crate::engine_properties::platforms() {
        let dialect = dialect(&platform);
        for folder in cases(&platform) {
            let case = Case::read(&folder, &dialect);
            let scope = netkeel::config::Scope {
                full: case.device.keel.manage == Manage::Full,
                sections: case.device.keel.sections.clone(),
            };
            let last = case.last.as_ref();
            let diff = compare(&case.running, &case.intended, last, &dialect, &scope);
            let plan = case.plan(&platform, &dialect);
            let unchanged = plan.decision == Decision::Unchanged;
            assert_eq!(unchanged, diff.is_empty(), "{}", folder.display());
            assert_eq!(
                unchanged,
                plan.remediation.is_empty(),
                "{}",
                folder.display()
            );
        }
    }
}

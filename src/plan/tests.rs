//! Rails, identity and cause; the commands themselves are in `tests/cases/plan`.

use std::sync::Arc;

use super::*;
use crate::config::DialectSpec;
use crate::model::{ApplyMode, ConfirmScope, Keel, Limits};

const RUNNING: &str = "hostname r1\n!\ninterface eth0\n description a\n ip address 10.0.0.1/24\nexit\n!\n\
ip route 10.1.0.0/16 10.0.0.2\nip route 10.2.0.0/16 10.0.0.2\nip route 10.3.0.0/16 10.0.0.2\n\
ip route 10.4.0.0/16 10.0.0.2\nip route 10.5.0.0/16 10.0.0.2\nip route 10.6.0.0/16 10.0.0.2\n!\nend\n";

/// What of a pack these tests need.
#[derive(serde::Deserialize)]
struct PackFile {
    config: DialectSpec,
}

fn dialect(platform: &str) -> Arc<Dialect> {
    let text = match platform {
        "ios" => include_str!("../pack/packs/ios.yaml"),
        _ => include_str!("../pack/packs/frr.yaml"),
    };
    let pack: PackFile = serde_yaml::from_str(text).expect("a built-in pack");
    Arc::new(Dialect::compile(&pack.config).expect("a built-in dialect"))
}

struct World {
    platform: &'static str,
    device: Device,
    running: String,
    intended: String,
    last: Option<String>,
    capabilities: Capabilities,
    revision: &'static str,
}

impl World {
    fn new(platform: &'static str, running: &str, intended: &str) -> Self {
        Self {
            platform,
            device: Device {
                name: "r1".to_owned(),
                hostname: Some("10.255.0.1".to_owned()),
                username: Some("netkeel".to_owned()),
                ..Device::default()
            },
            running: running.to_owned(),
            intended: intended.to_owned(),
            last: None,
            capabilities: Capabilities {
                merge: true,
                replace: false,
                confirm: ConfirmScope::AnySession,
                timer: None,
                startup: true,
                attended_only: None,
            },
            revision: "abc",
        }
    }

    fn plan(&self) -> Plan {
        let dialect = dialect(self.platform);
        let parse = |text: &String| Document::parse(text, &dialect);
        let last = self.last.as_ref().map(parse);
        plan(&Inputs {
            device: &self.device,
            platform: self.platform,
            pack: "pack",
            revision: self.revision,
            dialect: &dialect,
            running: &parse(&self.running),
            intended: &parse(&self.intended),
            last_applied: last.as_ref(),
            capabilities: &self.capabilities,
            vault: None,
        })
    }
}

fn kinds(plan: &Plan) -> Vec<RefusalKind> {
    match &plan.decision {
        Decision::Refused(refusals) => refusals.iter().map(|r| r.kind).collect(),
        Decision::Ready | Decision::Unchanged => Vec::new(),
    }
}

fn lines(commands: &[Command]) -> Vec<&str> {
    commands.iter().map(|c| c.line.as_str()).collect()
}

#[test]
fn the_same_configuration_is_unchanged_and_has_no_commands() {
    let plan = World::new("frr", RUNNING, RUNNING).plan();
    assert_eq!(plan.decision, Decision::Unchanged);
    assert_eq!(plan.proof, Proof::Nothing);
    assert_eq!(plan.base, plan.expected);
    assert_eq!(plan.cause, None);
    assert!(plan.remediation.is_empty() && plan.rollback.is_empty());
}

#[test]
fn a_change_is_proved_in_both_directions() {
    let intended = RUNNING.replace("description a", "description b");
    let plan = World::new("frr", RUNNING, &intended).plan();
    assert_eq!(plan.decision, Decision::Ready);
    assert_eq!(plan.proof, Proof::Proved);
    assert_eq!(
        lines(&plan.remediation),
        ["interface eth0", "description b", "exit"]
    );
    assert_eq!(
        lines(&plan.rollback),
        ["interface eth0", "description a", "exit"]
    );
    assert_eq!(plan.sections, ["interface eth0"]);
    let parsed = Document::parse(&intended, &dialect("frr"));
    assert_eq!(plan.expected, parsed.fingerprint());
}

#[test]
fn the_id_is_bound_to_what_the_plan_was_made_from() {
    let intended = RUNNING.replace("description a", "description b");
    let world = World::new("frr", RUNNING, &intended);
    let first = world.plan();
    assert_eq!(first, world.plan(), "the same inputs give the same plan");
    assert_eq!(first.id.0.len(), ID_DIGITS);
    let other_revision = World {
        revision: "def",
        ..World::new("frr", RUNNING, &intended)
    };
    assert_ne!(first.id, other_revision.plan().id);
    let other_base = RUNNING.replace("hostname r1", "hostname r2");
    assert_ne!(
        first.id,
        World::new("frr", &other_base, &intended).plan().id
    );
}

#[test]
fn cause_tells_who_moved() {
    let intended = RUNNING.replace("description a", "description b");
    let mut world = World::new("frr", RUNNING, &intended);
    assert_eq!(
        world.plan().cause,
        None,
        "never applied, never seen in line"
    );
    world.last = Some(RUNNING.to_owned());
    assert_eq!(world.plan().cause, Some(Cause::IntentMoved));
    world.last = Some(intended);
    assert_eq!(world.plan().cause, Some(Cause::OutOfBand));
}

#[test]
fn an_empty_intent_is_refused_until_accepted() {
    let plan = World::new("frr", RUNNING, "").plan();
    let kinds = kinds(&plan);
    assert!(kinds.contains(&RefusalKind::EmptyIntent), "{kinds:?}");
    assert!(kinds.contains(&RefusalKind::LargeDeletion), "{kinds:?}");
    let id = plan.id.clone();
    let accepted = accept_deletion(plan);
    assert_eq!(accepted.id, id);
    let left = self::kinds(&accepted);
    assert!(
        !left.contains(&RefusalKind::EmptyIntent) && !left.contains(&RefusalKind::LargeDeletion)
    );
}

#[test]
fn a_large_deletion_counts_lines_against_the_limit() {
    let four: String = RUNNING
        .lines()
        .filter(|l| !starts(l, "ip route", 4))
        .map(line)
        .collect();
    let plan = World::new("frr", RUNNING, &four).plan();
    assert_eq!(plan.deletes.0, 4);
    assert!(
        kinds(&plan).is_empty(),
        "a handful never counts: {:?}",
        plan.decision
    );
    let six: String = RUNNING
        .lines()
        .filter(|l| !starts(l, "ip route", 9))
        .map(line)
        .collect();
    let mut world = World::new("frr", RUNNING, &six);
    let plan = world.plan();
    assert_eq!(kinds(&plan), [RefusalKind::LargeDeletion]);
    assert_eq!(accept_deletion(plan).decision, Decision::Ready);
    world.device.keel = Keel {
        limits: Limits { delete_percent: 90 },
        ..Keel::default()
    };
    assert_eq!(world.plan().decision, Decision::Ready);
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

/// A static route to one of the first networks.
fn starts(text: &str, prefix: &str, most: u32) -> bool {
    let number = text.split('.').nth(1).and_then(|n| n.parse::<u32>().ok());
    text.starts_with(prefix) && number.is_some_and(|n| n <= most)
}

#[test]
fn attended_only_holds_the_daemon_not_a_person() {
    let intended = RUNNING.replace("description a", "description b");
    let mut world = World::new("frr", RUNNING, &intended);
    world.capabilities.attended_only = Some("no timer".to_owned());
    world.device.keel.apply = ApplyMode::Manual;
    assert_eq!(world.plan().decision, Decision::Ready);
    world.device.keel.apply = ApplyMode::Auto;
    assert_eq!(kinds(&world.plan()), [RefusalKind::AttendedOnly]);
}

#[test]
fn more_refusals_are_added_once_and_never_to_an_unchanged_plan() {
    let intended = RUNNING.replace("description a", "description b");
    let held = Refusal {
        kind: RefusalKind::Contested,
        detail: "twice today".to_owned(),
    };
    let ready = World::new("frr", RUNNING, &intended).plan();
    let refused = refuse(refuse(ready, vec![held.clone()]), vec![held.clone()]);
    assert_eq!(refused.decision, Decision::Refused(vec![held.clone()]));
    assert_eq!(
        accept_deletion(refused.clone()),
        refused,
        "only deletions are accepted"
    );
    let same = World::new("frr", RUNNING, RUNNING).plan();
    assert_eq!(refuse(same, vec![held]).decision, Decision::Unchanged);
}

const IOS: &str = "hostname r1\n!\nusername netkeel privilege 15 secret 9 x\nusername ann privilege 15 secret 9 x\n!\n\
interface Loopback0\n ip address 10.255.0.1 255.255.255.255\n!\ninterface GigabitEthernet0/0\n \
ip address 10.0.0.1 255.255.255.0\n!\nline vty 0 4\n access-class 10 in\n transport input ssh\n!\nend\n";

#[test]
fn the_obvious_ways_to_lock_oneself_out_are_refused() {
    for (old, new) in [
        ("username netkeel privilege 15 secret 9 x\n", ""),
        (" transport input ssh\n", " transport input telnet\n"),
        (" transport input ssh\n", ""),
        (" access-class 10 in\n", " access-class 20 in\n"),
        (
            " ip address 10.255.0.1 255.255.255.255\n",
            " ip address 10.255.0.9 255.255.255.255\n",
        ),
    ] {
        let plan = World::new("ios", IOS, &IOS.replace(old, new)).plan();
        let kinds = kinds(&plan);
        assert!(
            kinds.contains(&RefusalKind::Lockout),
            "{old:?}: {:?}",
            plan.decision
        );
    }
}

#[test]
fn what_only_may_cut_us_off_is_left_to_the_undo() {
    for (old, new) in [
        ("username ann privilege 15 secret 9 x\n", ""),
        (" transport input ssh\n", " transport input telnet ssh\n"),
        (
            " ip address 10.0.0.1 255.255.255.0\n",
            " ip address 10.0.0.1 255.255.255.0\n ip access-group 10 in\n",
        ),
        ("line vty", "ip route 0.0.0.0 0.0.0.0 Null0\nline vty"),
    ] {
        let plan = World::new("ios", IOS, &IOS.replace(old, new)).plan();
        assert_eq!(plan.decision, Decision::Ready, "{old:?}");
    }
}

//! Looking and deciding: what is believed, what is refused, what is held.

use std::sync::Arc;

use netkeel::controller::Next;
use netkeel::model::{Compliance, HoldReason, Manage, Outcome, Skip};
use netkeel::sim::{DeviceSpec, Faults, Platform};

use super::world::{IOS, World};

fn unknown(report: &netkeel::controller::Report, cause: &str) {
    assert_eq!(report.status.status, Compliance::Unknown, "{report:?}");
    assert_eq!(report.status.cause.as_deref(), Some(cause), "{report:?}");
    assert_eq!(report.outcome, None, "{report:?}");
}

#[tokio::test]
async fn half_a_configuration_is_not_believed() {
    for faults in [
        Faults {
            truncate: Some(9),
            ..Faults::default()
        },
        Faults {
            privilege: Some(7),
            ..Faults::default()
        },
    ] {
        let world = World::ios_with(faults).await;
        unknown(&world.apply().await, "incomplete");
        world.faults(Faults::default());
        assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    }
}

fn servers() -> String {
    let lines = (1..40).map(|n| format!("ntp server 192.0.2.{n}\n"));
    lines.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn a_configuration_that_shrank_by_half_is_unknown_until_released() {
    let lines = servers();
    let config = IOS.replace("ntp server 192.0.2.53\n", &lines);
    let world = World::of(vec![DeviceSpec::new("r1", Platform::Ios, &config)]).await;
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    let gone: Vec<String> = (1..40)
        .map(|n| format!("no ntp server 192.0.2.{n}"))
        .collect();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    world.type_by_hand(&gone);
    let running = world.running();
    unknown(&world.apply().await, "incomplete");
    assert_eq!(
        world.running(),
        running,
        "nothing is put back on such a look"
    );
}

#[tokio::test]
async fn our_own_large_deletion_is_no_shrinking() {
    let lines = servers();
    let config = IOS.replace("ntp server 192.0.2.53\n", &lines);
    let mut world = World::of(vec![DeviceSpec::new("r1", Platform::Ios, &config)]).await;
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    world.intend_change("b", &[(lines.as_str(), "")]);
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
}

#[tokio::test]
async fn two_reversals_of_one_section_are_contested() {
    let mut world = World::ios().await;
    let by_hand = ["interface GigabitEthernet0/1", "description mine"];
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    for _ in 0..2 {
        world.type_by_hand(&by_hand);
        let report = world.apply().await;
        assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
        assert!(world.running().contains("description old"));
    }
    world.type_by_hand(&by_hand);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
    assert!(report.status.detail.unwrap().contains("contested"));
    assert_eq!(world.holds()[0].reason, HoldReason::Contested);
    assert!(world.running().contains("description mine"));
    // held, also for another change
    world.intend_change("b", &[("ntp server 192.0.2.53", "ntp server 192.0.2.54")]);
    let report = world.apply().await;
    assert_eq!(
        report.outcome,
        Some(Outcome::Skipped(Skip::Hold)),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_refused_login_holds_the_device_and_several_stop_the_credential() {
    let specs = (1..=4).map(|n| DeviceSpec::new(&format!("r{n}"), Platform::Ios, IOS));
    let mut world = World::of(specs.collect()).await;
    world.secret("login", "wrong");
    for prepared in world.intent.devices.values_mut() {
        let name = netkeel::model::SecretName::new("login").expect("a name");
        let device = prepared.device.as_mut().expect("a device");
        device.password = Some(netkeel::model::Credential::Named(name));
    }
    let order = super::world::daemon(netkeel::controller::Permission::Apply);
    for n in 1..=3 {
        let report = world.pass_over(&format!("r{n}"), &order).await;
        unknown(&report, "auth");
        assert_eq!(report.next, Next::Held);
    }
    assert_eq!(world.holds().len(), 3);
    assert!(
        world
            .holds()
            .iter()
            .all(|hold| hold.reason == HoldReason::Auth)
    );
    // the fourth is not even tried, and would do again once the credential does
    world.secret("login", "netkeel-sim");
    let report = world.pass_over("r4", &order).await;
    unknown(&report, "auth");
    assert!(report.status.detail.unwrap().contains("no more logins"));
    assert_eq!(report.next, Next::Retry);
    netkeel::controller::forget_refused_logins(&*world.ctx().store).expect("a store");
    let report = world.pass_over("r4", &order).await;
    assert_eq!(report.outcome, Some(Outcome::Unchanged), "{report:?}");
    let report = world.pass_over("r1", &order).await;
    assert_eq!(
        report.outcome,
        Some(Outcome::Skipped(Skip::Hold)),
        "{report:?}"
    );
}

#[tokio::test]
async fn the_first_look_has_nothing_to_compare_with_and_still_decides() {
    let mut world = World::ios().await;
    world.intend_change("b", &[(" description old", " description new")]);
    let report = world.look().await;
    assert_eq!(report.status.status, Compliance::NonCompliant);
    assert_eq!(report.status.cause, None, "nobody can say who moved");
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
    // a first change of what was never applied is no reversal of anybody's
    assert!(world.store_record().reversals.is_empty());
}

#[tokio::test]
async fn whether_running_is_saved_is_known_from_looks() {
    let world = World::ios().await;
    assert_eq!(world.look().await.status.unsaved, Some(false), "first look");
    world.type_by_hand(&["interface GigabitEthernet0/1", "mtu 1400"]);
    assert_eq!(world.look().await.status.unsaved, Some(true));
    assert_eq!(world.look().await.status.unsaved, Some(true), "still");
    assert_eq!(world.store_record().unsaved, Some(true));
    // running does not move when somebody saves
    world.type_by_hand(&["do write memory"]);
    assert!(world.startup().contains(" mtu 1400\n"));
    assert_eq!(world.look().await.status.unsaved, Some(false));
    assert_eq!(world.store_record().unsaved, Some(false));
    // FRR has no startup to compare with
    let world = World::frr().await;
    assert_eq!(world.look().await.status.unsaved, None);
}

#[tokio::test]
async fn partial_management_removes_what_it_dropped_only_where_it_owns_the_section() {
    let mut world = World::ios().await;
    world.device().keel.manage = Manage::Partial;
    world.device().keel.sections = vec!["interface GigabitEthernet0/1".to_owned()];
    let first = "interface GigabitEthernet0/1\n description ours\n ip address 192.0.2.1 255.255.255.0\n mtu 1400\nntp server 192.0.2.54\nend\n";
    world.intend("b", first);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    let text = world.running();
    assert!(
        text.contains(" mtu 1400\n") && text.contains("ntp server 192.0.2.54"),
        "{text}"
    );
    assert!(
        text.contains("ntp server 192.0.2.53") && text.contains("permit icmp"),
        "{text}"
    );
    let second = first
        .replace(" mtu 1400\n", "")
        .replace("ntp server 192.0.2.54\n", "");
    world.intend("c", &second);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    let text = world.running();
    assert!(!text.contains(" mtu 1400\n"), "owned: {text}");
    assert!(text.contains("ntp server 192.0.2.54"), "not owned: {text}");
    let orphaned = world.attempt().body.orphaned;
    assert_eq!(orphaned, ["ntp server 192.0.2.54"]);
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
}

#[tokio::test]
async fn another_process_with_the_lease_is_waited_for() {
    let mut world = World::ios().await;
    world.intend_change("b", &[(" description old", " description new")]);
    let before = world.running();
    let store = Arc::clone(&world.ctx().store);
    let lease = store.claim(
        "r1",
        "another",
        std::time::Duration::from_secs(60),
        jiff::Timestamp::now(),
    );
    let lease = lease.expect("a store").expect("free");
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Skipped(Skip::Leased)));
    assert_eq!(world.running(), before);
    // it is killed, and nobody else has the store open: its lease is void
    drop((store, lease));
    world.restart().await;
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
}

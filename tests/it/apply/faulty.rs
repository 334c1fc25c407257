//! Changes that go wrong on the device or on the way to it.

use std::sync::Arc;
use std::time::Duration;

use netkeel::controller::Next;
use netkeel::model::{Compliance, HoldReason, Outcome, Skip, StepKind};
use netkeel::sim::{DeviceSpec, Faults, Fleet, Platform, Refuse};

use super::trapped::Moment;
use super::world::{IOS, World, assert_in_doubt};

const CHANGE: (&str, &str) = (" description old", " description new");
const SECOND: (&str, &str) = ("ntp server 192.0.2.53", "ntp server 192.0.2.54");
/// Denies everything but ping on the interface we come in on.
const CUT_OFF: (&str, &str) = (" permit tcp any any eq 22", " deny tcp any any eq 22");

async fn with_change(changes: &[(&str, &str)]) -> World {
    let mut world = World::ios().await;
    world.intend_change("b", changes);
    world
}

/// Does something to the device when the journal comes to a step.
fn at(world: &World, kind: StepKind, act: impl Fn(&Fleet) + Send + Sync + 'static) {
    let fleet = Arc::clone(&world.fleet);
    world.store.at(kind, Moment::Before, move |_| act(&fleet));
}

fn refuse_login(fleet: &Fleet, refuse: bool) {
    let faults = Faults {
        refuse_login: refuse,
        ..Faults::default()
    };
    fleet.set_faults("r1", faults).expect("r1");
}

#[tokio::test]
async fn a_refused_line_rolls_everything_back() {
    for line in 1..=3 {
        let mut world = with_change(&[CHANGE, SECOND]).await;
        let before = world.running();
        world.faults(Faults {
            refuse: Some(Refuse {
                line,
                text: "% Invalid input detected at '^' marker.".to_owned(),
            }),
            ..Faults::default()
        });
        let report = world.apply().await;
        assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
        assert_eq!(world.running(), before, "line {line}");
        assert!(!world.trial_pending());
        // not tried again, until the revision moves
        world.faults(Faults::default());
        let report = world.apply().await;
        assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
        assert!(report.status.detail.unwrap().contains("failed_before"));
        world.intend_change("c", &[CHANGE, SECOND]);
        assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
    }
}

#[tokio::test]
async fn a_device_that_takes_lines_and_does_nothing_is_found_out() {
    let world = with_change(&[CHANGE]).await;
    world.faults(Faults {
        ignore_changes: true,
        ..Faults::default()
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert!(world.attempt().detail.contains("description"));
}

#[tokio::test]
async fn a_connection_lost_in_the_commit_is_undone_over_a_new_one() {
    for faults in [
        Faults {
            drop_after_commit: true,
            ..Faults::default()
        },
        Faults {
            drop_at_line: Some(2),
            ..Faults::default()
        },
    ] {
        let world = with_change(&[CHANGE, SECOND]).await;
        let before = world.running();
        world.faults(faults);
        let report = world.apply().await;
        assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
        assert_eq!(world.running(), before);
    }
}

#[tokio::test]
async fn a_connection_lost_for_good_is_unknown_and_settled_later() {
    let mut world = with_change(&[CHANGE]).await;
    let before = world.running();
    let fleet = Arc::clone(&world.fleet);
    world.faults(Faults {
        drop_after_commit: true,
        ..Faults::default()
    });
    world
        .store
        .at(StepKind::Committed, Moment::Before, move |_| {
            refuse_login(&fleet, true);
        });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unknown), "{report:?}");
    assert_eq!(report.status.cause.as_deref(), Some("in_doubt"));
    assert_eq!(world.attempt().outcome, None);
    // refused: nobody tries again before a person has looked
    assert_eq!(report.next, Next::Held);
    let logins = world.look().await;
    assert_eq!(logins.outcome, Some(Outcome::Skipped(Skip::Hold)));
    refuse_login(&world.fleet, false);
    world.release();
    assert_eq!(world.settled().await, Outcome::RolledBack);
    assert_eq!(world.running(), before);
    world.restart().await;
    assert!(world.store_unfinished().is_empty());
}

#[tokio::test]
async fn a_change_that_cuts_us_off_is_undone_by_the_device_and_not_repeated() {
    let mut world = World::ios().await;
    world
        .set(|settings| settings.device.connect_timeout = Duration::from_secs(4))
        .await;
    let before = world.running();
    world.intend_change("b", &[CUT_OFF]);
    let started = tokio::time::Instant::now();
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unknown), "{report:?}");
    assert_in_doubt(&report);
    // one connection's patience, not three
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
    assert_ne!(world.running(), before);
    // the lease is free: anybody may look, and does not get in either
    assert_in_doubt(&world.look().await);
    assert_eq!(world.attempt().outcome, None);
    let steps = world.attempt().steps.len();
    assert_in_doubt(&world.look().await);
    assert_eq!(
        world.attempt().steps.len(),
        steps,
        "looking fills no journal"
    );
    world.wait(301);
    assert_eq!(world.running(), before);
    assert_eq!(world.settled().await, Outcome::RolledBack);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
    assert!(report.status.detail.unwrap().contains("failed_before"));
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_change_that_lets_no_new_session_in_is_left_to_the_timer() {
    let config = IOS.replace(
        "ntp server",
        "ip access-list standard VTY\n permit any\nline vty 0 4\n access-class VTY in\nntp server",
    );
    let mut world = World::of(vec![DeviceSpec::new("r1", Platform::Ios, &config)]).await;
    let before = world.running();
    let lists = [("permit any\n", "deny any\n")];
    world.intend_change("b", &lists);
    let report = world.apply().await;
    assert_in_doubt(&report);
    assert!(
        world.running().contains("deny"),
        "typed whole, not confirmed"
    );
    let kinds: Vec<StepKind> = world.attempt().steps.iter().map(|s| s.kind).collect();
    assert_eq!(
        kinds[2..],
        [StepKind::Committed, StepKind::Verify, StepKind::Undo]
    );
    world.wait(301);
    assert_eq!(world.running(), before);
    assert_eq!(world.settled().await, Outcome::RolledBack);
    world.intend_change("b", &lists);
    assert_eq!(world.apply().await.outcome, Some(Outcome::Refused));
    // somebody changes the device: it is another change now, and may be tried
    world.type_by_hand(&["interface GigabitEthernet0/1", "mtu 1400"]);
    world.intend_change("b", &lists);
    assert_in_doubt(&world.apply().await);
}

#[tokio::test]
async fn a_check_that_gets_worse_rolls_back() {
    let mut world = with_change(&[CHANGE]).await;
    world.device().keel.undo.within = 3; // a second of patience for the checks
    world.check("old", "show running-config", "description old");
    let before = world.running();
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert!(world.attempt().detail.contains("worse than before: old"));
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_privilege_lost_in_the_trial_is_undone_over_the_session_that_has_it() {
    let world = with_change(&[CHANGE]).await;
    at(&world, StepKind::Verify, |fleet| {
        let faults = Faults {
            privilege: Some(7),
            ..Faults::default()
        };
        fleet.set_faults("r1", faults).expect("r1");
    });
    let before = world.running();
    at(&world, StepKind::Undo, |fleet| {
        fleet.set_faults("r1", Faults::default()).expect("r1");
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert!(world.attempt().detail.contains("privilege"));
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_check_that_failed_before_blocks_nothing() {
    let mut world = with_change(&[CHANGE]).await;
    world.check("never", "show running-config", "no such line");
    world.check("unknown", "show no such thing", "anything");
    world.check("holds", "show running-config", "ntp server");
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
}

#[tokio::test]
async fn a_host_key_that_changes_in_the_trial_is_undone_and_held() {
    let world = with_change(&[CHANGE]).await;
    let before = world.running();
    let known_hosts = world.known_hosts();
    at(&world, StepKind::Verify, move |fleet| {
        let device = fleet.device("r1").expect("r1");
        let other = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        let line = format!("[{}]:{} ssh-ed25519 {other}\n", device.address, device.port);
        std::fs::write(&known_hosts, line).expect("known_hosts");
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unknown), "{report:?}");
    assert_eq!(
        world.running(),
        before,
        "undone over the session that stood"
    );
    assert_eq!(report.next, Next::Held);
    assert_eq!(world.holds()[0].reason, HoldReason::HostKey);
    assert_eq!(
        world.look().await.outcome,
        Some(Outcome::Skipped(Skip::Hold))
    );
    world.learn_keys();
    world.release();
    assert_eq!(world.settled().await, Outcome::RolledBack);
}

#[tokio::test]
async fn a_login_that_is_refused_in_the_trial_is_undone_at_once() {
    let mut world = with_change(&[CHANGE]).await;
    let before = world.running();
    at(&world, StepKind::Verify, |fleet| refuse_login(fleet, true));
    at(&world, StepKind::Undo, |fleet| refuse_login(fleet, false));
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert_eq!(world.running(), before);
    assert!(world.holds().is_empty());
    world.intend_change("c", &[CHANGE]);
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
}

#[tokio::test]
async fn a_confirm_without_an_answer_is_no_success() {
    let mut world = World::ios().await;
    world
        .set(|settings| settings.device.silence_timeout = Duration::from_secs(3))
        .await;
    let before = world.running();
    world.intend_change("b", &[CHANGE]);
    at(&world, StepKind::Confirm, |fleet| {
        let faults = Faults {
            stall_at: Some(1),
            ..Faults::default()
        };
        fleet.set_faults("r1", faults).expect("r1");
    });
    assert_in_doubt(&world.apply().await);
    assert!(world.trial_pending());
    world.faults(Faults::default());
    assert_eq!(world.settled().await, Outcome::RolledBack);
    assert_eq!(world.running(), before);
    assert!(!world.trial_pending());
    // nothing was wrong with the change
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
}

#[tokio::test]
async fn a_device_that_reboots_in_the_trial_is_settled_by_what_it_runs() {
    let mut world = with_change(&[CHANGE]).await;
    let before = world.running();
    at(&world, StepKind::Verify, |fleet| {
        fleet.stop_device("r1").expect("r1");
    });
    let report = world.apply().await;
    assert_in_doubt(&report);
    assert_in_doubt(&world.look().await);
    world.reboot().await;
    assert_eq!(world.settled().await, Outcome::RolledBack);
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_rollback_that_stops_half_way_is_quarantined() {
    let mut world = with_change(&[CHANGE, SECOND]).await;
    world.device().keel.undo.within = 3;
    world.check("old", "show running-config", "description old");
    world.faults(Faults {
        rollback_aborts: true,
        ..Faults::default()
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unknown), "{report:?}");
    assert_eq!(report.status.status, Compliance::Unknown);
    assert_eq!(world.attempt().outcome, Some(Outcome::Unknown));
    assert_eq!(world.holds()[0].reason, HoldReason::Quarantined);
    // it is still looked at, and not touched
    let running = world.running();
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
    assert_eq!(report.status.status, Compliance::NonCompliant);
    // neither for another change
    world.intend_change("c", &[SECOND]);
    let report = world.apply().await;
    assert_eq!(
        report.outcome,
        Some(Outcome::Skipped(Skip::Hold)),
        "{report:?}"
    );
    assert_eq!(world.running(), running);
}

#[tokio::test]
async fn somebody_elses_trial_is_never_ended_by_a_settling() {
    let mut world = World::ios().await;
    world
        .set(|settings| settings.device.connect_timeout = Duration::from_secs(4))
        .await;
    world.intend_change("b", &[CUT_OFF]);
    assert_in_doubt(&world.apply().await);
    world.wait(301);
    world.trial_by("mallory", &["interface GigabitEthernet0/1", "mtu 1400"]);
    let report = world.look().await;
    assert_eq!(
        report.status.cause.as_deref(),
        Some("in_doubt"),
        "{report:?}"
    );
    assert!(world.trial_pending());
    assert!(world.running().contains("mtu 1400"));
    world.wait(600);
    assert_eq!(world.settled().await, Outcome::RolledBack);
}

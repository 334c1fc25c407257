//! Changes that nobody disturbs, and those that must not be begun.

use std::sync::Arc;

use netkeel::model::{Compliance, Outcome, Skip, StepKind};
use netkeel::settings::SaveUnsaved;
use netkeel::sim::{DeviceSpec, Platform};

use super::trapped::Moment;
use super::world::{IOS, World};

const CHANGE: (&str, &str) = (" description old", " description new");

#[tokio::test]
async fn a_change_is_applied_confirmed_and_saved() {
    let mut world = World::ios().await;
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    world.intend_change("b", &[CHANGE]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert_eq!(report.status.status, Compliance::Compliant);
    assert!(world.running().contains(" description new\n"));
    assert!(world.startup().contains(" description new\n"));
    let attempt = world.attempt();
    assert_eq!(attempt.outcome, Some(Outcome::Applied));
    let steps: Vec<StepKind> = attempt.steps.iter().map(|step| step.kind).collect();
    let all = [
        StepKind::Load,
        StepKind::Commit,
        StepKind::Committed,
        StepKind::Verify,
        StepKind::Confirm,
        StepKind::Confirmed,
        StepKind::Save,
    ];
    assert_eq!(steps, all);
    // the timer is gone: nothing happens later
    world.wait(3600);
    assert!(world.running().contains(" description new\n"));
    assert_eq!(world.apply().await.outcome, Some(Outcome::Unchanged));
    let record = world.store_record();
    assert_eq!(
        record.last_applied.map(|a| a.revision).as_deref(),
        Some("b")
    );
    assert_eq!(record.unsaved, Some(false));
}

#[tokio::test]
async fn what_somebody_did_between_plan_and_apply_is_seen() {
    // the same change, by hand: nothing left to do
    let mut world = World::ios().await;
    world.intend_change("b", &[CHANGE]);
    by_hand_after_the_plan(&world, &["interface GigabitEthernet0/1", "description new"]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unchanged), "{report:?}");
    // another change: back to the planner, nothing typed
    let mut world = World::ios().await;
    world.intend_change("b", &[CHANGE]);
    by_hand_after_the_plan(&world, &["interface GigabitEthernet0/1", "mtu 1400"]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Stale), "{report:?}");
    assert!(world.running().contains(" description old\n"));
    assert!(!steps(&world).contains(&StepKind::Load));
}

/// Types when the attempt is being written down: after the plan, before the precheck.
fn by_hand_after_the_plan(world: &World, lines: &[&str]) {
    let fleet = Arc::clone(&world.fleet);
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    world.store.at_begin(move || {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        fleet.type_as_user("r1", "mallory", &lines).expect("r1");
    });
}

fn steps(world: &World) -> Vec<StepKind> {
    let attempt = world.attempt();
    attempt.steps.iter().map(|step| step.kind).collect()
}

#[tokio::test]
async fn somebody_elses_trial_is_not_touched() {
    let mut world = World::ios().await;
    world.intend_change("b", &[CHANGE]);
    world.trial_by("mallory", &["interface GigabitEthernet0/1", "mtu 1400"]);
    world.intend_change("b", &[CHANGE]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Stale), "{report:?}");
    assert!(report.status.detail.unwrap().contains("mallory"));
    assert!(world.running().contains(" description old\n"));
    assert!(world.running().contains(" mtu 1400\n"));
    assert!(world.trial_pending());
    // theirs runs out; the same change is ours to make
    world.wait(600);
    world.intend_change("b", &[CHANGE]);
    assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
}

#[tokio::test]
async fn unsaved_work_is_not_saved_without_permission() {
    let by_hand = ["interface GigabitEthernet0/1", "mtu 1400"];
    for (rule, outcome, saved) in [
        (SaveUnsaved::Never, Outcome::Refused, false),
        (SaveUnsaved::LeaveUnsaved, Outcome::Applied, false),
        (SaveUnsaved::Save, Outcome::Applied, true),
    ] {
        let mut world = World::ios().await;
        world
            .set(|settings| settings.apply.save_unsaved = rule)
            .await;
        world.type_by_hand(&by_hand);
        world.intend_change("b", &[CHANGE]);
        let report = world.apply().await;
        assert_eq!(report.outcome, Some(outcome), "{rule:?}: {report:?}");
        let applied = outcome == Outcome::Applied;
        assert_eq!(world.running().contains("description new"), applied);
        assert_eq!(world.startup().contains("mtu 1400"), saved, "{rule:?}");
        assert_eq!(
            world.startup().contains("description new"),
            saved,
            "{rule:?}"
        );
        assert_eq!(world.store_record().unsaved, Some(!saved), "{rule:?}");
    }
}

#[tokio::test]
async fn a_device_without_an_archive_is_not_changed_and_says_what_is_missing() {
    let config = IOS.replace("archive\n path flash:archive\n", "");
    let mut world = World::of(vec![DeviceSpec::new("r1", Platform::Ios, &config)]).await;
    let before = world.running();
    world.intend_change("b", &[CHANGE]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Failed), "{report:?}");
    assert!(report.status.detail.unwrap().contains("archive"));
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn observing_touches_nothing() {
    let mut world = World::ios().await;
    let before = world.running();
    world.intend_change("b", &[CHANGE]);
    let report = world.look().await;
    assert_eq!(report.outcome, Some(Outcome::Skipped(Skip::Observe)));
    assert!(report.wants_apply);
    assert_eq!(world.running(), before);
    assert!(world.attempts().is_empty());
}

#[tokio::test]
async fn a_saving_that_fails_is_said_and_the_change_stands() {
    let mut world = World::ios().await;
    world.intend_change("b", &[CHANGE]);
    let fleet = Arc::clone(&world.fleet);
    world.store.at(StepKind::Save, Moment::Before, move |_| {
        let faults = netkeel::sim::Faults {
            refuse_save: true,
            ..Default::default()
        };
        fleet.set_faults("r1", faults).expect("r1");
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert!(world.attempt().detail.contains("not saved"));
    assert_eq!(world.store_record().unsaved, Some(true));
    assert!(world.running().contains("description new"));
}

#[tokio::test]
async fn a_vrf_that_takes_addresses_away_is_no_refusal() {
    let mut world = World::ios().await;
    let vrf = "vrf definition BLUE\n address-family ipv4\n exit-address-family\n";
    world.type_by_hand(&["vrf definition BLUE", "address-family ipv4"]);
    assert!(world.running().contains("vrf definition BLUE"), "{vrf}");
    let with = " description old\n vrf forwarding BLUE\n";
    world.intend_change("b", &[(" description old\n", with)]);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    let text = world.running();
    assert!(
        text.contains(" vrf forwarding BLUE\n ip address 192.0.2.1"),
        "{text}"
    );
}

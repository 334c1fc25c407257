//! The journal as a fence: what cannot be written down is not done, or undone.

use std::time::Duration;

use netkeel::controller::Next;
use netkeel::model::{Outcome, StepKind, Store as _};

use super::trapped::Moment;
use super::world::World;

const CHANGE: (&str, &str) = (" description old", " description new");

async fn with_change() -> World {
    let mut world = World::ios().await;
    world.intend_change("b", &[CHANGE]);
    world
}

/// The disk fills up just before this step is written.
fn full_at(world: &World, kind: StepKind) {
    let full = world.store.disk();
    world
        .store
        .at(kind, Moment::Before, move |_| full.fill(true));
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_written_down_first() {
    let world = with_change().await;
    let before = world.running();
    world.store.disk().fill(true);
    let report = world.apply().await;
    assert_eq!(report.outcome, None, "{report:?}");
    assert_eq!(world.running(), before);
    for kind in [StepKind::Load, StepKind::Commit] {
        let world = with_change().await;
        full_at(&world, kind);
        let report = world.apply().await;
        assert_eq!(
            report.outcome,
            Some(Outcome::Failed),
            "{kind:?}: {report:?}"
        );
        assert_eq!(report.next, Next::Retry);
        assert_eq!(world.running(), before);
        assert!(!world.trial_pending());
        // the change is not at fault: with the disk working again it is tried again
        world.store.disk().fill(false);
        assert_eq!(world.apply().await.outcome, Some(Outcome::Applied));
    }
}

#[tokio::test]
async fn a_trial_that_cannot_be_written_down_is_undone() {
    for kind in [StepKind::Committed, StepKind::Verify, StepKind::Confirm] {
        let world = with_change().await;
        let before = world.running();
        full_at(&world, kind);
        let report = world.apply().await;
        assert_eq!(
            report.outcome,
            Some(Outcome::RolledBack),
            "{kind:?}: {report:?}"
        );
        assert_eq!(world.running(), before, "{kind:?}");
        assert!(!world.trial_pending(), "{kind:?}");
        world.store.disk().fill(false);
        // its ending could not be written either: settled first, then tried again
        assert_eq!(world.settled().await, Outcome::RolledBack);
        assert_eq!(
            world.apply().await.outcome,
            Some(Outcome::Applied),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn what_the_device_has_confirmed_stands_without_the_journal() {
    let world = with_change().await;
    full_at(&world, StepKind::Confirmed);
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert!(world.running().contains("description new"));
    assert!(!world.startup().contains("description new"), "not saved");
    world.store.disk().fill(false);
    assert_eq!(world.settled().await, Outcome::Applied);
    let record = world.store_record();
    assert_eq!(record.unsaved, Some(true));
    assert_eq!(
        record.last_applied.map(|a| a.revision).as_deref(),
        Some("b")
    );
}

#[tokio::test]
async fn whoever_lost_the_lease_confirms_nothing_and_touches_nothing() {
    let world = with_change().await;
    let before = world.running();
    world.store.at(StepKind::Confirm, Moment::Before, |store| {
        let much_later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
        let lease = store.claim("r1", "another", Duration::from_secs(60), much_later);
        assert!(lease.expect("a store").is_some(), "the lease had run out");
    });
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Unknown), "{report:?}");
    assert!(world.running().contains("description new"));
    assert!(
        world.trial_pending(),
        "left to the device and the new owner"
    );
    assert_eq!(world.attempt().outcome, None);
    world.wait(301);
    assert_eq!(world.running(), before);
    world.wait(3 * 3600);
    assert_eq!(world.settled().await, Outcome::RolledBack);
}

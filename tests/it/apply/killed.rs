//! A controller that is killed at every step; a new process settles what it left.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use netkeel::controller::Report;
use netkeel::model::{Outcome, StepKind};
use tokio::sync::Notify;

use super::trapped::Moment;
use super::world::{World, person};

const CHANGES: [(&str, &str); 2] = [
    (" description old", " description new"),
    ("ntp server 192.0.2.53", "ntp server 192.0.2.54"),
];
const STEPS: [StepKind; 7] = [
    StepKind::Load,
    StepKind::Commit,
    StepKind::Committed,
    StepKind::Verify,
    StepKind::Confirm,
    StepKind::Confirmed,
    StepKind::Save,
];

/// Kills the controller there, starts another, lets it settle. The device must be one or
/// the other, and the outcome must say which.
async fn killed(mut world: World, at: (StepKind, Moment), target: &str) -> Outcome {
    let before = world.running();
    let dead = Arc::new(Notify::new());
    let bell = Arc::clone(&dead);
    world.store.at(at.0, at.1, move |_| bell.notify_one());
    let order = person();
    tokio::select! {
        biased;
        () = dead.notified() => {}
        report = world.pass(&order) => panic!("{at:?} was never reached: {report:?}"),
    }
    world.restart().await;
    let outcome = world.settled().await;
    let after = world.running();
    match outcome {
        Outcome::Applied => assert!(after.contains(target), "{at:?}: {after}"),
        Outcome::RolledBack | Outcome::Failed => assert_eq!(after, before, "{at:?}"),
        Outcome::Unchanged
        | Outcome::Refused
        | Outcome::Stale
        | Outcome::Unknown
        | Outcome::Skipped(_) => panic!("{at:?}: {outcome:?}"),
    }
    // what was interrupted by us is tried again, and holds
    let report = world.pass(&person()).await;
    let fine = matches!(report.outcome, Some(Outcome::Applied | Outcome::Unchanged));
    assert!(fine, "{at:?}: {report:?}");
    assert!(world.running().contains(target));
    world.wait(3600);
    assert!(
        world.running().contains(target),
        "{at:?}: no timer is left behind"
    );
    outcome
}

#[tokio::test]
async fn killed_at_any_step_of_an_ios_change_it_is_settled() {
    for kind in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let mut world = World::ios().await;
            world.intend_change("b", &CHANGES);
            let outcome = killed(world, (kind, moment), "description new").await;
            let confirmed = matches!(kind, StepKind::Confirmed | StepKind::Save);
            assert_eq!(
                outcome == Outcome::Applied,
                confirmed,
                "{kind:?} {moment:?}"
            );
        }
    }
}

#[tokio::test]
async fn killed_at_any_step_of_an_attended_frr_change_it_is_settled() {
    for kind in STEPS {
        let mut world = World::frr().await;
        world.intend_change(
            "b",
            &[(
                "neighbor 192.0.2.9 remote-as 65009",
                "neighbor 192.0.2.9 remote-as 65010",
            )],
        );
        killed(world, (kind, Moment::After), "remote-as 65010").await;
    }
}

/// A pass that is dropped after so many polls.
struct Mortal<F> {
    pass: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future<Output = Report>> Future for Mortal<F> {
    type Output = Option<Report>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.pass.as_mut().poll(cx).map(Some)
    }
}

#[tokio::test]
async fn killed_at_any_moment_the_device_is_never_a_mixture() {
    const STRIDE: usize = 9;
    for polls in (STRIDE..).step_by(STRIDE) {
        let mut world = World::ios().await;
        world.intend_change("b", &CHANGES);
        let (before, ctx) = (world.running(), world.ctx());
        let (fleet, order) = (world.intent.clone(), person());
        let pass = netkeel::controller::worker::pass(&ctx, &fleet, "r1", &order);
        let pass = Box::pin(pass);
        let ended = Mortal { pass, polls }.await;
        drop(ctx);
        world.restart().await;
        if world.attempts().is_empty() {
            assert_eq!(world.running(), before);
            continue;
        }
        let outcome = world.settled().await;
        let after = world.running();
        match outcome {
            Outcome::Applied => {
                assert!(after.contains("description new") && after.contains("192.0.2.54"));
            }
            Outcome::RolledBack | Outcome::Failed => assert_eq!(after, before, "{polls}"),
            Outcome::Unchanged
            | Outcome::Refused
            | Outcome::Stale
            | Outcome::Unknown
            | Outcome::Skipped(_) => panic!("after {polls} polls: {outcome:?}"),
        }
        if ended.is_some() {
            assert_eq!(outcome, Outcome::Applied);
            break;
        }
    }
}

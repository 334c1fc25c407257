//! Attended changes on FRR: no timer, an undo by commands.

use netkeel::model::{ApplyMode, Outcome};
use netkeel::sim::{Faults, Refuse};

use super::world::{World, person};

const CHANGE: (&str, &str) = (
    " bgp router-id 10.255.0.1\n neighbor 192.0.2.9 remote-as 65009",
    " bgp router-id 10.255.0.2\n neighbor 192.0.2.9 remote-as 65009\n neighbor 192.0.2.10 remote-as 65010",
);

async fn with_change() -> World {
    let mut world = World::frr().await;
    world.intend_change("b", &[CHANGE]);
    world
}

#[tokio::test]
async fn an_attended_change_is_applied_and_saved() {
    let world = with_change().await;
    let report = world.pass(&person()).await;
    assert_eq!(report.outcome, Some(Outcome::Applied), "{report:?}");
    assert!(
        world
            .running()
            .contains("neighbor 192.0.2.10 remote-as 65010")
    );
    assert!(
        world
            .startup()
            .contains("neighbor 192.0.2.10 remote-as 65010")
    );
}

#[tokio::test]
async fn an_unattended_change_is_refused() {
    let mut world = with_change().await;
    let before = world.running();
    world.device().keel.apply = ApplyMode::Auto;
    let report = world.apply().await;
    assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
    assert!(report.status.detail.unwrap().contains("attended_only"));
    assert!(world.attempts().is_empty());
    // a person's command without a person
    world.device().keel.apply = ApplyMode::Manual;
    let mut order = person();
    order.attended = false;
    let report = world.pass(&order).await;
    assert_eq!(report.outcome, Some(Outcome::Refused), "{report:?}");
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_refused_line_is_undone_by_commands_byte_for_byte() {
    for line in 2..=3 {
        let world = with_change().await;
        let before = world.running();
        world.faults(Faults {
            refuse: Some(Refuse {
                line,
                text: "% Unknown command: no".to_owned(),
            }),
            ..Faults::default()
        });
        let report = world.pass(&person()).await;
        assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
        assert_eq!(world.running(), before, "line {line}");
    }
}

#[tokio::test]
async fn a_check_that_gets_worse_is_undone_by_commands() {
    let mut world = with_change().await;
    world.device().keel.undo.within = 3;
    world.check("id", "show running-config", "router-id 10.255.0.1");
    let before = world.running();
    let report = world.pass(&person()).await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert_eq!(world.running(), before);
}

#[tokio::test]
async fn a_lost_connection_is_undone_over_a_new_one() {
    let world = with_change().await;
    let before = world.running();
    world.faults(Faults {
        drop_at_line: Some(2),
        ..Faults::default()
    });
    let report = world.pass(&person()).await;
    assert_eq!(report.outcome, Some(Outcome::RolledBack), "{report:?}");
    assert_eq!(world.running(), before);
}

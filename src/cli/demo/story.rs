//! The steps.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::teller::Teller;
use super::world::{FASTER, Ran, World};
use crate::cli::error::{CliError, Result};
use crate::sim::Faults;

const DEFAULTS: &str = "intent/inventory/defaults.yaml";
const HOSTS: &str = "intent/inventory/hosts.yaml";

/// All of them, in order.
pub(super) async fn tell(teller: &mut Teller<'_>, world: &mut World) -> Result<()> {
    in_line(teller, world).await?;
    by_hand(teller, world).await?;
    by_commit(teller, world).await?;
    cut_off(teller, world).await?;
    killed(teller, world).await?;
    typo(teller, world).await?;
    policy(teller, world).await?;
    secret(teller, world).await
}

fn compliant(device: &Value) -> bool {
    device["status"] == "compliant"
}

/// The story expects it; anything else ends it.
fn expect(what: &str, is_so: bool, instead: &str) -> Result<()> {
    if is_so {
        return Ok(());
    }
    Err(CliError::failure(format!("{what}; instead:\n{instead}")))
}

/// Everything is as it should be.
async fn in_line(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    teller
        .title("Seven routers and a repository: everything in line")
        .await?;
    world.until_in_line().await?;
    let ran = world.netkeel("status").await?;
    expect("status should end with 0", ran.code == Some(0), &ran.text)?;
    teller.output("netkeel status", &ran.text)?;
    teller.seen("every router runs what the repository says")
}

/// Drift, and who made it.
async fn by_hand(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-lon-1";
    teller
        .title("Somebody swaps two lines of an access list by hand")
        .await?;
    let lines = [
        "ip access-list extended USERS-IN",
        "no 40",
        "25 permit udp any any eq domain",
        "do write memory",
    ];
    teller.typed(&format!("eve@{ROUTER}"), &lines)?;
    world
        .fleet
        .type_as_user(ROUTER, "eve", &lines)
        .map_err(CliError::failure)?;
    let device = world
        .until(ROUTER, "the drift should be seen", |d| {
            d["status"] == "noncompliant"
        })
        .await?;
    let drift = device["drift"]["reordered"].as_u64().unwrap_or(0);
    expect(
        "it should be a matter of order",
        drift > 0,
        &device.to_string(),
    )?;
    let ran = world.netkeel(&format!("plan {ROUTER}")).await?;
    teller.output(&format!("netkeel plan {ROUTER}"), &ran.text)?;
    expect(
        "the plan should say who",
        ran.text.contains("by eve"),
        &ran.text,
    )?;
    teller.seen("out of band, in the wrong order, by eve; this router is `apply: manual`, so a person decides")?;
    teller.read(2).await;
    apply(teller, world, ROUTER).await?;
    world
        .until(ROUTER, "it should be in line again", compliant)
        .await?;
    Ok(())
}

async fn apply(teller: &mut Teller<'_>, world: &World, router: &str) -> Result<Ran> {
    let command = format!("apply {router} --yes");
    let ran = world.netkeel(&command).await?;
    let last = ran
        .text
        .lines()
        .filter(|line| line.contains(router) && line.contains("applied"));
    let last: Vec<&str> = last.collect();
    teller.output(&format!("netkeel {command}"), &last.join("\n"))?;
    expect(
        "it should be applied and confirmed",
        ran.code == Some(0) && ran.text.contains("confirmed"),
        &ran.text,
    )?;
    Ok(ran)
}

/// A change, the right way.
async fn by_commit(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-lon-2";
    teller.title("A commit changes the intent").await?;
    let edit = (
        HOSTS,
        "{name: Gi0/3, enabled: false}\n    neighbors:\n      - {name: core-lon-2",
        "{name: Gi0/3, description: to access-lon-2, address: 10.1.3.5/30}\n    neighbors:\n      - {name: core-lon-2",
    );
    world.commit("edge-lon-2: Gi0/3 goes to the new access switch", &[edit])?;
    teller.typed(
        "you",
        &["git commit -m 'edge-lon-2: Gi0/3 goes to the new access switch'"],
    )?;
    world
        .until(ROUTER, "the drift should be seen", |d| {
            d["status"] == "noncompliant"
        })
        .await?;
    let ran = world.netkeel(&format!("plan {ROUTER}")).await?;
    expect(
        "the plan should be proved",
        ran.text.contains("proved by replay"),
        &ran.text,
    )?;
    teller.output(&format!("netkeel plan {ROUTER}"), &ran.text)?;
    teller.read(2).await;
    apply(teller, world, ROUTER).await?;
    world
        .until(ROUTER, "it should be in line", compliant)
        .await?;
    let ran = world
        .netkeel(&format!("history {ROUTER} -v --limit 1"))
        .await?;
    let steps = [
        "load",
        "commit",
        "committed",
        "verify",
        "confirm",
        "confirmed",
        "save",
    ];
    let lines: Vec<&str> = ran
        .text
        .lines()
        .filter(|line| {
            steps
                .iter()
                .any(|step| line.split_whitespace().any(|word| word == *step))
        })
        .collect();
    expect(
        "the journal should have every step",
        lines.len() >= steps.len(),
        &ran.text,
    )?;
    teller.output(&format!("netkeel history {ROUTER} -v"), &lines.join("\n"))?;
    teller
        .seen("planned, shown, applied on trial, looked at over a second session, confirmed, saved")
}

/// The controller cuts itself off; the router undoes that.
async fn cut_off(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-ams-1";
    teller
        .title("A commit that cuts the controller off")
        .await?;
    teller.say("edge-ams-1 is `apply: auto`: the controller carries commits out by itself.")?;
    let base = running(world, ROUTER)?;
    let armed = world.fleet.now();
    let edit = (DEFAULTS, ", 127.0.0.0/8]", "]");
    world.commit("tidy up the management networks", &[edit])?;
    teller.typed("you", &["git commit -m 'tidy up the management networks'"])?;
    teller.say("(the network the controller sits in was one of them)")?;
    changed(world, ROUTER, &base).await?;
    let unknown = world
        .until(ROUTER, "it should be unknown", |d| d["status"] == "unknown")
        .await?;
    teller.say(&format!(
        "the router is changed, and nobody gets in any more: {}",
        unknown["cause"]
    ))?;
    countdown(teller, world, ROUTER, &base, armed).await?;
    teller.say("the router has put its old configuration back by itself")?;
    let device = world
        .until(ROUTER, "it should be read again", |d| {
            d["outcome"] == "rolled_back" && d["status"] != "unknown"
        })
        .await?;
    expect(
        "it should be equal to its base",
        running(world, ROUTER)? == base,
        "something else",
    )?;
    teller.seen(&format!(
        "unknown, then read again and equal to its base: outcome {}; this revision is not tried there again",
        device["outcome"]
    ))?;
    world.revert()?;
    teller.typed("you", &["git revert HEAD"])?;
    world.until_in_line().await
}

/// The running configuration without the lines where the router says when it was changed.
fn running(world: &World, router: &str) -> Result<String> {
    Ok(without_notes(
        &world.fleet.running(router).map_err(CliError::failure)?,
    ))
}

fn without_notes(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('!')).collect();
    lines.join("\n")
}

/// Waits until the router runs something else.
async fn changed(world: &World, router: &str, base: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while running(world, router)? == base {
        if Instant::now() > deadline {
            return Err(CliError::failure(format!(
                "{router} should have been changed"
            )));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn countdown(
    teller: &mut Teller<'_>,
    world: &World,
    router: &str,
    base: &str,
    armed: jiff::Timestamp,
) -> Result<()> {
    const UNDO: i64 = 300;
    let deadline = Instant::now() + Duration::from_secs(45);
    teller.say(&format!(
        "its own timer runs; {FASTER} times faster than yours, as said:"
    ))?;
    while running(world, router)? != base {
        if Instant::now() > deadline {
            teller.tick_end()?;
            return Err(CliError::failure(format!(
                "{router} should have undone the change"
            )));
        }
        let gone = world.fleet.now().duration_since(armed).as_secs();
        teller.tick(&format!(
            "undo in {:3} s of the router's time",
            (UNDO - gone).max(0)
        ))?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    teller.tick_end()
}

/// The controller dies in the middle of a trial.
async fn killed(teller: &mut Teller<'_>, world: &mut World) -> Result<()> {
    const ROUTER: &str = "edge-ams-1";
    teller
        .title("The controller is killed in the middle of a trial")
        .await?;
    let base = running(world, ROUTER)?;
    // The router answers slowly, so that there is a middle to hit.
    let slow = Faults {
        slow_ms: Some(40),
        ..Faults::default()
    };
    world
        .fleet
        .set_faults(ROUTER, slow)
        .map_err(CliError::failure)?;
    let edit = (
        HOSTS,
        "description: users, address: 10.20.2.1",
        "description: users of Amsterdam, address: 10.20.2.1",
    );
    world.commit("edge-ams-1: say whose users", &[edit])?;
    teller.typed("you", &["git commit -m 'edge-ams-1: say whose users'"])?;
    changed(world, ROUTER, &base).await?;
    world.kill_controller().await?;
    teller.typed("you", &["kill -9 $(pidof netkeel)"])?;
    world
        .fleet
        .set_faults(ROUTER, Faults::default())
        .map_err(CliError::failure)?;
    teller.say("the change was made and is not confirmed; the router's timer runs on")?;
    world.start_controller().await?;
    teller.say("the controller starts again and finds the open attempt in its journal")?;
    let attempt = world.until_attempt(ROUTER, "rolled_back").await?;
    let id = attempt["id"].as_str().unwrap_or_default();
    let before = stored(world, &format!("history {ROUTER} --show before:{id}")).await?;
    let after = stored(world, &format!("history {ROUTER} --show {id}")).await?;
    expect(
        "it should be equal to its base",
        !before.is_empty() && before == after,
        &after,
    )?;
    world.until_in_line().await?;
    let ran = world
        .netkeel(&format!("history {ROUTER} --limit 2"))
        .await?;
    teller.output(&format!("netkeel history {ROUTER}"), &attempts(&ran.text))?;
    teller.seen("settled first: undone, read again, equal to its base; then done anew")
}

/// A stored configuration without the lines where the router says when it was changed.
async fn stored(world: &World, command: &str) -> Result<String> {
    let ran = world.netkeel(command).await?;
    expect(
        "it should be in the history",
        ran.code == Some(0),
        &ran.text,
    )?;
    let start = ran.text.find("\nversion ").unwrap_or(0);
    Ok(without_notes(&ran.text[start..]))
}

/// The attempts of a history, without the list of configurations.
fn attempts(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.contains("seen:"))
        .skip(2)
        .collect();
    lines.join("\n")
}

/// A typo that would empty the fleet.
async fn typo(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    teller.title("A typo that would empty the routers").await?;
    let before = running(world, "edge-ams-1")?;
    let template = "intent/templates/ios.j2";
    let edits = [
        (
            template,
            "version 15.9",
            "{% if role in ['edgee', 'acess'] %}\nversion 15.9",
        ),
        (template, "!\nend", "!\nend\n{% endif %}"),
    ];
    world.commit("templates: only for roles that are ready", &edits)?;
    teller.typed(
        "you",
        &["git commit -m 'templates: only for roles that are ready'   # edgee, acess"],
    )?;
    world
        .until("edge-ams-1", "it should be refused", |d| {
            d["status"] == "noncompliant" && d["detail"].to_string().contains("empty_intent")
        })
        .await?;
    let ran = world.netkeel("plan edge-ams-1").await?;
    let refused: Vec<&str> = ran
        .text
        .lines()
        .filter(|line| line.contains("refused"))
        .collect();
    teller.output("netkeel plan edge-ams-1", &refused.join("\n"))?;
    expect("the exit code should be 6", ran.code == Some(6), &ran.text)?;
    expect(
        "nothing should have changed",
        running(world, "edge-ams-1")? == before,
        "it was changed",
    )?;
    teller.seen("refused, exit code 6; no router was touched")?;
    world.revert()?;
    teller.typed("you", &["git revert HEAD"])?;
    world.until_in_line().await
}

/// A rule is broken, and Prometheus sees it.
async fn policy(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-lon-2";
    teller.title("A policy is broken").await?;
    let lines = [
        "line vty 0 4",
        "transport input telnet ssh",
        "do write memory",
    ];
    teller.typed(&format!("eve@{ROUTER}"), &lines)?;
    world
        .fleet
        .type_as_user(ROUTER, "eve", &lines)
        .map_err(CliError::failure)?;
    world
        .until(ROUTER, "the violation should be seen", |d| {
            d["violations"]["high"].as_u64() > Some(0)
        })
        .await?;
    let page = world.get("/metrics").await?;
    let name = format!("device=\"{ROUTER}\"");
    let lines: Vec<&str> = page
        .lines()
        .filter(|line| line.contains(&name))
        .filter(|line| {
            line.starts_with("netkeel_device_compliant")
                || (line.starts_with("netkeel_device_violations") && line.contains("\"high\""))
        })
        .collect();
    teller.output(
        &format!("curl -s {}/metrics | grep {ROUTER}", world.url()),
        &lines.join("\n"),
    )?;
    let shows = |start: &str, end: &str| {
        lines
            .iter()
            .any(|l| l.starts_with(start) && l.ends_with(end))
    };
    expect(
        "the metrics should show it",
        shows("netkeel_device_compliant", " 0") && shows("netkeel_device_violations", " 1"),
        &page,
    )?;
    teller.seen("what the shipped Prometheus alerts fire on")?;
    apply(teller, world, ROUTER).await?;
    Ok(())
}

/// A secret in a diff.
async fn secret(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "core-lon-1";
    const TYPED: &str = "letmein123";
    teller.title("A secret in a difference").await?;
    let command = format!("neighbor 10.1.1.2 password {TYPED}");
    let lines = ["router bgp 65010", &command];
    teller.typed(
        &format!("eve@{ROUTER}"),
        &["router bgp 65010", "neighbor 10.1.1.2 password **********"],
    )?;
    world
        .fleet
        .type_as_user(ROUTER, "eve", &lines)
        .map_err(CliError::failure)?;
    world
        .until(ROUTER, "the drift should be seen", |d| {
            d["status"] == "noncompliant"
        })
        .await?;
    let ran = world.netkeel(&format!("plan {ROUTER}")).await?;
    teller.output(&format!("netkeel plan {ROUTER}"), &ran.text)?;
    let masked = ran.text.contains("\u{27e6}sealed:")
        && ran.text.contains("\u{27e6}secret:bgp_password\u{27e7}");
    expect("both values should be masked", masked, &ran.text)?;
    let metrics = world.get("/metrics").await?;
    let devices = world.get("/api/v1/devices").await?;
    let mut texts = vec![ran.text, metrics, devices];
    for entry in std::fs::read_dir(world.state())?
        .flatten()
        .filter(|e| e.path().is_file())
    {
        texts.push(String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned());
    }
    let secrets = [TYPED, "under-the-keel", "netkeel-sim"];
    let leaked = texts
        .iter()
        .any(|text| secrets.iter().any(|secret| text.contains(secret)));
    expect("no value should be anywhere", !leaked, "a value was found")?;
    teller.seen("masked here, in the metrics, in the API, and in every file of the state folder")
}

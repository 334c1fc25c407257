//! What is refused, what is reported, what is never shown.

use super::changes::running;
use super::story::{apply, expect};
use super::teller::Teller;
use super::world::World;
use crate::cli::error::{CliError, Result};

/// A typo that would empty the fleet.
pub(super) async fn typo(teller: &mut Teller<'_>, world: &World) -> Result<()> {
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
pub(super) async fn policy(teller: &mut Teller<'_>, world: &World) -> Result<()> {
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
pub(super) async fn secret(teller: &mut Teller<'_>, world: &World) -> Result<()> {
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

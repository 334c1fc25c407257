//! Stories as files: every `tests/scripts/*.txt` is played on the in-memory fleet, and what
//! is seen is compared with the `.out` file beside it (`UPDATE=1` writes it).
//!
//! A line is a command; `#` begins a comment. `fleet NAME…` `observe NAME…` make devices,
//! `start` `kill` `stop` the loop, `push REV` `rewrite REV` `accept` move the branch,
//! `wait 90s`, `look NAME…`, `mood NAME well|unreachable|panics|auth|OUTCOME`, `hand NAME`
//! (somebody changes it), `hold NAME` `release NAME`, `journal fails|works`, and `show`:
//! what was changed since the last one, and the status of all devices.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::world::{MS, Mood, SECOND, Story, World};
use crate::controller::{Look, RunOptions};
use crate::model::{ApplyMode, Compliance, HoldReason, Outcome};

struct Stage {
    world: World,
    dir: Arc<TempDir>,
    story: Option<Story>,
    shown: usize,
    out: String,
}

impl Stage {
    fn new() -> Self {
        Self {
            world: World::new(&[]),
            dir: Arc::new(TempDir::new().expect("a folder")),
            story: None,
            shown: 0,
            out: String::new(),
        }
    }

    fn story(&self) -> &Story {
        self.story.as_ref().expect("`start` comes first")
    }

    async fn line(&mut self, line: &str) {
        writeln!(self.out, "> {line}").expect("text");
        let words: Vec<&str> = line.split_whitespace().collect();
        let (command, rest) = words.split_first().expect("not empty");
        match *command {
            "fleet" => rest.iter().for_each(|n| self.world.add(n, ApplyMode::Auto)),
            "observe" => rest
                .iter()
                .for_each(|n| self.world.add(n, ApplyMode::Observe)),
            "start" | "kill" | "stop" => self.run(command).await,
            "wait" => tokio::time::sleep(duration(rest[0])).await,
            "show" => self.show().await,
            "push" | "rewrite" | "accept" | "look" => self.branch(command, rest).await,
            "mood" => self.world.mood(rest[0], mood(rest[1])),
            "hand" => self.world.thing(rest[0], |t| t.runs = "by hand".to_owned()),
            "hold" => self.story().hold(rest[0], HoldReason::Manual),
            "release" => assert!(self.story().release(rest[0]), "{line}: there is no hold"),
            "journal" => {
                let broken = (rest[0] == "fails").then(|| "disk full".to_owned());
                self.world.edit(|w| w.stopped = broken);
            }
            other => panic!("`{other}` is not a command of a story"),
        }
    }

    async fn run(&mut self, command: &str) {
        if command == "start" {
            let dir = Arc::clone(&self.dir);
            self.story = Some(Story::begin_in(dir, &self.world, RunOptions::default()));
            return;
        }
        let mut story = self.story.take().expect("`start` comes first");
        if command == "kill" {
            drop(story.kill().await);
            return;
        }
        story.stop.ask();
        let ended = story.ended().await.expect("a daemon does not fail");
        writeln!(self.out, "{ended:?}").expect("text");
    }

    async fn branch(&mut self, command: &str, rest: &[&str]) {
        let story = self.story();
        match command {
            "push" => story.push(rest[0]).await,
            "rewrite" => {
                let from = self.world.edit(|w| w.revision.clone());
                self.world.edit(|w| w.rewritten = Some(from));
                story.push(rest[0]).await;
            }
            "accept" => {
                self.world.edit(|w| w.rewritten = None);
                story.wish(Look::Repository).await;
            }
            _ => {
                let names = rest.iter().map(|n| (*n).to_owned()).collect();
                story.wish(Look::Devices(names)).await;
            }
        }
    }

    /// Changes since the last time, in order, then every device in one line.
    async fn show(&mut self) {
        tokio::time::sleep(2 * SECOND).await;
        let log = self.world.edit(|w| w.log.clone());
        let told = ["change", "changed", "settle", "settled"];
        let mut lines: Vec<String> = log[self.shown..]
            .iter()
            .map(|(_, text)| text.clone())
            .filter(|text| told.contains(&verb(text)))
            .collect();
        self.shown = log.len();
        // What happens in one batch happens at one moment, and has no order.
        for batch in lines.chunk_by_mut(|a, b| verb(a) == verb(b)) {
            batch.sort();
        }
        for text in lines {
            writeln!(self.out, "  * {text}").expect("text");
        }
        for device in &self.story().handle.status().devices {
            let status = match device.status {
                Compliance::Compliant => "compliant",
                Compliance::NonCompliant => "noncompliant",
                Compliance::Unknown => "unknown",
            };
            let cause = device.cause.as_deref().unwrap_or("-");
            let hold = device.hold.as_deref().unwrap_or("-");
            let name = &device.name;
            writeln!(
                self.out,
                "  {name:<8} {status:<13} cause {cause:<12} hold {hold}"
            )
            .expect("text");
        }
    }
}

fn verb(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn mood(word: &str) -> Mood {
    match word {
        "well" => Mood::Well,
        "unreachable" => Mood::Unreachable,
        "panics" => Mood::Panics,
        "auth" => Mood::Auth,
        "rolled_back" => Mood::Fails(Outcome::RolledBack),
        "stale" => Mood::Fails(Outcome::Stale),
        "unknown" => Mood::Fails(Outcome::Unknown),
        other => panic!("`{other}` is not a mood"),
    }
}

fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let n: u32 = digits.parse().expect("a number and a unit");
    match &text[digits.len()..] {
        "ms" => MS * n,
        "s" => SECOND * n,
        "m" => SECOND * 60 * n,
        "h" => SECOND * 3600 * n,
        other => panic!("`{other}` is not a unit"),
    }
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = fs::read_dir(folder).expect("the folder of the stories");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut scripts: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
        .collect();
    scripts.sort();
    scripts
}

async fn play(script: &Path) -> String {
    let mut stage = Stage::new();
    for line in fs::read_to_string(script).expect("a story").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            stage.line(line).await;
        }
    }
    stage.out
}

#[tokio::test(start_paused = true)]
async fn every_script_plays_as_written() {
    let scripts = scripts();
    assert!(scripts.len() >= 4, "the stories have been found");
    for script in scripts {
        let seen = play(&script).await;
        let expected = script.with_extension("out");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &seen).unwrap();
        }
        let written = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(seen, written, "{}", script.display());
    }
}

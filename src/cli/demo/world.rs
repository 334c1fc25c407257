//! What the story happens in: a fleet, a repository, the controller, commands.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use git2::Repository;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::make::{start_fleet, write};
use super::teller::Teller;
use crate::cli::app::{now, this_program};
use crate::cli::error::{CliError, Result};
use crate::cli::init;
use crate::sim::Fleet;

/// The devices' clock runs this many times faster than ours: five minutes of a router's
/// undo timer take ten seconds.
pub(super) const FASTER: f64 = 30.0;
/// Nothing in this story takes longer.
const PATIENCE: Duration = Duration::from_secs(45);
const LOOK: Duration = Duration::from_millis(50);

/// Everything there is.
pub(super) struct World {
    folder: TempDir,
    pub(super) fleet: Fleet,
    repository: Repository,
    controller: Option<Child>,
    url: String,
    starts: usize,
    color: bool,
}

/// What a command printed, and how it ended.
pub(super) struct Ran {
    pub(super) text: String,
    pub(super) code: Option<i32>,
}

impl World {
    /// Makes the repository, starts the routers and the controller.
    pub(super) async fn start(teller: &mut Teller<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tree = folder.path().join("network");
        let net = rand::random_range(64..=250_u8);
        write(folder.path(), &tree, net)?;
        let repository = Repository::init_opts(
            &tree,
            git2::RepositoryInitOptions::new().initial_head("main"),
        )
        .map_err(git)?;
        init::record(&repository, "the network as it is").map_err(git)?;
        let fleet = start_fleet(folder.path(), &tree).await?;
        teller.last(&format!(
            "Seven simulated routers behind real SSH servers (127.{net}.0.1 and on), a Git repository in\n{}, \
             and the controller in a process of its own.\nThe routers' clocks run {FASTER} times faster than \
             yours.",
            tree.display()
        ))?;
        let mut world = Self {
            folder,
            fleet,
            repository,
            controller: None,
            url: String::new(),
            starts: 0,
            color: teller.interactive(),
        };
        world.start_controller().await?;
        Ok(world)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("netkeel.yaml")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("network")
    }

    fn program(&self) -> Result<Command> {
        let mut command = Command::new(this_program()?);
        for (variable, _) in crate::settings::VARIABLES {
            command.env_remove(variable);
        }
        // Not inside the working tree: everything here is about what was committed.
        command
            .current_dir(self.folder.path())
            .arg("--settings")
            .arg(self.settings());
        Ok(command)
    }

    /// The last lines the latest controller logged.
    pub(super) fn log_end(&self) -> String {
        const SHOWN: usize = 25;
        let log = self
            .folder
            .path()
            .join(format!("controller-{}.log", self.starts));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Starts `netkeel run`, and waits until it says where it listens.
    pub(super) async fn start_controller(&mut self) -> Result<()> {
        self.starts += 1;
        let log = self
            .folder
            .path()
            .join(format!("controller-{}.log", self.starts));
        let file = std::fs::File::create(&log)?;
        let mut command = self.program()?;
        command.args(["run", "--listen", "127.0.0.1:0"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .kill_on_drop(true);
        self.controller = Some(command.spawn()?);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&log)?;
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix("listening on "));
            if let Some(url) = found {
                url.trim().clone_into(&mut self.url);
                return Ok(());
            }
            let ended = self
                .controller
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > deadline {
                return Err(CliError::failure(format!(
                    "the controller did not start: {text}"
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// kill -9
    pub(super) async fn kill_controller(&mut self) -> Result<()> {
        if let Some(mut controller) = self.controller.take() {
            controller.kill().await?;
        }
        Ok(())
    }

    pub(super) async fn stop(mut self) {
        if let Some(mut controller) = self.controller.take() {
            drop(controller.kill().await);
        }
        self.fleet.shutdown().await;
    }

    /// Runs a command as a person would.
    pub(super) async fn netkeel(&self, line: &str) -> Result<Ran> {
        let mut command = self.program()?;
        command
            .args(line.split(' '))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.args(["--color", if self.color { "always" } else { "never" }]);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .map_err(|_| CliError::failure(format!("`netkeel {line}` did not end")))??;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Ran {
            text,
            code: output.status.code(),
        })
    }

    /// Changes files of the repository and commits them. An edit is a path, what stands
    /// there, and what is to stand there.
    pub(super) fn commit(&self, message: &str, edits: &[(&str, &str, &str)]) -> Result<()> {
        for (path, from, to) in edits {
            let path = self.tree().join(path);
            let text = std::fs::read_to_string(&path)?;
            if !text.contains(from) {
                let shown = path.display();
                return Err(CliError::failure(format!("`{shown}` has no `{from}`")));
            }
            std::fs::write(&path, text.replacen(from, to, 1))?;
        }
        init::record(&self.repository, message).map_err(git)?;
        Ok(())
    }

    /// Takes the last commit back with another one.
    pub(super) fn revert(&self) -> Result<()> {
        let back = || -> std::result::Result<(), git2::Error> {
            let last = self.repository.head()?.peel_to_commit()?;
            let before = last.parent(0)?;
            let author = self
                .repository
                .signature()
                .or_else(|_| git2::Signature::now("you", "you@localhost"))?;
            let message = format!("Revert \"{}\"", last.summary()?.unwrap_or_default());
            self.repository.commit(
                Some("HEAD"),
                &author,
                &author,
                &message,
                &before.tree()?,
                &[&last],
            )?;
            self.repository
                .checkout_head(Some(git2::build::CheckoutBuilder::new().force()))
        };
        back().map_err(git)
    }

    /// The revision at the head of the branch.
    pub(super) fn head(&self) -> Result<String> {
        let head = self
            .repository
            .head()
            .and_then(|head| head.peel_to_commit())
            .map_err(git)?;
        Ok(head.id().to_string())
    }

    /// The status document, from the controller.
    pub(super) async fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.get("/api/v1/devices").await?)?)
    }

    /// One device of it.
    pub(super) async fn device(&self, name: &str) -> Result<Value> {
        Ok(one(&self.status().await?, name))
    }

    /// Waits until the status is so; the device's entry is handed over.
    pub(super) async fn until(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let device = self.device(name).await.unwrap_or_default();
            if is_so(&device) {
                return Ok(device);
            }
            if Instant::now() > deadline {
                return Err(CliError::failure(format!(
                    "{what}; the status of {name} is {device}"
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the controller has looked at every device for the head of the branch,
    /// and all of them are in line.
    pub(super) async fn until_in_line(&self) -> Result<()> {
        let (asked, head) = (now(), self.head()?);
        let fresh = |device: &Value| {
            let seen = device["last_seen"]
                .as_str()
                .and_then(|text| text.parse().ok());
            device["status"] == "compliant" && seen.is_some_and(|seen: Timestamp| seen > asked)
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status().await.unwrap_or_default();
            let devices = status["devices"].as_array().cloned().unwrap_or_default();
            let all = !devices.is_empty() && devices.iter().all(fresh);
            if all && status["revision"] == head.as_str() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let text = format!("all devices should be compliant; the status is {status}");
                return Err(CliError::failure(text));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The outcome of the newest attempt on a device for the head of the branch, once there
    /// is one that satisfies.
    pub(super) async fn until_attempt(&self, name: &str, outcome: &str) -> Result<Value> {
        let (deadline, head) = (Instant::now() + PATIENCE, self.head()?);
        loop {
            let ran = self
                .netkeel(&format!("history {name} --json --limit 5"))
                .await?;
            let history: Value = serde_json::from_str(&ran.text).unwrap_or_default();
            let attempts = history["attempts"].as_array().cloned().unwrap_or_default();
            let found = attempts.into_iter().find(|attempt| {
                attempt["revision"] == head.as_str() && attempt["outcome"] == outcome
            });
            if let Some(attempt) = found {
                return Ok(attempt);
            }
            if Instant::now() > deadline {
                let text = format!(
                    "an attempt on {name} should be {outcome}; instead:\n{}",
                    ran.text
                );
                return Err(CliError::failure(text));
            }
            tokio::time::sleep(4 * LOOK).await;
        }
    }

    /// A page of the controller.
    pub(super) async fn get(&self, path: &str) -> Result<String> {
        let address = self.url.trim_start_matches("http://");
        let work = async {
            let mut stream = TcpStream::connect(address).await?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(5), work)
            .await
            .map_err(|_| CliError::failure(format!("{}{path} does not answer", self.url)))??;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            Some((head, _)) => Err(CliError::failure(format!(
                "{path}: {}",
                head.lines().next().unwrap_or_default()
            ))),
            None => Err(CliError::failure(format!("{path}: no answer"))),
        }
    }
}

/// The entry of one device.
pub(super) fn one(status: &Value, name: &str) -> Value {
    let devices = status["devices"].as_array();
    let found = devices.and_then(|devices| devices.iter().find(|device| device["name"] == name));
    found.cloned().unwrap_or_default()
}

fn git(error: git2::Error) -> CliError {
    CliError::failure(error).while_doing("the demonstration's repository")
}

//! The one session for every platform with a CLI over SSH.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::cli::{self, Engine};
use super::transaction::Candidate;
use super::transport::ssh::{Link, Trust};
use super::{DeviceError, Session, Target, facts};
use crate::model::{
    Capabilities, Datastore, Facts, Mode, PendingCommit, SecretText, Txn, UndoArmed,
};
use crate::pack::Method;

/// A conversation with a device's CLI. Made by [`super::SshConnector`].
pub struct CliSession {
    pub(super) target: Target,
    pub(super) engine: Engine,
    pub(super) trust: Arc<Trust>,
    pub(super) capabilities: Capabilities,
    pub(super) candidate: Option<Candidate>,
    link: Option<Link>,
    /// Set while a verb is under way; a verb that was cut off leaves it set.
    busy: bool,
}

impl CliSession {
    pub(super) fn new(
        target: Target,
        engine: Engine,
        link: Option<Link>,
        trust: Arc<Trust>,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            target,
            engine,
            trust,
            capabilities,
            candidate: None,
            link,
            busy: false,
        }
    }

    fn begin(&mut self) -> Result<(), DeviceError> {
        if self.busy {
            return Err(DeviceError::Poisoned {
                device: self.target.device.clone(),
            });
        }
        self.busy = true;
        Ok(())
    }

    fn end<T>(&mut self, result: Result<T, DeviceError>) -> Result<T, DeviceError> {
        self.busy = !self.engine.in_step();
        result
    }

    pub(super) fn unsupported(&self, what: &str) -> DeviceError {
        DeviceError::Unsupported {
            device: self.target.device.clone(),
            what: what.to_owned(),
        }
    }

    async fn config_now(&mut self, datastore: Datastore) -> Result<SecretText, DeviceError> {
        let pack = Arc::clone(&self.target.pack);
        let read = &pack.session.read;
        let (command, doing) = match datastore {
            Datastore::Running => (&read.running, "reading running"),
            Datastore::Startup => (&read.startup, "reading startup"),
        };
        let Some(command) = command else {
            return Err(self.unsupported(doing));
        };
        let mut commands = Vec::with_capacity(2);
        commands.extend(read.proof.as_ref().map(|proof| proof.send.as_str()));
        commands.push(&command.send);
        let mut outputs = self.engine.read(&commands, doing).await?;
        let text = outputs.pop().unwrap_or_default();
        if let Some(proof) = &read.proof
            && !outputs
                .first()
                .is_some_and(|output| proof.proves.is_match(output))
        {
            return Err(self.incomplete(&proof.otherwise));
        }
        if text.trim().is_empty() && datastore == Datastore::Running {
            return Err(self.incomplete("the device printed no configuration"));
        }
        Ok(SecretText::new(text))
    }

    fn incomplete(&self, why: &str) -> DeviceError {
        DeviceError::Incomplete {
            device: self.target.device.clone(),
            why: why.to_owned(),
        }
    }

    fn load_now(
        &mut self,
        txn: &Txn,
        mode: Mode,
        commands: &[SecretText],
        rollback: &[SecretText],
    ) -> Result<(), DeviceError> {
        if mode == Mode::Replace {
            return Err(self.unsupported("a whole configuration at once"));
        }
        for (open, sealed) in rollback.iter().zip(&txn.rollback) {
            self.engine.redactor().learn_line(open.expose(), sealed);
        }
        let sealed: Vec<&str> = txn.commands.iter().map(String::as_str).collect();
        let units = self.units(commands, &sealed)?;
        self.candidate = Some(Candidate {
            id: txn.id.clone(),
            units,
            rollback: rollback.to_vec(),
        });
        Ok(())
    }

    /// Groups what will be typed. A line without a sealed twin is shown by its number only.
    fn units(
        &mut self,
        open: &[SecretText],
        sealed: &[&str],
    ) -> Result<Vec<cli::Unit>, DeviceError> {
        let twins = open.len() == sealed.len();
        let mut shown = Vec::new();
        let mut typed = Vec::new();
        for (index, command) in open.iter().enumerate() {
            let twin = if twins { sealed[index] } else { "" };
            let same = twin.split('\n').count() == command.expose().split('\n').count();
            let mut twin_lines = twin.split('\n');
            for line in command.expose().split('\n') {
                let twin = twin_lines.next().filter(|_| twins && same);
                if let Some(twin) = twin {
                    self.engine.redactor().learn_line(line, twin);
                } else {
                    self.engine.redactor().learn(&SecretText::new(line));
                }
                typed.push(line);
                shown.push(twin.map_or(
                    format!("line {} of {}", index + 1, open.len()),
                    str::to_owned,
                ));
            }
        }
        if let Some(line) = typed
            .iter()
            .find(|line| line.contains(|c: char| c.is_control() && c != '\t'))
        {
            let at = typed.iter().position(|l| l == line).unwrap_or(0);
            return Err(self
                .engine
                .refused(&shown[at], "a control character cannot be typed"));
        }
        let pairs: Vec<(&str, &str)> = typed
            .iter()
            .copied()
            .zip(shown.iter().map(String::as_str))
            .collect();
        cli::units(self.engine.spec(), &pairs).map_err(|why| self.engine.refused(&why, "not typed"))
    }

    async fn lines_now(&mut self, commands: &[SecretText]) -> Result<(), DeviceError> {
        let doing = "typing configuration lines";
        let units = self.units(commands, &[])?;
        self.type_all(&units, doing).await
    }

    async fn facts_now(&mut self) -> Result<Facts, DeviceError> {
        let pack = Arc::clone(&self.target.pack);
        let Some(getter) = pack.getters.get("facts") else {
            return Err(self.unsupported("facts"));
        };
        let output = self
            .engine
            .read(&[&getter.command], "reading facts")
            .await?
            .concat();
        let mut facts = facts::read(getter, &output);
        facts.vendor.clone_from(&pack.vendor);
        if facts.version.is_empty() {
            return Err(self.engine.protocol("reading facts", &output));
        }
        if facts.hostname.is_empty() {
            self.engine.host().clone_into(&mut facts.hostname);
        }
        Ok(facts)
    }

    async fn cli_now(&mut self, command: &str) -> Result<SecretText, DeviceError> {
        if command.trim().is_empty() || command.contains(|c: char| c.is_control()) {
            return Err(self
                .engine
                .refused(command.trim(), "not a command of one line"));
        }
        let output = self
            .engine
            .read(&[command], "running a command")
            .await?
            .concat();
        Ok(SecretText::new(output))
    }

    async fn confirm_now(&mut self, txn: &Txn) -> Result<(), DeviceError> {
        match (&txn.undo, self.target.pack.transaction.method) {
            (UndoArmed::Host { folder }, _) => self.host_undo()?.confirm(folder).await,
            (UndoArmed::Attended, _) => Ok(()),
            (_, Method::TimedMerge) => self.confirm_timed().await,
            (_, Method::Lines) => Err(self.unsupported("confirm without an undo")),
        }
    }

    async fn rollback_now(&mut self, txn: &Txn) -> Result<(), DeviceError> {
        match (&txn.undo, self.target.pack.transaction.method) {
            (UndoArmed::Host { folder }, _) => self.host_undo()?.rollback(folder).await,
            (UndoArmed::Attended, _) | (UndoArmed::Nothing, Method::Lines) => {
                Err(self.unsupported("rollback without an undo"))
            }
            (_, Method::TimedMerge) => self.rollback_timed().await,
            (UndoArmed::DeviceTimer, Method::Lines) => {
                Err(self.unsupported("a timer of the device"))
            }
        }
    }
}

#[async_trait]
impl Session for CliSession {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn config(&mut self, datastore: Datastore) -> Result<SecretText, DeviceError> {
        self.begin()?;
        let result = self.config_now(datastore).await;
        self.end(result)
    }

    async fn pending(&mut self) -> Result<Option<PendingCommit>, DeviceError> {
        self.begin()?;
        let result = self.pending_now().await;
        self.end(result)
    }

    async fn load(
        &mut self,
        txn: &Txn,
        mode: Mode,
        commands: &[SecretText],
        rollback: &[SecretText],
    ) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.load_now(txn, mode, commands, rollback);
        self.end(result)
    }

    async fn compare(&mut self, _txn: &Txn) -> Result<Option<String>, DeviceError> {
        self.begin()?;
        // Neither platform can compare without a file on the device, and a look writes nothing.
        self.end(Ok(None))
    }

    async fn commit(
        &mut self,
        txn: &mut Txn,
        confirm_within: Duration,
        _comment: &str,
    ) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.commit_now(txn, confirm_within).await;
        self.end(result)
    }

    async fn confirm(&mut self, txn: &Txn) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.confirm_now(txn).await;
        self.end(result)
    }

    async fn discard(&mut self, _txn: &Txn) -> Result<(), DeviceError> {
        self.begin()?;
        self.candidate = None;
        self.end(Ok(()))
    }

    async fn rollback(&mut self, txn: &Txn) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.rollback_now(txn).await;
        self.end(result)
    }

    async fn lines(&mut self, commands: &[SecretText]) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.lines_now(commands).await;
        self.end(result)
    }

    async fn save(&mut self) -> Result<(), DeviceError> {
        self.begin()?;
        let result = self.save_now().await;
        self.end(result)
    }

    async fn facts(&mut self) -> Result<Facts, DeviceError> {
        self.begin()?;
        let result = self.facts_now().await;
        self.end(result)
    }

    async fn cli(&mut self, command: &str) -> Result<SecretText, DeviceError> {
        self.begin()?;
        let result = self.cli_now(command).await;
        self.end(result)
    }

    async fn close(mut self: Box<Self>) {
        self.engine.close().await;
        if let Some(link) = &self.link {
            link.close().await;
        }
    }
}

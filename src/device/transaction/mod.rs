//! How a device is changed: one file per method. Which one a platform has, its pack says.

pub mod host;
mod lines;
mod timed_merge;

use std::time::Duration;

use crate::device::session::CliSession;
use crate::device::{DeviceError, cli};
use crate::model::{Capabilities, ConfirmScope, SecretText, Txn, UndoMethod};
use crate::pack::transaction::ConfirmFrom;
use crate::pack::{Method, ModeName, TransactionSpec};

/// What was loaded and has not been committed.
#[derive(Default)]
pub(super) struct Candidate {
    /// The transaction's id.
    pub(super) id: String,
    /// What will be typed.
    pub(super) units: Vec<cli::Unit>,
    /// What leads back.
    pub(super) rollback: Vec<SecretText>,
}

/// What a platform can do by itself, without anything on its host.
pub(super) fn capabilities(
    spec: &TransactionSpec,
    method: UndoMethod,
    startup: bool,
) -> Capabilities {
    let mut can = Capabilities {
        merge: true,
        replace: false,
        confirm: ConfirmScope::None,
        timer: None,
        startup,
        attended_only: None,
    };
    match (method, spec.timer) {
        (UndoMethod::Auto | UndoMethod::Device, Some(timer)) => {
            can.timer = Some((timer.unit * timer.min, timer.unit * timer.max, timer.unit));
            can.confirm = match spec.confirm_from {
                ConfirmFrom::AnySession => ConfirmScope::AnySession,
                ConfirmFrom::SameSession => ConfirmScope::SameSession,
                ConfirmFrom::None => ConfirmScope::None,
            };
        }
        (UndoMethod::None, _) => {
            can.attended_only = Some("`undo.method` is `none`".to_owned());
        }
        (UndoMethod::Device, None) => {
            can.attended_only = Some("the platform has no timer of its own".to_owned());
        }
        (UndoMethod::Host, Some(_)) => {
            can.attended_only = Some("the platform has no shell on its host".to_owned());
        }
        (UndoMethod::Auto | UndoMethod::Host, None) => {
            can.attended_only = Some("no shell on the host to hold the undo".to_owned());
        }
    }
    can
}

impl CliSession {
    /// Whether the undo is to stand on the host.
    pub(super) fn by_host(&self) -> bool {
        let spec = &self.target.pack.transaction;
        spec.host_undo.is_some()
            && spec.timer.is_none()
            && matches!(self.target.undo.method, UndoMethod::Auto | UndoMethod::Host)
    }

    pub(super) async fn commit_now(
        &mut self,
        txn: &mut Txn,
        within: Duration,
    ) -> Result<(), DeviceError> {
        let Some(candidate) = self.candidate.take().filter(|c| c.id == txn.id) else {
            return Err(self.unsupported("commit of a transaction that was not loaded here"));
        };
        match self.target.pack.transaction.method {
            Method::TimedMerge => self.commit_timed(txn, &candidate, within).await,
            Method::Lines => self.commit_lines(txn, &candidate, within).await,
        }
    }

    /// Types units in configuration mode, one after the other, until one is refused; then
    /// leaves configuration mode in any case. A device that is silent here for as long as a
    /// connection may take has cut us off, and somebody must know soon.
    pub(super) async fn type_units(
        &mut self,
        units: &[cli::Unit],
        doing: &str,
    ) -> Result<(), DeviceError> {
        let target = &self.target;
        let patience = target.silence_timeout.min(target.connect_timeout);
        let usual = self.engine.wait_for(patience);
        let typed = self.type_and_leave(units, doing).await;
        self.engine.wait_for(usual);
        typed
    }

    async fn type_and_leave(
        &mut self,
        units: &[cli::Unit],
        doing: &str,
    ) -> Result<(), DeviceError> {
        let typed = self.type_each(units, doing).await;
        if self.engine.in_step() && self.engine.mode() == ModeName::Config {
            self.engine.rise(doing).await?;
        }
        typed
    }

    /// Types units and goes on after a refused one: an undo meets lines that were never
    /// there. Gives the first refusal at the end.
    pub(super) async fn type_all(
        &mut self,
        units: &[cli::Unit],
        doing: &str,
    ) -> Result<(), DeviceError> {
        let mut first = Ok(());
        for unit in units {
            if self.engine.mode() != ModeName::Config {
                self.configure(doing).await?;
            }
            let typed = self.type_each(std::slice::from_ref(unit), doing).await;
            if !self.engine.in_step() {
                return typed;
            }
            first = first.and(typed);
        }
        if self.engine.mode() == ModeName::Config {
            self.engine.rise(doing).await?;
        }
        first
    }

    async fn type_each(&mut self, units: &[cli::Unit], doing: &str) -> Result<(), DeviceError> {
        for unit in units {
            if self.engine.mode() != ModeName::Config {
                return Err(self
                    .engine
                    .refused(unit.shown(), "the line before left configuration mode"));
            }
            let answer = match unit {
                cli::Unit::Line { text, shown } => {
                    self.engine
                        .command(cli::Line { text, shown }, doing)
                        .await?
                }
                cli::Unit::Block { lines, shown } => self.engine.block(lines, shown, doing).await?,
            };
            if self.engine.refusal(&answer.text).is_some() {
                return Err(self.engine.refused(unit.shown(), &answer.text));
            }
        }
        Ok(())
    }

    /// Enters configuration mode without a timer.
    pub(super) async fn configure(&mut self, doing: &str) -> Result<(), DeviceError> {
        let spec = self.engine.spec().clone();
        let Some(command) = &spec.configure else {
            return Err(self.unsupported("configuration lines"));
        };
        let answer = self
            .engine
            .command(cli::Line::open(&command.send), doing)
            .await?;
        if answer.mode == ModeName::Config {
            return Ok(());
        }
        if self.engine.refusal(&answer.text).is_some() {
            return Err(DeviceError::Busy {
                device: self.target.device.clone(),
                why: format!(
                    "configuration cannot be entered: {}",
                    cli::answer::shorten(&answer.text)
                ),
            });
        }
        Err(self.engine.protocol(doing, &answer.text))
    }

    pub(super) async fn save_now(&mut self) -> Result<(), DeviceError> {
        let pack = self.target.pack.clone();
        let Some(step) = &pack.transaction.save else {
            return Err(self.unsupported("saving"));
        };
        let answer = self
            .engine
            .command(cli::Line::open(&step.send), "saving")
            .await?;
        if self.engine.refusal(&answer.text).is_some() {
            return Err(self.engine.refused(&step.send, &answer.text));
        }
        if !step.proof.is_match(&answer.text) {
            return Err(self.engine.protocol("saving", &answer.text));
        }
        Ok(())
    }
}

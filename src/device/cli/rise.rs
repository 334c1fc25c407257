//! From a fresh login to where everything can be read.

use std::sync::Arc;

use super::answer::decode;
use super::engine::{Engine, Line};
use super::prompt::marked;
use super::wait::Ask;
use crate::device::DeviceError;
use crate::pack::ModeName;

impl Engine {
    /// Waits for the first prompt after login and goes to where everything can be read.
    /// Whether what looked like a prompt was one is settled with the first command: a banner
    /// can look like anything.
    ///
    /// # Errors
    /// No prompt, or none that leads to [`ModeName::Exec`].
    pub async fn start(&mut self) -> Result<(), DeviceError> {
        let doing = "logging in";
        self.begin()?;
        let prompt = match self.until(doing, None, |_, _| true).await {
            Err(DeviceError::Timeout { .. }) if !self.screen.last_line().is_empty() => {
                let line = decode(self.screen.last_line()).into_owned();
                return Err(self.protocol(doing, &format!("no prompt of this platform: {line}")));
            }
            other => other?,
        };
        self.adopt(prompt);
        if self.mode != ModeName::Exec {
            self.mark_now(doing).await?;
            self.rise(doing).await?;
        }
        let setup = self.setup();
        self.owe(setup, doing).await
    }

    /// Waits for a mark sent earlier.
    ///
    /// # Errors
    /// A conversation out of step.
    pub async fn settle(&mut self, doing: &str) -> Result<(), DeviceError> {
        let Some(mark) = self.owed.take() else {
            return Ok(());
        };
        self.begin()?;
        let prompt = self
            .until(doing, None, |spec, screen| marked(spec, screen, &mark))
            .await?;
        self.adopt(prompt);
        if self.mode != ModeName::Exec {
            Box::pin(self.rise(doing)).await?;
        }
        Ok(())
    }

    /// Goes to [`ModeName::Exec`] from wherever it stands.
    ///
    /// # Errors
    /// When there is no way, or the way is refused.
    pub async fn rise(&mut self, doing: &str) -> Result<(), DeviceError> {
        let spec = Arc::clone(&self.spec);
        let mut said = String::new();
        // Shell, user, exec: three steps at most.
        for _ in 0..3 {
            let step = match self.mode {
                ModeName::Exec => return Ok(()),
                ModeName::Shell => spec.from_shell.as_ref(),
                ModeName::Config => spec.leave.as_ref(),
                ModeName::User => {
                    self.enable(doing).await?;
                    continue;
                }
            };
            let Some(step) = step else { break };
            said = self.command(Line::open(&step.send), doing).await?.text;
        }
        if self.mode == ModeName::Exec {
            return Ok(());
        }
        Err(self.protocol(doing, &format!("no way to the exec prompt: {said}")))
    }

    async fn enable(&mut self, doing: &str) -> Result<(), DeviceError> {
        let spec = Arc::clone(&self.spec);
        let Some(enable) = &spec.enable else {
            return Err(self.protocol(doing, "this platform has no way to more rights"));
        };
        let secret = self.enable.clone();
        let ask = Ask {
            question: &enable.ask,
            secret: secret.as_ref(),
        };
        self.exchange(Line::open(&enable.send), doing, Some(ask))
            .await?;
        if self.mode == ModeName::User {
            return Err(self.no_enable());
        }
        Ok(())
    }

    pub(super) fn no_enable(&self) -> DeviceError {
        DeviceError::Auth {
            device: self.device.clone(),
            username: "enable".to_owned(),
        }
    }

    pub(super) fn setup(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        for command in &self.spec.setup {
            self.push_line(&mut bytes, &command.send);
        }
        bytes
    }

    /// Sends, then a mark, without waiting for either.
    pub(super) async fn owe(&mut self, mut bytes: Vec<u8>, doing: &str) -> Result<(), DeviceError> {
        let mark = self.mark();
        self.push_line(&mut bytes, &mark);
        self.send(bytes, doing).await?;
        self.owed = Some(mark);
        Ok(())
    }
}

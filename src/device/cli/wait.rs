//! Waiting for the device: for a prompt, turning pages and answering questions meanwhile.

use std::sync::Arc;

use super::answer::decode;
use super::engine::Engine;
use super::prompt::{PROMPT_LIMIT, Prompt, prompt_at_end};
use super::screen::Screen;
use super::wire::Gone;
use crate::device::DeviceError;
use crate::model::SecretText;
use crate::pack::{Pattern, SessionSpec};

/// Most a device may say to one command: far above any configuration, far below memory.
const ANSWER_LIMIT: usize = 64 << 20;

/// Questions answered in one command before it counts as a loop.
const QUESTIONS: usize = 50;

/// What an enable secret is asked with, and the secret.
pub(super) struct Ask<'a> {
    pub(super) question: &'a Pattern,
    pub(super) secret: Option<&'a SecretText>,
}

impl Engine {
    /// Waits until `reached` and a prompt stands at the end, turning pages and answering
    /// questions meanwhile. Only the last line is looked at, whatever has come before.
    pub(super) async fn until(
        &mut self,
        doing: &str,
        mut ask: Option<Ask<'_>>,
        reached: impl Fn(&SessionSpec, &Screen) -> bool,
    ) -> Result<Prompt, DeviceError> {
        let mut questions = 0;
        loop {
            if let Some(prompt) = prompt_at_end(&self.spec, &self.screen)
                && reached(&self.spec, &self.screen)
            {
                return Ok(prompt);
            }
            if let Some(reply) = self.reply(&mut ask, &reached)? {
                questions += usize::from(!self.screen.last_line().is_empty());
                if questions > QUESTIONS {
                    return Err(self.protocol(doing, "one question after the other"));
                }
                self.send(reply, doing).await?;
            }
            let bytes = tokio::time::timeout(self.silence, self.wire.receive(&mut self.screen))
                .await
                .map_err(|_| self.timeout(doing))?
                .map_err(|Gone| self.lost(doing))?;
            self.received += bytes;
            if self.received > ANSWER_LIMIT {
                return Err(self.protocol(doing, "an answer longer than 64 MiB"));
            }
        }
    }

    /// What a pager or a question at the end is answered with.
    fn reply(
        &mut self,
        ask: &mut Option<Ask<'_>>,
        reached: &impl Fn(&SessionSpec, &Screen) -> bool,
    ) -> Result<Option<Vec<u8>>, DeviceError> {
        let line = self.screen.last_line();
        if line.is_empty() || line.len() > PROMPT_LIMIT {
            return Ok(None);
        }
        let line = decode(line).into_owned();
        let spec = Arc::clone(&self.spec);
        if let Some(pager) = spec.pagers.iter().find(|p| p.text.is_match(&line)) {
            self.screen.drop_last_line();
            return Ok(Some(pager.answer.clone().into_bytes()));
        }
        if let Some(Ask { question, secret }) = ask
            && question.is_match(&line)
            && reached(&spec, &self.screen)
        {
            // Once, and never a second time: accounts get locked.
            let Some(secret) = secret.take() else {
                return Err(self.no_enable());
            };
            self.screen.feed(b"\n");
            let mut bytes = Vec::with_capacity(secret.expose().len() + 2);
            self.push_line(&mut bytes, secret.expose());
            return Ok(Some(bytes));
        }
        if let Some(question) = spec.questions.iter().find(|q| q.text.is_match(&line)) {
            self.screen.feed(b"\n");
            return Ok(Some(question.answer.clone().into_bytes()));
        }
        Ok(None)
    }

    pub(super) async fn send(&mut self, bytes: Vec<u8>, doing: &str) -> Result<(), DeviceError> {
        let sent = tokio::time::timeout(self.silence, self.wire.send(bytes)).await;
        sent.map_err(|_| self.timeout(doing))?
            .map_err(|Gone| self.lost(doing))
    }
}

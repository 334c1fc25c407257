//! The state machine between a byte stream and the verbs.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{self, decode, refused_read, shorten, without_log_lines};
use super::log::{Redactor, SessionLog};
use super::prompt::{Prompt, echo_end, marked, prompt_of, same_host};
use super::screen::Screen;
use super::split::{Sent, outputs};
use super::wait::Ask;
use super::wire::Wire;
use crate::device::DeviceError;
use crate::model::SecretText;
use crate::pack::{ModeName, SessionSpec};

/// A line to type, and how it may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What is typed.
    pub text: &'a str,
    /// The same with its secrets replaced.
    pub shown: &'a str,
}

impl<'a> Line<'a> {
    /// A line without secrets.
    #[must_use]
    pub fn open(text: &'a str) -> Self {
        Self { text, shown: text }
    }
}

/// What a typed line led to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the device said, without echo and prompt.
    pub text: String,
    /// Where it stands now.
    pub mode: ModeName,
}

/// One conversation, at the level of lines.
pub struct Engine {
    pub(super) device: String,
    pub(super) wire: Box<dyn Wire>,
    pub(super) spec: Arc<SessionSpec>,
    pub(super) silence: Duration,
    pub(super) screen: Screen,
    pub(super) received: usize,
    pub(super) mode: ModeName,
    host: String,
    /// A mark sent whose prompt has not been waited for yet.
    pub(super) owed: Option<String>,
    /// False while an exchange is under way; an exchange cut off leaves it so.
    pub(super) in_step: bool,
    marks: (u32, u32),
    pub(super) redactor: Redactor,
    pub(super) enable: Option<SecretText>,
    log: Option<SessionLog>,
}

impl Engine {
    /// An engine on a fresh stream. `silence` is the longest wait for the next bytes.
    #[must_use]
    pub fn new(
        device: &str,
        wire: Box<dyn Wire>,
        spec: Arc<SessionSpec>,
        silence: Duration,
    ) -> Self {
        Self {
            device: device.to_owned(),
            wire,
            spec,
            silence,
            screen: Screen::default(),
            received: 0,
            mode: ModeName::Exec,
            host: String::new(),
            owed: None,
            in_step: true,
            marks: (rand::random(), 0),
            redactor: Redactor::default(),
            enable: None,
            log: None,
        }
    }

    /// Changes the longest wait for the next bytes; gives the one before.
    pub fn wait_for(&mut self, silence: Duration) -> Duration {
        std::mem::replace(&mut self.silence, silence)
    }

    /// Writes the session down, without its secrets.
    pub fn log_to(&mut self, log: SessionLog) {
        self.log = Some(log);
    }

    /// The secret that `enable` may ask for.
    pub fn enable_with(&mut self, secret: SecretText) {
        self.redactor.learn(&secret);
        self.enable = Some(secret);
    }

    /// What is kept out of logs and errors.
    pub fn redactor(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// Where it stands.
    #[must_use]
    pub fn mode(&self) -> ModeName {
        self.mode
    }

    /// The host name in the prompt.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the last exchange came to its end.
    #[must_use]
    pub fn in_step(&self) -> bool {
        self.in_step
    }

    /// The platform's session section.
    #[must_use]
    pub fn spec(&self) -> &Arc<SessionSpec> {
        &self.spec
    }

    /// Sends reading commands in one go and gives their outputs.
    ///
    /// # Errors
    /// A refused command, or a conversation out of step.
    pub async fn read(
        &mut self,
        commands: &[&str],
        doing: &str,
    ) -> Result<Vec<String>, DeviceError> {
        let guessed = self.owed.is_some();
        let outputs = match self.read_once(commands, doing).await {
            // What looked like the prompt was a banner, and we stand somewhere else.
            Err(_) if guessed && self.in_step && self.mode != ModeName::Exec => {
                self.rise(doing).await?;
                let setup = self.setup();
                self.owe(setup, doing).await?;
                self.read_once(commands, doing).await?
            }
            other => other?,
        };
        for (command, output) in commands.iter().zip(&outputs) {
            if let Some(line) = refused_read(&self.spec, output) {
                return Err(self.refused(command, line));
            }
        }
        Ok(outputs)
    }

    async fn read_once(
        &mut self,
        commands: &[&str],
        doing: &str,
    ) -> Result<Vec<String>, DeviceError> {
        self.begin()?;
        let mut bytes = Vec::with_capacity(256);
        let mut sent = Vec::with_capacity(commands.len());
        for command in commands {
            let mark = self.mark();
            self.push_line(&mut bytes, command);
            self.push_line(&mut bytes, &mark);
            sent.push(Sent { command, mark });
            self.log(|log, _| log.typed(command));
        }
        if self.owed.is_none() {
            self.screen.keep_last_line();
        }
        self.send(bytes, doing).await?;
        let last = sent.last().map(|s| s.mark.clone()).unwrap_or_default();
        let prompt = self
            .until(doing, None, |spec, screen| marked(spec, screen, &last))
            .await?;
        self.owed = None;
        self.adopt(prompt);
        if self.mode != ModeName::Exec {
            return Err(self.protocol(doing, "the prompt of another mode"));
        }
        self.split(&sent, doing)
    }

    fn split(&mut self, sent: &[Sent<'_>], doing: &str) -> Result<Vec<String>, DeviceError> {
        let spec = Arc::clone(&self.spec);
        let is_prompt = |line: &str| prompt_of(&spec, line).is_some();
        let found = outputs(&decode(self.screen.text()), sent, &is_prompt);
        let total = self.screen.text().len();
        self.log(|log, _| log.answered_bytes(total));
        self.screen.keep_last_line();
        match found {
            Ok(outputs) => Ok(outputs
                .into_iter()
                .map(|output| without_log_lines(&spec, output))
                .collect()),
            Err(command) => {
                self.in_step = false;
                Err(self.protocol(doing, &format!("the echo of `{command}` is missing")))
            }
        }
    }

    /// Types one line and waits for the prompt. What the device said is for the caller to
    /// judge; see [`Engine::refusal`].
    ///
    /// # Errors
    /// A conversation out of step.
    pub async fn command(&mut self, line: Line<'_>, doing: &str) -> Result<Answer, DeviceError> {
        self.exchange(line, doing, None).await
    }

    pub(super) async fn exchange(
        &mut self,
        line: Line<'_>,
        doing: &str,
        ask: Option<Ask<'_>>,
    ) -> Result<Answer, DeviceError> {
        self.settle(doing).await?;
        self.begin()?;
        self.screen.keep_last_line();
        self.log(|log, _| log.typed(line.shown));
        let mut bytes = Vec::with_capacity(line.text.len() + 2);
        self.push_line(&mut bytes, line.text);
        self.send(bytes, doing).await?;
        let wide = self.spec.terminal.columns as usize;
        let reached =
            |_: &SessionSpec, screen: &Screen| echo_end(screen, line.text, wide).is_some();
        let prompt = self.until(doing, ask, reached).await?;
        let from = echo_end(&self.screen, line.text, wide).unwrap_or(0);
        let to = self.screen.last_line_at().max(from);
        let text = decode(&self.screen.text()[from..to]).into_owned();
        let text = without_log_lines(&self.spec, text);
        self.log(|log, redactor| log.answered(&text, redactor));
        let moved = !same_host(&self.host, &prompt.host);
        self.adopt(prompt);
        if moved {
            // A new host name, or something that looks like a prompt: a mark tells.
            self.mark_now(doing).await?;
        }
        Ok(Answer {
            text,
            mode: self.mode,
        })
    }

    /// Sends several lines that are one text to the device, then a mark, and waits for it.
    ///
    /// # Errors
    /// A conversation out of step.
    pub async fn block(
        &mut self,
        lines: &[String],
        shown: &str,
        doing: &str,
    ) -> Result<Answer, DeviceError> {
        self.settle(doing).await?;
        self.begin()?;
        self.screen.keep_last_line();
        self.log(|log, _| log.typed(&format!("{shown} ({} lines)", lines.len())));
        let mut bytes = Vec::new();
        for line in lines {
            self.push_line(&mut bytes, line);
        }
        let mark = self.mark();
        self.push_line(&mut bytes, &mark);
        self.send(bytes, doing).await?;
        let prompt = self
            .until(doing, None, |spec, screen| marked(spec, screen, &mark))
            .await?;
        let text = decode(self.screen.text()).into_owned();
        let text = text
            .split(mark.as_str())
            .next()
            .unwrap_or_default()
            .to_owned();
        let echoed: Vec<&str> = lines.iter().map(String::as_str).collect();
        let text: String = text
            .split_inclusive('\n')
            .filter(|line| {
                !echoed
                    .iter()
                    .any(|e| line.trim_end().ends_with(e.trim_end()))
            })
            .collect();
        self.adopt(prompt);
        self.screen.keep_last_line();
        Ok(Answer {
            text,
            mode: self.mode,
        })
    }

    /// The line by which a configuration line was refused.
    #[must_use]
    pub fn refusal<'t>(&self, text: &'t str) -> Option<&'t str> {
        answer::refusal(&self.spec, text)
    }

    /// Says good-bye.
    pub async fn close(&mut self) {
        self.wire.close().await;
    }

    /// `Poisoned` if an earlier exchange was cut off; otherwise one begins.
    pub(super) fn begin(&mut self) -> Result<(), DeviceError> {
        if !self.in_step {
            return Err(DeviceError::Poisoned {
                device: self.device.clone(),
            });
        }
        self.in_step = false;
        self.received = 0;
        Ok(())
    }

    pub(super) fn adopt(&mut self, prompt: Prompt) {
        self.mode = prompt.mode;
        self.host = prompt.host;
        self.in_step = true;
    }

    pub(super) async fn mark_now(&mut self, doing: &str) -> Result<(), DeviceError> {
        self.begin()?;
        let mark = self.mark();
        let mut bytes = Vec::new();
        self.push_line(&mut bytes, &mark);
        self.send(bytes, doing).await?;
        let prompt = self
            .until(doing, None, |spec, screen| marked(spec, screen, &mark))
            .await?;
        self.adopt(prompt);
        self.screen.keep_last_line();
        Ok(())
    }

    pub(super) fn mark(&mut self) -> String {
        self.marks.1 += 1;
        format!(
            "{}nk{:08x}-{}",
            self.spec.comment, self.marks.0, self.marks.1
        )
    }

    pub(super) fn push_line(&self, bytes: &mut Vec<u8>, line: &str) {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(self.spec.line_end.as_bytes());
    }

    fn log(&mut self, write: impl FnOnce(&mut SessionLog, &Redactor)) {
        if let Some(log) = &mut self.log {
            write(log, &self.redactor);
        }
    }

    pub(super) fn lost(&self, doing: &str) -> DeviceError {
        DeviceError::Lost {
            device: self.device.clone(),
            doing: doing.to_owned(),
        }
    }

    pub(super) fn timeout(&self, doing: &str) -> DeviceError {
        DeviceError::Timeout {
            device: self.device.clone(),
            doing: doing.to_owned(),
            seconds: self.silence.as_secs(),
        }
    }

    /// An answer that fits no pack, as an error.
    #[must_use]
    pub fn protocol(&self, doing: &str, answer: &str) -> DeviceError {
        DeviceError::Protocol {
            device: self.device.clone(),
            doing: doing.to_owned(),
            answer: shorten(&self.redactor.clean(answer)),
        }
    }

    /// A refused line, as an error; `line` as it may be shown.
    #[must_use]
    pub fn refused(&self, line: &str, answer: &str) -> DeviceError {
        DeviceError::Refused {
            device: self.device.clone(),
            line: self.redactor.clean(line),
            answer: shorten(&self.redactor.clean(answer)),
        }
    }
}

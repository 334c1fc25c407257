//! The state machine between a byte stream and the verbs.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{self, decode, refused_read, shorten, without_log_lines};
use super::log::{Redactor, SessionLog};
use super::screen::Screen;
use super::split::{Sent, outputs};
use super::wire::{Gone, Wire};
use crate::device::DeviceError;
use crate::model::SecretText;
use crate::pack::{ModeName, SessionSpec};

/// Most a device may say to one command: far above any configuration, far below memory.
const ANSWER_LIMIT: usize = 64 << 20;

/// A prompt or question is never longer than this.
const PROMPT_LIMIT: usize = 512;

/// Questions answered in one command before it counts as a loop.
const QUESTIONS: usize = 50;

/// The mark must stand this near to the end: after it come at most a complaint about it
/// and the prompt.
const MARK_WINDOW: usize = 1024;

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

/// A prompt at the end of the screen.
#[derive(Clone, Debug)]
struct Prompt {
    mode: ModeName,
    host: String,
}

/// What an enable secret is asked with, and the secret.
struct Ask<'a> {
    question: &'a crate::pack::Pattern,
    secret: Option<&'a SecretText>,
}

/// One conversation, at the level of lines.
pub struct Engine {
    device: String,
    wire: Box<dyn Wire>,
    spec: Arc<SessionSpec>,
    silence: Duration,
    screen: Screen,
    received: usize,
    mode: ModeName,
    host: String,
    /// A mark sent whose prompt has not been waited for yet.
    owed: Option<String>,
    /// False while an exchange is under way; an exchange cut off leaves it so.
    in_step: bool,
    marks: (u32, u32),
    redactor: Redactor,
    enable: Option<SecretText>,
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

    async fn exchange(
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

    fn no_enable(&self) -> DeviceError {
        DeviceError::Auth {
            device: self.device.clone(),
            username: "enable".to_owned(),
        }
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
    fn begin(&mut self) -> Result<(), DeviceError> {
        if !self.in_step {
            return Err(DeviceError::Poisoned {
                device: self.device.clone(),
            });
        }
        self.in_step = false;
        self.received = 0;
        Ok(())
    }

    fn adopt(&mut self, prompt: Prompt) {
        self.mode = prompt.mode;
        self.host = prompt.host;
        self.in_step = true;
    }

    fn setup(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        for command in &self.spec.setup {
            self.push_line(&mut bytes, &command.send);
        }
        bytes
    }

    /// Sends, then a mark, without waiting for either.
    async fn owe(&mut self, mut bytes: Vec<u8>, doing: &str) -> Result<(), DeviceError> {
        let mark = self.mark();
        self.push_line(&mut bytes, &mark);
        self.send(bytes, doing).await?;
        self.owed = Some(mark);
        Ok(())
    }

    async fn mark_now(&mut self, doing: &str) -> Result<(), DeviceError> {
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

    fn mark(&mut self) -> String {
        self.marks.1 += 1;
        format!(
            "{}nk{:08x}-{}",
            self.spec.comment, self.marks.0, self.marks.1
        )
    }

    fn push_line(&self, bytes: &mut Vec<u8>, line: &str) {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(self.spec.line_end.as_bytes());
    }

    async fn send(&mut self, bytes: Vec<u8>, doing: &str) -> Result<(), DeviceError> {
        let sent = tokio::time::timeout(self.silence, self.wire.send(bytes)).await;
        sent.map_err(|_| self.timeout(doing))?
            .map_err(|Gone| self.lost(doing))
    }

    /// Waits until `reached` and a prompt stands at the end, turning pages and answering
    /// questions meanwhile. Only the last line is looked at, whatever has come before.
    async fn until(
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

    fn log(&mut self, write: impl FnOnce(&mut SessionLog, &Redactor)) {
        if let Some(log) = &mut self.log {
            write(log, &self.redactor);
        }
    }

    fn lost(&self, doing: &str) -> DeviceError {
        DeviceError::Lost {
            device: self.device.clone(),
            doing: doing.to_owned(),
        }
    }

    fn timeout(&self, doing: &str) -> DeviceError {
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

/// Whether the mark stands just before the end, behind a prompt: what stands elsewhere is the
/// terminal's own echo of something sent ahead.
fn marked(spec: &SessionSpec, screen: &Screen, mark: &str) -> bool {
    let text = &screen.text()[..screen.last_line_at()];
    let tail = decode(&text[text.len().saturating_sub(MARK_WINDOW)..]);
    tail.rmatch_indices(mark).any(|(at, _)| {
        let line = tail[..at].rfind('\n').map_or(0, |n| n + 1);
        prompt_of(spec, &tail[line..at]).is_some()
    })
}

/// Where the answer to a typed line begins: after its echo, which stands behind the prompt.
/// Blanks do not count, for devices fold and redraw; of a line wider than the terminal no
/// recognisable echo can be hoped for.
fn echo_end(screen: &Screen, line: &str, wide: usize) -> Option<usize> {
    let text = screen.text();
    let mut at = 0;
    let mut first = None;
    while let Some(end) = text[at..].iter().position(|b| *b == b'\n') {
        let next = at + end + 1;
        if ends_with_squeezed(&text[at..next], line.as_bytes()) {
            return Some(next);
        }
        first.get_or_insert(next);
        at = next;
        // Log messages may come before the echo, but no more than a few.
        if at > line.len() + 4096 {
            break;
        }
    }
    first.filter(|_| line.len() + PROMPT_LIMIT / 8 > wide)
}

fn ends_with_squeezed(text: &[u8], end: &[u8]) -> bool {
    let mut have = text.iter().rev().filter(|b| !b.is_ascii_whitespace());
    end.iter()
        .rev()
        .filter(|b| !b.is_ascii_whitespace())
        .all(|want| have.next() == Some(want))
}

/// The host name in a prompt may be cut short in configuration mode.
fn same_host(known: &str, seen: &str) -> bool {
    known == seen || (seen.len() >= 10 && known.starts_with(seen))
}

fn prompt_of(spec: &SessionSpec, line: &str) -> Option<Prompt> {
    spec.modes.iter().find_map(|mode| {
        let found = mode.prompt.regex().captures(line)?;
        let host = found.name("host").map_or("", |host| host.as_str());
        Some(Prompt {
            mode: mode.name,
            host: host.to_owned(),
        })
    })
}

/// The prompt in the line being written. A log message may have come after the prompt: then
/// it is the last line before the messages.
fn prompt_at_end(spec: &SessionSpec, screen: &Screen) -> Option<Prompt> {
    let line = screen.last_line();
    if line.len() > PROMPT_LIMIT {
        return None;
    }
    if !line.is_empty() {
        return prompt_of(spec, std::str::from_utf8(line).ok()?);
    }
    let text = &screen.text()[..screen.last_line_at()];
    let tail = std::str::from_utf8(&text[text.len().saturating_sub(PROMPT_LIMIT * 2)..]).ok()?;
    let mut lines = tail.lines().rev();
    let first = lines.next()?;
    if !answer::is_log_line(spec, first) {
        return None;
    }
    lines
        .find(|line| !line.is_empty() && !answer::is_log_line(spec, line))
        .and_then(|line| prompt_of(spec, line))
}

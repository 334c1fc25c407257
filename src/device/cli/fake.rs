//! A scripted device for tests, at the level of bytes. What it sends can be cut at any place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::screen::Screen;
use super::wire::{Gone, Wire};

/// A key pressed at a pager.
const KEY: &str = " ";

/// What a line typed on the device leads to.
pub(crate) struct Reply {
    /// Everything after the echo, with the next prompt.
    pub(crate) text: String,
    /// Whether the next line typed is echoed.
    pub(crate) echo: bool,
}

impl Reply {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            echo: true,
        }
    }

    pub(crate) fn hidden(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            echo: false,
        }
    }
}

type Respond = Box<dyn FnMut(&str) -> Option<Reply> + Send>;

/// The device. `respond` gives `None` to hang up.
pub(crate) struct Fake {
    respond: Respond,
    output: VecDeque<u8>,
    cut: usize,
    delivered: usize,
    echo: bool,
    early_echo: bool,
    gone: bool,
    /// Everything typed, line by line.
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(crate) fn new(
        greeting: &str,
        respond: impl FnMut(&str) -> Option<Reply> + Send + 'static,
    ) -> Self {
        Self {
            respond: Box::new(respond),
            output: greeting.bytes().collect(),
            cut: usize::MAX,
            delivered: 0,
            echo: true,
            early_echo: false,
            gone: false,
            heard: Arc::default(),
        }
    }

    /// Cuts the stream of bytes once, after `at` of them.
    pub(crate) fn cut(mut self, at: usize) -> Self {
        self.cut = at;
        self
    }

    /// While a command runs, the terminal itself echoes what arrives, into the middle of the
    /// output; the line editor echoes it again when it reads it.
    pub(crate) fn echoing_early(mut self) -> Self {
        self.early_echo = true;
        self
    }

    fn say(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.output.push_back(b'\r');
            }
            self.output.push_back(byte);
        }
    }

    fn line(&mut self, line: &str, ahead: &str) {
        self.heard.lock().expect("one thread").push(line.to_owned());
        match (line, self.echo) {
            (KEY, _) => {}
            (_, true) => self.say(&format!("{line}\n")),
            (_, false) => self.say("\n"),
        }
        match (self.respond)(line) {
            Some(reply) => {
                self.echo = reply.echo;
                let middle = reply.text.rfind('\n').unwrap_or(0) / 2;
                let (first, second) = reply.text.split_at(middle);
                self.say(&format!("{first}{ahead}{second}"));
            }
            None => self.gone = true,
        }
    }
}

#[async_trait]
impl Wire for Fake {
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        let text = String::from_utf8(bytes).expect("text");
        if text == KEY {
            self.line(KEY, "");
            return Ok(());
        }
        let mut ahead = text.as_str();
        let mut first = self.early_echo;
        while let Some(end) = ahead.find(['\n', '\r']) {
            let line = &ahead[..end];
            ahead = &ahead[end + 1..];
            if self.gone {
                break;
            }
            self.line(line, if first { ahead } else { "" });
            first = false;
        }
        Ok(())
    }

    async fn receive(&mut self, screen: &mut Screen) -> Result<usize, Gone> {
        if self.output.is_empty() {
            if self.gone {
                return Err(Gone);
            }
            std::future::pending::<()>().await;
        }
        let until = if self.delivered < self.cut {
            self.cut - self.delivered
        } else {
            usize::MAX
        };
        let count = self.output.len().min(until);
        let bytes: Vec<u8> = self.output.drain(..count).collect();
        self.delivered += count;
        screen.feed(&bytes);
        Ok(count)
    }

    async fn close(&mut self) {
        self.gone = true;
    }
}

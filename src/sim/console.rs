//! The terminal in front of a model: bytes in, bytes out. Echo, line editing, paging.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::model::{Asks, Model, Terminal};
use super::spec::Platform;

/// What the pager shows between pages.
const MORE: &str = " --More-- ";
/// Bytes of a prompt that a confused device might send.
const GARBAGE: &[u8] = b"\xff\xfe\x00\x1b[?7l\x07\xc3";

/// One terminal session.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) terminal: Terminal,
    platform: Platform,
    pty: bool,
    line: Vec<u8>,
    after_cr: bool,
    /// The next byte stands for itself.
    quoted: bool,
    escape: u8,
    page: VecDeque<String>,
    commands: usize,
    stalled: bool,
}

/// What the terminal sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// Say good-bye and close.
    pub(super) close: bool,
    /// Cut the connection.
    pub(super) cut: bool,
}

impl Console {
    pub(super) fn new(model: &Model, terminal: Terminal, pty: bool) -> Self {
        let platform = model.spec().platform;
        Self {
            terminal,
            platform,
            // IOS echoes and breaks lines its own way whether it was given a terminal or not.
            pty: pty || platform == Platform::Ios,
            line: Vec::new(),
            after_cr: false,
            quoted: false,
            escape: 0,
            page: VecDeque::new(),
            commands: 0,
            stalled: false,
        }
    }

    /// Greeting and first prompt.
    pub(super) fn start(&mut self, model: &Model) -> Vec<u8> {
        let mut out = Vec::new();
        if self.platform == Platform::Ios {
            out.extend_from_slice(b"\r\n");
        }
        self.print(&mut out, &model.greeting());
        self.prompt(&mut out, model);
        out
    }

    /// Takes what was typed.
    pub(super) fn feed(&mut self, model: &mut Model, typed: &[u8], now: Timestamp) -> Output {
        let mut out = Output::default();
        for byte in typed {
            if self.stalled || out.close || out.cut {
                break;
            }
            self.key(model, *byte, now, &mut out);
        }
        out
    }

    /// A log line on a monitoring terminal.
    pub(super) fn log(text: &str) -> Vec<u8> {
        format!("\r\n{text}\r\n").into_bytes()
    }

    fn key(&mut self, model: &mut Model, byte: u8, now: Timestamp, out: &mut Output) {
        let newline = byte == b'\n' && std::mem::take(&mut self.after_cr);
        self.after_cr = byte == b'\r';
        if newline || self.in_escape(byte) {
            return;
        }
        if !self.page.is_empty() {
            return self.turn(model, byte, &mut out.bytes);
        }
        if std::mem::take(&mut self.quoted) {
            return self.insert(byte, &mut out.bytes);
        }
        match byte {
            b'\r' | b'\n' => self.enter(model, now, out),
            0x7f | 0x08 => {
                if self.line.pop().is_some() && self.echoes() {
                    out.bytes.extend_from_slice(b"\x08 \x08");
                }
            }
            0x03 => {
                self.line.clear();
                if self.platform == Platform::Ios && self.terminal.config.is_some() {
                    self.line.extend_from_slice(b"end");
                }
                self.enter(model, now, out);
            }
            0x1a => {
                self.line.clear();
                self.line.extend_from_slice(b"end");
                self.enter(model, now, out);
            }
            0x15 => self.line.clear(),
            0x16 => self.quoted = true,
            b'?' if self.helps() => {
                self.print(&mut out.bytes, "?\n  <cr>\n\n");
                self.prompt(&mut out.bytes, model);
                let line = self.line.clone();
                out.bytes.extend_from_slice(&line);
            }
            b'\t' => {}
            _ => self.insert(byte, &mut out.bytes),
        }
    }

    /// Whether `?` asks for help here: not inside a password or a banner.
    fn helps(&self) -> bool {
        self.pty && self.terminal.asks == Asks::Command
    }

    fn echoes(&self) -> bool {
        self.pty && !matches!(self.terminal.asks, Asks::Enable(_))
    }

    fn insert(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.line.push(byte);
        if self.echoes() {
            out.push(byte);
        }
    }

    /// Cursor keys and the like are swallowed.
    fn in_escape(&mut self, byte: u8) -> bool {
        self.escape = match (self.escape, byte) {
            (0, 0x1b) => 1,
            (1, b'[' | b'O') => 2,
            (2, b'0'..=b'9' | b';') => 2,
            (1 | 2, _) => {
                self.escape = 0;
                return true;
            }
            _ => 0,
        };
        self.escape > 0
    }

    fn enter(&mut self, model: &mut Model, now: Timestamp, out: &mut Output) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if self.pty {
            out.bytes.extend_from_slice(b"\r\n");
        }
        self.commands += 1;
        model.tick(now);
        let reply = model.line(&mut self.terminal, &line, now);
        if model.faults.stall_at.is_some_and(|n| self.commands >= n) {
            self.stalled = true;
            return;
        }
        (out.close, out.cut) = (reply.close, reply.cut);
        if reply.cut || reply.close {
            return;
        }
        self.show(model, &reply.text, &mut out.bytes);
    }

    /// Prints output, by pages if the terminal has a length.
    fn show(&mut self, model: &Model, text: &str, out: &mut Vec<u8>) {
        let length = self.terminal.length;
        if length > 1 && self.pty && text.lines().count() >= length {
            self.page = text.lines().map(str::to_owned).collect();
            self.advance(length - 1, model, out);
        } else {
            self.print(out, text);
            self.prompt(out, model);
        }
    }

    fn advance(&mut self, lines: usize, model: &Model, out: &mut Vec<u8>) {
        for _ in 0..lines {
            let Some(line) = self.page.pop_front() else {
                break;
            };
            self.print(out, &format!("{line}\n"));
        }
        if self.page.is_empty() {
            self.prompt(out, model);
        } else {
            out.extend_from_slice(MORE.as_bytes());
        }
    }

    /// A key at the pager.
    fn turn(&mut self, model: &Model, byte: u8, out: &mut Vec<u8>) {
        let back = "\x08".repeat(MORE.len());
        out.extend_from_slice(format!("{back}{}{back}", " ".repeat(MORE.len())).as_bytes());
        match byte {
            b' ' => self.advance(self.terminal.length.max(2) - 1, model, out),
            b'\r' | b'\n' => self.advance(1, model, out),
            _ => {
                self.page.clear();
                self.prompt(out, model);
            }
        }
    }

    fn print(&self, out: &mut Vec<u8>, text: &str) {
        if self.pty {
            out.extend_from_slice(text.replace('\n', "\r\n").as_bytes());
        } else {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn prompt(&self, out: &mut Vec<u8>, model: &Model) {
        if model.faults.garbage {
            out.extend_from_slice(GARBAGE);
        }
        out.extend_from_slice(model.prompt(&self.terminal).as_bytes());
    }
}

//! What a terminal would show, kept as text: escape sequences removed, carriage returns,
//! backspaces and erasing followed. Fed with bytes in any portions, the result is the same.

use zeroize::Zeroize as _;

/// Where an escape sequence has got to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    /// In none.
    #[default]
    No,
    /// After ESC.
    Begun,
    /// In `ESC [ …`; the first parameter digit, if any.
    Control(Option<u8>),
    /// In `ESC ] …` or another string; ends with BEL or ESC `\`.
    Text,
    /// After an ESC inside such a string.
    TextEnd,
    /// One more byte belongs to it (`ESC ( B`).
    OneMore,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;

/// The text so far. Its last line is being written; the ones before it are final.
#[derive(Debug, Default)]
pub struct Screen {
    text: Vec<u8>,
    line: usize,
    cursor: usize,
    carriage_return: bool,
    escape: Escape,
}

impl Drop for Screen {
    /// Configurations hold secrets.
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Screen {
    /// All of it.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The line being written.
    #[must_use]
    pub fn last_line(&self) -> &[u8] {
        &self.text[self.line..]
    }

    /// Where it begins.
    #[must_use]
    pub fn last_line_at(&self) -> usize {
        self.line
    }

    /// Forgets all lines but the one being written.
    pub fn keep_last_line(&mut self) {
        let kept = self.text.len() - self.line;
        self.text.copy_within(self.line.., 0);
        self.text[kept..].zeroize();
        self.text.truncate(kept);
        self.cursor -= self.line;
        self.line = 0;
    }

    /// Takes the line being written away (a pager's text).
    pub fn drop_last_line(&mut self) {
        self.text.truncate(self.line);
        self.cursor = self.line;
    }

    /// Takes in what a device sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.escape == Escape::No && !is_special(first) {
                let run = rest
                    .iter()
                    .position(|b| is_special(*b))
                    .unwrap_or(rest.len());
                let (plain, after) = rest.split_at(run);
                self.write(plain);
                rest = after;
            } else {
                self.special(first);
                rest = &rest[1..];
            }
        }
    }

    fn special(&mut self, byte: u8) {
        match self.escape {
            Escape::No => match byte {
                b'\n' => self.newline(),
                b'\r' => self.carriage_return = true,
                BACKSPACE => {
                    self.return_now();
                    self.cursor = self.cursor.saturating_sub(1).max(self.line);
                }
                ESC => self.escape = Escape::Begun,
                // BEL, NUL and other control characters show nothing.
                _ => {}
            },
            Escape::Begun => {
                self.escape = match byte {
                    b'[' => Escape::Control(None),
                    b']' | b'P' | b'X' | b'^' | b'_' => Escape::Text,
                    b'(' | b')' | b'*' | b'+' | b'#' | b'%' | b' ' => Escape::OneMore,
                    _ => Escape::No,
                }
            }
            Escape::Control(first) => self.control(first, byte),
            Escape::Text if byte == BEL => self.escape = Escape::No,
            Escape::Text if byte == ESC => self.escape = Escape::TextEnd,
            Escape::TextEnd if byte != b'\\' => self.escape = Escape::Text,
            Escape::Text => {}
            Escape::TextEnd | Escape::OneMore => self.escape = Escape::No,
        }
    }

    fn control(&mut self, first: Option<u8>, byte: u8) {
        if !(0x40..=0x7e).contains(&byte) {
            let first = first.or(byte.is_ascii_digit().then_some(byte));
            self.escape = Escape::Control(first);
            return;
        }
        self.escape = Escape::No;
        match (byte, first) {
            // Erase the line, whole or from here on. Erasing the display is the same for us.
            (b'K' | b'J', None | Some(b'0')) => {
                self.return_now();
                self.text.truncate(self.cursor);
            }
            (b'K' | b'J', Some(_)) => {
                self.return_now();
                self.drop_last_line();
            }
            (b'D', _) => {
                self.return_now();
                self.cursor = self.cursor.saturating_sub(1).max(self.line);
            }
            _ => {}
        }
    }

    /// A carriage return that no line feed follows moves back to the start of the line.
    fn return_now(&mut self) {
        if self.carriage_return {
            self.carriage_return = false;
            self.trim_blank();
            self.cursor = self.line;
        }
    }

    /// What stands right of the cursor and is blank cannot be seen: it is what is left of
    /// an erased pager text.
    fn trim_blank(&mut self) {
        if self.text[self.cursor..].iter().all(|b| *b == b' ') {
            self.text.truncate(self.cursor);
        }
    }

    fn newline(&mut self) {
        self.carriage_return = false;
        self.trim_blank();
        self.text.push(b'\n');
        self.line = self.text.len();
        self.cursor = self.line;
    }

    fn write(&mut self, plain: &[u8]) {
        self.return_now();
        let over = plain.len().min(self.text.len() - self.cursor);
        self.text[self.cursor..self.cursor + over].copy_from_slice(&plain[..over]);
        self.text.extend_from_slice(&plain[over..]);
        self.cursor += plain.len();
    }
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same bytes, split at every position, must give the same text.
    fn shown(bytes: &[u8]) -> String {
        let mut whole = Screen::default();
        whole.feed(bytes);
        for at in 0..=bytes.len() {
            let mut split = Screen::default();
            split.feed(&bytes[..at]);
            split.feed(&bytes[at..]);
            assert_eq!(split.text(), whole.text(), "split at {at}");
            assert_eq!(split.last_line(), whole.last_line(), "split at {at}");
        }
        String::from_utf8(whole.text().to_vec()).unwrap()
    }

    #[test]
    fn line_ends_of_every_kind_become_line_feeds() {
        assert_eq!(shown(b"a\r\nb\nc\r\r\nd\r\r\r\n"), "a\nb\nc\nd\n");
    }

    #[test]
    fn blank_lines_keep_their_blanks_before_a_line_end() {
        assert_eq!(shown(b"banner\r\n   \r\n x\r\n"), "banner\n   \n x\n");
    }

    #[test]
    fn an_erased_pager_leaves_nothing_behind() {
        let mut screen = Screen::default();
        screen.feed(b"one\r\n --More-- ");
        screen.drop_last_line();
        screen.feed(b"\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08!\r\n ip x\r\n");
        assert_eq!(screen.text(), b"one\n!\n ip x\n");
        assert_eq!(shown(b"--More--\r        \r!\r\n"), "!\n");
    }

    #[test]
    fn escape_sequences_show_nothing() {
        assert_eq!(
            shown(b"\x1b[?2004h\x1b]0;title\x07\x1b(B\x1b[1;32mr1\x1b[0m# \x1b=\x1b]1;x\x1b\\ok"),
            "r1# ok"
        );
    }

    #[test]
    fn erasing_to_the_end_of_the_line_is_followed() {
        assert_eq!(shown(b"abcdef\x08\x08\x1b[Kx\n"), "abcdx\n");
        assert_eq!(shown(b":\r\x1b[Knext\r\n"), "next\n");
        assert_eq!(shown(b"old\x1b[2Knew\r\n"), "new\n");
    }

    #[test]
    fn a_bare_carriage_return_overwrites() {
        assert_eq!(shown(b"12345\rab\n"), "ab345\n");
    }

    #[test]
    fn keeping_the_last_line_forgets_the_rest() {
        let mut screen = Screen::default();
        screen.feed(b"secret\r\nr1# ");
        screen.keep_last_line();
        assert_eq!(screen.text(), b"r1# ");
        screen.feed(b"x\r\n");
        assert_eq!(screen.text(), b"r1# x\n");
    }
}

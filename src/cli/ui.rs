//! The terminal: two writers, colours where they are wanted, progress where it is seen.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::time::{Duration, Instant};

use super::error::{CliError, Result};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Decides for one stream.
    fn wanted(self, terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Adds colours, or does not; and knows how wide the terminal is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint {
    color: bool,
    width: Option<usize>,
}

impl Paint {
    /// Plain text only.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self {
        color: false,
        width: None,
    };

    /// Cuts a text that would not fit into its line, of which `used` columns are taken. Not
    /// in a pipe or a file.
    pub(crate) fn fitted(self, text: &str, used: usize) -> String {
        const LEAST: usize = 16;
        let room = self
            .width
            .map(|width| width.saturating_sub(used).max(LEAST));
        match room {
            Some(room) if text.chars().count() > room => {
                let cut: String = text.chars().take(room - 1).collect();
                format!("{cut}…")
            }
            Some(_) | None => text.to_owned(),
        }
    }

    fn with(self, style: anstyle::Style, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
    pub(crate) fn bold(self, text: &str) -> String {
        self.with(anstyle::Style::new().bold(), text)
    }
    pub(crate) fn dim(self, text: &str) -> String {
        self.with(anstyle::Style::new().dimmed(), text)
    }
    pub(crate) fn red(self, text: &str) -> String {
        self.with(anstyle::AnsiColor::Red.on_default(), text)
    }
    pub(crate) fn green(self, text: &str) -> String {
        self.with(anstyle::AnsiColor::Green.on_default(), text)
    }
    pub(crate) fn yellow(self, text: &str) -> String {
        self.with(anstyle::AnsiColor::Yellow.on_default(), text)
    }
    pub(crate) fn cyan(self, text: &str) -> String {
        self.with(anstyle::AnsiColor::Cyan.on_default(), text)
    }
}

/// Where a command talks to.
pub(crate) struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    color_out: bool,
    color_err: bool,
    progress: bool,
    interactive: bool,
    /// `--json`
    pub(crate) json: bool,
}

impl Ui {
    /// Standard output and error.
    pub(crate) fn process(color: Color, json: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let (out, err) = (io::stdout(), io::stderr());
        Self {
            color_out: color.wanted(out.is_terminal(), no_color),
            color_err: color.wanted(err.is_terminal(), no_color),
            progress: err.is_terminal(),
            interactive: io::stdin().is_terminal() && err.is_terminal(),
            out: Box::new(out),
            err: Box::new(err),
            json,
        }
    }

    /// Styles for standard output.
    pub(crate) fn paint(&self) -> Paint {
        Paint {
            color: self.color_out,
            width: self.width(),
        }
    }

    /// Columns of the terminal results are shown on; `None` in a pipe or a file.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// There is a person to ask.
    pub(crate) fn interactive(&self) -> bool {
        self.interactive
    }

    /// Prints the result of a command, text as it is.
    pub(crate) fn print(&mut self, text: &str) -> Result<()> {
        let text = sanitized(text, self.color_out);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints one line of the result.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.print(&format!("{text}\n"))
    }

    /// Writes over the last line, on a terminal; an empty text clears it.
    pub(crate) fn over(&mut self, text: &str) -> Result<()> {
        write!(self.out, "\r\u{1b}[K{}", sanitized(text, self.color_out))?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints one JSON document.
    pub(crate) fn document<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints one line that is data for a program, byte for byte.
    pub(crate) fn raw(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(())
    }

    /// Says something beside the result, on standard error.
    pub(crate) fn note(&mut self, text: &str) -> Result<()> {
        let text = sanitized(text, self.color_err);
        writeln!(self.err, "{text}")?;
        Ok(())
    }

    /// Prints an error. That standard error is gone too is nobody's concern any more.
    pub(crate) fn error(&mut self, error: &CliError) {
        let text = sanitized(&error.text(), false);
        let paint = Paint {
            color: self.color_err,
            width: None,
        };
        let text = text.replacen("error:", &paint.red("error:"), 1);
        drop(self.err.write_all(text.as_bytes()));
    }

    /// Asks a yes-or-no question; everything but a clear yes is no.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool> {
        if !self.interactive {
            return Ok(false);
        }
        write!(self.err, "{} [y/N] ", sanitized(question, self.color_err))?;
        self.err.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    /// Asks for a password without showing it.
    pub(crate) fn password(&mut self, prompt: &str) -> Result<crate::model::SecretText> {
        if !self.interactive {
            return Err(
                CliError::usage("there is no terminal to ask for a password on")
                    .hint("use a key: `--key FILE`, or an `IdentityFile` in ssh_config"),
            );
        }
        Ok(crate::model::SecretText::new(rpassword::prompt_password(
            prompt,
        )?))
    }

    /// A progress display over `total` devices: a bar on a terminal, now and then a line in a
    /// pipe.
    pub(crate) fn progress(&self, total: usize, doing: &str) -> Progress {
        if !self.progress || self.json {
            return Progress::Lines(Lines {
                doing: doing.to_owned(),
                total,
                done: 0,
                told: Instant::now(),
                quiet: self.json,
            });
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:16} [{bar:30}] {pos}/{len} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(doing.to_owned());
        Progress::Bar(bar)
    }
}

/// A progress display.
pub(crate) enum Progress {
    /// On a terminal; it clears itself.
    Bar(ProgressBar),
    /// In a pipe.
    Lines(Lines),
}

/// What there is to say about work that takes long.
pub(crate) struct Lines {
    doing: String,
    total: usize,
    done: usize,
    told: Instant,
    quiet: bool,
}

/// Shorter work needs no words in a pipe.
const TELL: Duration = Duration::from_secs(10);

impl Progress {
    /// One more is done.
    pub(crate) fn step(&mut self) {
        match self {
            Self::Bar(bar) => bar.inc(1),
            Self::Lines(lines) => lines.step(),
        }
    }
}

impl Lines {
    fn step(&mut self) {
        self.done += 1;
        if self.quiet || self.told.elapsed() < TELL || self.done == self.total {
            return;
        }
        self.told = Instant::now();
        let text = format!("{}: {} of {}\n", self.doing, self.done, self.total);
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Text from devices and repositories must not steer the terminal: control characters and
/// characters that reorder text are shown as escapes. Our own colours pass.
fn sanitized(text: &str, colors: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if colors && let Some(length) = color_code(rest) {
            clean.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n' && c != '\t') || reorders {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    clean
}

/// Length of the colour code at the start of a text (`ESC [ digits m`).
fn color_code(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    body[end..].starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_do_not_steer_the_terminal() {
        assert_eq!(
            sanitized("a\u{1b}[2Jb\u{7}\r\n\tc", true),
            "a\\u{1b}[2Jb\\u{7}\\u{d}\n\tc"
        );
        assert_eq!(
            sanitized("\u{1b}[31mx\u{1b}[0m", true),
            "\u{1b}[31mx\u{1b}[0m"
        );
        assert_eq!(sanitized("\u{1b}[31mx", false), "\\u{1b}[31mx");
        assert_eq!(sanitized("a\u{202e}b", true), "a\\u{202e}b");
    }

    #[test]
    fn no_color_and_pipes_are_respected() {
        assert!(Color::Auto.wanted(true, false));
        assert!(!Color::Auto.wanted(true, true));
        assert!(!Color::Auto.wanted(false, false));
        assert!(Color::Always.wanted(false, true));
        assert!(!Color::Never.wanted(true, false));
        let bright = Paint {
            color: true,
            width: Some(30),
        };
        assert_eq!(
            bright.fitted("a reason that is long", 10),
            "a reason that is lo…"
        );
        assert_eq!(bright.fitted("a reason", 10), "a reason");
        assert_eq!(bright.red("x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Paint::PLAIN.red("x"), "x");
    }
}

//! The pace and the look of the story.

use std::time::Duration;

use crate::cli::app::App;
use crate::cli::error::{CliError, Result};
use crate::cli::ui::Paint;

/// How long a person reads a few lines.
const READING: Duration = Duration::from_millis(1600);

/// Tells a story on the terminal.
pub(super) struct Teller<'a> {
    app: &'a mut App,
    fast: bool,
    step: usize,
}

impl<'a> Teller<'a> {
    pub(super) fn new(app: &'a mut App, fast: bool) -> Self {
        Self { app, fast, step: 0 }
    }

    pub(super) fn interactive(&self) -> bool {
        self.app.ui.interactive()
    }

    pub(super) fn paint(&self) -> Paint {
        self.app.ui.paint()
    }

    /// A new step.
    pub(super) async fn title(&mut self, title: &str) -> Result<()> {
        if self.step > 0 {
            self.read(1).await;
        }
        self.step += 1;
        let text = format!("\n{}. {title}", self.step);
        self.app.ui.line(&self.paint().bold(&text))
    }

    /// Something happens.
    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        self.app.ui.line(&format!("   {text}"))
    }

    /// What somebody typed.
    pub(super) fn typed(&mut self, who: &str, lines: &[&str]) -> Result<()> {
        for line in lines {
            let text = self.paint().yellow(&format!("   {who}> {line}"));
            self.app.ui.line(&text)?;
        }
        Ok(())
    }

    /// What a command printed, or a part of it.
    pub(super) fn output(&mut self, command: &str, text: &str) -> Result<()> {
        let prompt = self.paint().cyan(&format!("   $ {command}"));
        self.app.ui.line(&prompt)?;
        for line in text.lines() {
            self.app.ui.line(format!("     {line}").trim_end())?;
        }
        Ok(())
    }

    /// A line that is written over, on a terminal; in a pipe it is left out.
    pub(super) fn tick(&mut self, text: &str) -> Result<()> {
        if self.interactive() {
            self.app.ui.over(&format!("   {text}"))?;
        }
        Ok(())
    }

    /// Ends a line that was written over.
    pub(super) fn tick_end(&mut self) -> Result<()> {
        if self.interactive() {
            self.app.ui.over("")?;
        }
        Ok(())
    }

    /// What was to be shown, was.
    pub(super) fn seen(&mut self, text: &str) -> Result<()> {
        let mark = self.paint().green("seen:");
        self.app.ui.line(&format!("   {mark} {text}"))
    }

    /// It was not.
    pub(super) fn failed(&mut self, error: &CliError) -> Result<()> {
        let mark = self.paint().red("NOT SEEN:");
        self.app.ui.line(&format!("   {mark} step {}", self.step))?;
        self.app.ui.line(error.text().trim_end())
    }

    pub(super) fn last(&mut self, text: &str) -> Result<()> {
        self.app.ui.line(&format!("\n{text}"))
    }

    /// The last line: something for the reader's own router.
    pub(super) fn try_it(&mut self) -> Result<()> {
        self.app
            .ui
            .line("\nOn a router of your own, reading once and writing nothing:\n")?;
        let command = self.paint().bold("  netkeel try USER@ROUTER");
        self.app.ui.line(&command)
    }

    /// Leaves time to read.
    pub(super) async fn read(&self, times: u32) {
        if !self.fast {
            tokio::time::sleep(READING * times).await;
        }
    }
}

//! Which platform an unknown device has. One login, read only: a look at the prompt, and
//! `show version`.

use std::sync::Arc;
use std::time::Duration;

use super::cli::answer::{decode, shorten};
use super::cli::screen::Screen;
use super::cli::{Gone, Wire};
use super::{DeviceError, SshConnector, Target};
use crate::pack::session::TerminalSpec;
use crate::pack::{ModeName, Pack};

/// The question every platform answers in its own way.
const QUESTION: &str = "show version";

/// Most that is read of an answer.
const LIMIT: usize = 256 * 1024;

const DOING: &str = "finding the platform";

/// What was found.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The platform's pack, if one fits.
    pub pack: Option<Arc<Pack>>,
    /// What that was judged by.
    pub seen: Sighting,
}

/// What a device shows to somebody who does not know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The SSH server's version string.
    pub ssh: String,
    /// What it says before the login.
    pub banner: String,
    /// Its prompt.
    pub prompt: String,
    /// The beginning of what `show version` gives.
    pub version: String,
}

impl Sighting {
    /// For a person, one line.
    #[must_use]
    pub fn shown(&self) -> String {
        let said = |text: &str| {
            if text.is_empty() {
                "nothing".to_owned()
            } else {
                format!("`{text}`")
            }
        };
        format!(
            "SSH server {}, prompt {}, `{QUESTION}` gives {}",
            said(&self.ssh),
            said(&self.prompt),
            said(&self.version)
        )
    }
}

/// Logs in (once) and finds the pack. The pack of `target` is not looked at.
///
/// # Errors
/// As `connect`; a device that answers like no pack is not an error.
pub async fn detect(
    connector: &SshConnector,
    target: &Target,
    packs: &[Arc<Pack>],
) -> Result<Detected, DeviceError> {
    let link = connector.link(target).await?;
    let mut seen = Sighting {
        ssh: link.seen().version,
        banner: link.seen().banner,
        ..Sighting::default()
    };
    let wire = link
        .shell(&TerminalSpec::default())
        .await
        .map_err(|source| DeviceError::Connect {
            device: target.device.clone(),
            address: format!("{}:{}", target.address, target.port),
            source: Box::new(source),
        })?;
    let mut stranger = Stranger {
        wire: Box::new(wire),
        screen: Screen::default(),
        packs,
        silence: target.silence_timeout,
    };
    let version = stranger.ask(&mut seen).await;
    stranger.wire.close().await;
    link.close().await;
    seen.version = shorten(&version.lines().take(3).collect::<Vec<_>>().join("\n"));
    Ok(Detected {
        pack: judge(packs, &seen, &version),
        seen,
    })
}

/// The one pack whose `show version` this is; without any, the one whose SSH server it is.
fn judge(packs: &[Arc<Pack>], seen: &Sighting, version: &str) -> Option<Arc<Pack>> {
    let by_version = |pack: &&Arc<Pack>| {
        pack.session
            .detect
            .version
            .iter()
            .any(|known| known.text.is_match(version))
    };
    let by_ssh = |pack: &&Arc<Pack>| {
        pack.session
            .detect
            .ssh
            .iter()
            .any(|known| known.text.is_match(&seen.ssh))
    };
    packs
        .iter()
        .find(by_version)
        .or_else(|| packs.iter().find(by_ssh))
        .cloned()
}

/// A conversation without a pack.
struct Stranger<'p> {
    wire: Box<dyn Wire>,
    screen: Screen,
    packs: &'p [Arc<Pack>],
    silence: Duration,
}

impl Stranger<'_> {
    /// Learns the prompt and asks. Silence, or a prompt that is none, ends it: what was seen
    /// up to then is the answer.
    async fn ask(&mut self, seen: &mut Sighting) -> String {
        let Some(prompt) = self.prompt().await else {
            decode(self.screen.last_line())
                .trim_end()
                .clone_into(&mut seen.prompt);
            return String::new();
        };
        prompt.clone_into(&mut seen.prompt);
        let with_blank = format!("{prompt} ");
        let shell = self.packs.iter().find_map(|pack| {
            let spec = &pack.session;
            let is_shell = |m: &&crate::pack::session::ModeSpec| {
                m.prompt.is_match(&prompt) || m.prompt.is_match(&with_blank)
            };
            let mode = spec.modes.iter().find(is_shell)?;
            (mode.name == ModeName::Shell).then_some(spec.detect.from_shell.as_ref()?)
        });
        let question = shell.map_or(QUESTION, |command| command.send.as_str());
        self.type_line(question, &prompt).await.unwrap_or_default()
    }

    /// The prompt: the line that comes again, the same, for an empty line. Without the blank
    /// at its end, which may come late.
    async fn prompt(&mut self) -> Option<String> {
        self.until(|screen| looks_like_prompt(screen.last_line()))
            .await?;
        loop {
            let first = self.screen.last_line().trim_ascii_end().to_vec();
            self.screen.keep_last_line();
            self.send("\r").await?;
            self.until(|screen| screen.last_line_at() > 0 && looks_like_prompt(screen.last_line()))
                .await?;
            if self.screen.last_line().trim_ascii_end() == first {
                return Some(decode(&first).into_owned());
            }
            if self.screen.text().len() > LIMIT {
                return None;
            }
        }
    }

    async fn type_line(&mut self, line: &str, prompt: &str) -> Option<String> {
        self.screen.keep_last_line();
        self.send(&format!("{line}\r")).await?;
        self.until(|screen| {
            screen.last_line_at() > 0 && screen.last_line().trim_ascii_end() == prompt.as_bytes()
        })
        .await?;
        let text = decode(&self.screen.text()[..self.screen.last_line_at()]).into_owned();
        Some(
            text.split_once('\n')
                .map(|(_, output)| output.to_owned())
                .unwrap_or_default(),
        )
    }

    async fn send(&mut self, text: &str) -> Option<()> {
        let sent = self.wire.send(text.as_bytes().to_vec());
        tokio::time::timeout(self.silence, sent).await.ok()?.ok()
    }

    async fn until(&mut self, reached: impl Fn(&Screen) -> bool) -> Option<()> {
        while !reached(&self.screen) {
            let line = decode(self.screen.last_line()).into_owned();
            let pagers = self.packs.iter().flat_map(|pack| &pack.session.pagers);
            let page = pagers
                .filter(|_| !line.is_empty())
                .find(|pager| pager.text.is_match(&line));
            if let Some(pager) = page {
                let answer = pager.answer.clone();
                self.screen.drop_last_line();
                self.send(&answer).await?;
            }
            let received = tokio::time::timeout(self.silence, self.wire.receive(&mut self.screen));
            match received.await {
                Ok(Ok(_)) if self.screen.text().len() <= LIMIT => {}
                Ok(Ok(_) | Err(Gone)) | Err(_) => {
                    tracing::debug!(doing = DOING, "the device does not go on");
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Ends like the prompts of all command lines there are.
fn looks_like_prompt(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    !line.is_empty() && line.len() < 200 && line.last().is_some_and(|b| b"#>$%]".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cli::fake::{Fake, Reply};
    use crate::device::tests::pack;

    fn packs() -> Vec<Arc<Pack>> {
        vec![pack("frr"), pack("ios")]
    }

    async fn found(fake: Fake) -> (Option<String>, Sighting) {
        let packs = packs();
        let mut stranger = Stranger {
            wire: Box::new(fake),
            screen: Screen::default(),
            packs: &packs,
            silence: Duration::from_secs(5),
        };
        let mut seen = Sighting::default();
        let version = stranger.ask(&mut seen).await;
        (judge(&packs, &seen, &version).map(|p| p.name.clone()), seen)
    }

    fn answering(greeting: &str, prompt: &'static str, version: &'static str) -> Fake {
        Fake::new(greeting, move |line| {
            Some(Reply::new(match line {
                "show version" | "vtysh -c 'show version'" => format!("{version}\n{prompt}"),
                "" => prompt.to_owned(),
                other => format!("% Unknown command: {other}\n{prompt}"),
            }))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn platforms_are_told_by_their_version_wherever_the_bytes_are_cut() {
        for cut in 0..120 {
            let ios = answering(
                "\r\nr9#\r\nWelcome\r\nr1>",
                "r1>",
                "Cisco IOS Software, C2960X Software",
            );
            assert_eq!(
                found(ios.cut(cut)).await.0.as_deref(),
                Some("ios"),
                "cut at {cut}"
            );
            let frr = answering("Hello\r\nr1# ", "r1# ", "FRRouting 8.4.4 (r1)");
            assert_eq!(
                found(frr.cut(cut)).await.0.as_deref(),
                Some("frr"),
                "cut at {cut}"
            );
        }
        let shell = answering("root@r1:~# ", "root@r1:~# ", "FRRouting 8.4.4 (r1)");
        assert_eq!(found(shell).await.0.as_deref(), Some("frr"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_is_said_to_be_unknown_with_what_was_seen() {
        let (pack, seen) = found(answering(
            "<HUAWEI>",
            "<HUAWEI>",
            "VRP (R) software, Version 8",
        ))
        .await;
        assert_eq!(pack, None);
        assert_eq!(seen.prompt, "<HUAWEI>");
        let (pack, seen) = found(Fake::new("login: ", |_| None)).await;
        assert_eq!((pack, seen.prompt.as_str()), (None, "login:"));
    }
}

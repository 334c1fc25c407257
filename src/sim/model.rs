//! One simulated device: configurations, sessions, timers. Pure: one typed line and the
//! time go in, output and a new state come out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::configure::{Effect, Rules, type_line};
use super::faults::Faults;
use super::spec::{DeviceSpec, Platform};
use super::tree::Node;
use super::{frr, ios};

/// A device's state.
#[derive(Debug)]
pub struct Model {
    pub(super) spec: DeviceSpec,
    pub(super) root: Node,
    /// Management address and interface as the device started with them.
    pub(super) home: super::reach::Home,
    pub(super) startup: Arc<str>,
    pub(super) archive: ios::Archive,
    /// When and by whom the running configuration last changed.
    pub(super) changed: Option<(Timestamp, String)>,
    /// When and by whom the startup configuration was last written.
    pub(super) saved: Option<(Timestamp, String)>,
    pub(super) booted: Timestamp,
    pub(super) faults: Faults,
    /// Configuration lines typed since the faults were last set.
    pub(super) typed: usize,
    /// How often somebody tried to log in with a password.
    pub(super) logins: usize,
    /// Who is logged in, by session number.
    pub(super) users: BTreeMap<u64, (String, IpAddr)>,
    /// Log lines nobody has fetched yet.
    logs: Vec<String>,
    body: Option<Arc<str>>,
    generation: u64,
}

/// One login's state.
#[derive(Clone, Debug)]
pub struct Terminal {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) from: IpAddr,
    pub(super) privilege: u8,
    /// Headers of the block in configuration mode; `None` outside.
    pub(super) config: Option<Vec<String>>,
    /// Lines a page; 0 for none.
    pub(super) length: usize,
    /// Shows log lines.
    pub(super) monitor: bool,
    pub(super) asks: Asks,
    /// Whether this login changed the configuration since it entered configuration mode.
    pub(super) dirty: bool,
}

/// What the next line answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing: it is a command.
    #[default]
    Command,
    /// The enable password; tries so far.
    Enable(u8),
    /// `Destination filename [startup-config]?`
    Destination,
    /// A banner is being typed.
    Banner {
        /// `banner motd`.
        header: String,
        /// The character that ends it.
        delimiter: char,
        /// Typed so far.
        text: String,
    },
}

/// What a line led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Output, lines ended by `\n`.
    pub text: String,
    /// The session is over.
    pub close: bool,
    /// The line was refused (exit status of an exec request).
    pub failed: bool,
    /// The connection is to be cut without a good-bye (a scripted fault).
    pub cut: bool,
}

impl Reply {
    /// Just output.
    pub(super) fn say(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Output of a refused line.
    pub(super) fn refuse(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            failed: true,
            ..Self::default()
        }
    }
}

impl Model {
    /// Starts a device on its configuration.
    #[must_use]
    pub fn boot(spec: DeviceSpec, now: Timestamp) -> Self {
        let text: Arc<str> = spec.config.as_str().into();
        let mut model = Self {
            root: Node::default(),
            home: super::reach::Home::default(),
            startup: text,
            archive: ios::Archive::default(),
            changed: None,
            saved: None,
            booted: now,
            faults: spec.faults.clone(),
            typed: 0,
            logins: 0,
            users: BTreeMap::new(),
            logs: Vec::new(),
            body: None,
            generation: 0,
            spec,
        };
        model.reload(now);
        model.home = super::reach::Home::find(&model.root, model.spec.mgmt.as_deref());
        model
    }

    /// Starts again from the startup configuration; a pending trial is forgotten.
    pub fn reload(&mut self, now: Timestamp) {
        let startup = self.startup.clone();
        self.root = match self.spec.platform {
            Platform::Ios => ios::read(&startup, self.spec.acl_sequences),
            Platform::Frr => frr::read(&startup),
        };
        if self.root.value_of("hostname").is_none() {
            let name = Node::leaf(format!("hostname {}", self.spec.name));
            self.rules().grammar().top().insert(&mut self.root, name);
        }
        self.archive.forget();
        self.changed = None;
        self.booted = now;
        self.users.clear();
        self.touch();
    }

    /// A login. `id` is the session's number.
    pub fn login(&mut self, id: u64, user: &str, from: IpAddr) -> Terminal {
        self.users.insert(id, (user.to_owned(), from));
        let privilege = match self.spec.platform {
            Platform::Ios => self.faults.privilege.unwrap_or(self.spec.privilege),
            Platform::Frr => 15,
        };
        Terminal {
            id,
            user: user.to_owned(),
            from,
            privilege,
            config: None,
            length: if self.spec.platform == Platform::Ios {
                24
            } else {
                0
            },
            monitor: false,
            asks: Asks::Command,
            dirty: false,
        }
    }

    /// The session is gone.
    pub fn logout(&mut self, terminal: &Terminal) {
        self.users.remove(&terminal.id);
    }

    /// Types one line.
    pub fn line(&mut self, terminal: &mut Terminal, line: &str, now: Timestamp) -> Reply {
        match self.spec.platform {
            Platform::Ios => ios::line(self, terminal, line, now),
            Platform::Frr => frr::line(self, terminal, line, now),
        }
    }

    /// What stands before the cursor.
    #[must_use]
    pub fn prompt(&self, terminal: &Terminal) -> String {
        match self.spec.platform {
            Platform::Ios => ios::prompt(self, terminal),
            Platform::Frr => frr::prompt(self, terminal),
        }
    }

    /// What a terminal shows after the login.
    #[must_use]
    pub fn greeting(&self) -> String {
        let mut text = match self.spec.platform {
            Platform::Ios => self.banners(&["banner motd", "banner exec"]),
            Platform::Frr => frr::GREETING.to_owned(),
        };
        if self.faults.prompt_in_banner {
            let name = self.hostname();
            text.push_str(&format_args!("Type {name}#\n{name}# \n{name}>\nto begin\n").to_string());
        }
        text
    }

    /// The text of banners, without their delimiters.
    pub(super) fn banners(&self, kinds: &[&str]) -> String {
        let mut out = String::new();
        for kind in kinds {
            let Some(text) = self
                .root
                .children
                .iter()
                .find_map(|c| c.text.strip_prefix(kind))
            else {
                continue;
            };
            out.push_str(
                text.trim_start()
                    .trim_start_matches("^C")
                    .trim_end_matches("^C"),
            );
            out.push('\n');
        }
        out
    }

    /// The device's name for itself.
    #[must_use]
    pub fn hostname(&self) -> &str {
        self.root.value_of("hostname").unwrap_or(&self.spec.name)
    }

    /// The running configuration, without header and `end`.
    pub(super) fn body(&mut self) -> Arc<str> {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let text = match self.spec.platform {
            Platform::Ios => ios::body(&self.root),
            Platform::Frr => frr::body(&self.root),
        };
        let body: Arc<str> = text.into();
        self.body = Some(body.clone());
        body
    }

    /// The running configuration as a text without what changes from one showing to the
    /// next: for tests and for people.
    #[must_use]
    pub fn running(&mut self) -> String {
        format!("{}end\n", self.body())
    }

    /// Changes whenever the running configuration does.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The running configuration is another one.
    pub(super) fn touch(&mut self) {
        self.body = None;
        self.generation += 1;
    }

    /// Adds a log line, to be shown on monitoring terminals.
    pub(super) fn log(&mut self, now: Timestamp, text: &str) {
        let stamp = now.strftime("%b %e %H:%M:%S%.3f");
        self.logs.push(format!("*{stamp}: {text}"));
    }

    /// Takes the log lines that have come up.
    pub fn take_logs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.logs)
    }

    /// When the model wants [`Model::tick`] next.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.archive.deadline()
    }

    /// Lets timers fire.
    pub fn tick(&mut self, now: Timestamp) {
        ios::expire(self, now);
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.typed = 0;
    }

    /// What this device was made from.
    #[must_use]
    pub fn spec(&self) -> &DeviceSpec {
        &self.spec
    }

    /// The platform's rules.
    pub(super) fn rules(&self) -> &'static dyn Rules {
        match self.spec.platform {
            Platform::Ios => &ios::IosRules,
            Platform::Frr => &frr::FrrRules,
        }
    }

    /// Types a configuration line; scripted faults come first.
    pub(super) fn configure(
        &mut self,
        terminal: &mut Terminal,
        line: &str,
        now: Timestamp,
    ) -> Effect {
        self.typed += 1;
        if let Some(refuse) = self.faults.refuse.as_ref().filter(|r| r.line == self.typed) {
            return Effect::refused(refuse.text.clone());
        }
        if self.faults.ignore_changes {
            return Effect::default();
        }
        let Some(path) = terminal.config.as_mut() else {
            return Effect::default();
        };
        let effect = type_line(self.rules(), &mut self.root, path, line);
        if effect.changed {
            terminal.dirty = true;
            self.changed = Some((now, terminal.user.clone()));
            self.touch();
        }
        effect
    }

    /// Somebody else changes the device: types lines in configuration mode as `user`, from
    /// a console that needs no network. Returns what the device said.
    pub fn type_as(&mut self, user: &str, lines: &[&str], now: Timestamp) -> String {
        let mut terminal = self.login(u64::MAX, user, IpAddr::from([127, 0, 0, 1]));
        terminal.privilege = 15;
        terminal.length = 0;
        let mut out = String::new();
        for line in ["configure terminal"]
            .iter()
            .chain(lines)
            .chain(["end"].iter())
        {
            out.push_str(&self.line(&mut terminal, line, now).text);
        }
        self.logout(&terminal);
        out
    }
}

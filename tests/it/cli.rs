//! The program as a person uses it: exit codes, what is printed, what is never printed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const NETKEEL: &str = env!("CARGO_BIN_EXE_netkeel");
/// Values of the example's secrets; nothing may print them.
const SECRETS: [&str; 3] = [
    "netkeel-sim",
    "under-the-keel",
    "131019160E1E493E2321653830271F",
];

/// How a command ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        let found = self.out.contains(text) || self.err.contains(text);
        assert!(found, "no `{text}` in:\n{}\n{}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("a JSON document")
    }
}

/// A repository made by `netkeel init`, and its simulated routers.
struct Place {
    folder: TempDir,
    sim: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self { folder, sim: None };
        run(place.folder.path(), "init network", "")
            .code(0)
            .says("netkeel check");
        // Addresses of this test alone.
        let net = format!(
            "hostname: 127.{}.{}.",
            rand::random_range(64..=126),
            rand::random_range(1..=250)
        );
        place.edit("intent/inventory/hosts.yaml", "hostname: 127.1.0.", &net);
        place.commit("addresses");
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("network")
    }

    fn start(&mut self, flags: &[&str]) {
        let mut command = command(&self.root());
        command.args(["sim", ".", "--clock", "30"]).args(flags);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator");
        let printed = child.stdout.take().expect("its output");
        let ready = BufReader::new(printed).lines().map_while(Result::ok);
        assert!(
            ready
                .into_iter()
                .any(|line| line.starts_with("{\"ready\":")),
            "it is ready"
        );
        self.sim = Some(child);
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.sim.take() {
            child
                .kill()
                .and_then(|()| child.wait())
                .expect("our own child");
        }
    }

    /// Replaces every occurrence.
    #[track_caller]
    fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.root().join(path);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "no `{from}` in {}", path.display());
        std::fs::write(&path, text.replace(from, to)).expect("writable");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn git(&self, words: &[&str]) {
        let root = self.root();
        let who = ["-c", "user.name=ada", "-c", "user.email=ada@example.net"];
        let done = Command::new("git")
            .current_dir(root)
            .args(who)
            .args(words)
            .status();
        assert!(done.expect("git").success(), "git {words:?}");
    }

    #[track_caller]
    fn netkeel(&self, line: &str) -> Ran {
        let ran = run(&self.root(), line, "");
        for secret in SECRETS {
            assert!(
                !ran.out.contains(secret) && !ran.err.contains(secret),
                "{line}: a secret"
            );
        }
        ran
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(NETKEEL);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("HOME", folder)
        .env("USER", "ada");
    for name in [
        "SUDO_USER",
        "LOGNAME",
        "NETKEEL_REPO",
        "NETKEEL_REF",
        "NETKEEL_STATE",
        "NETKEEL_SETTINGS",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a line; words with blanks in them are written with `~`.
fn run(folder: &Path, line: &str, input: &str) -> Ran {
    let words = line.split(' ').map(|word| word.replace('~', " "));
    let mut child = command(folder)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("it listens");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn wrong_input_is_2_and_names_the_culprit() {
    let place = Place::new();
    place.netkeel("check").code(0).says("7 of 7 hosts rendered");
    place.netkeel("frobnicate").code(2);
    place.netkeel("status").code(2).says("there is no state in");
    place
        .netkeel("inventory --filter platform==")
        .code(2)
        .says("column");
    place
        .netkeel("render edge-lno-1")
        .code(2)
        .says("did you mean `edge-lon-1`?");
    place.netkeel("check --ref nowhere").code(2).says("nowhere");
    place
        .netkeel("status --settings /nowhere/x.yaml")
        .code(2)
        .says("/nowhere/x.yaml");
    place.edit("netkeel.yaml", "  interval: 1m", "  intervall: 1m");
    place
        .netkeel("check")
        .code(2)
        .says("did you mean `interval`?");
    place.edit("netkeel.yaml", "  intervall: 1m", "  interval: 1m");
    place.edit("intent/templates/ios.j2", "{{ domain }}", "{{ domian }}");
    place
        .netkeel("check")
        .code(2)
        .says("intent/templates/ios.j2:");
    place.netkeel("check core-lon-1").code(0);
    place.edit("intent/templates/ios.j2", "{{ domian }}", "{{ domain }}");
    place.edit("intent/inventory/groups.yaml", "lon:\n", "lon: [\n");
    place
        .netkeel("check")
        .code(2)
        .says("intent/inventory/groups.yaml:");
}

#[test]
fn a_policy_in_the_way_is_4_by_severity() {
    let place = Place::new();
    place.edit(
        "intent/templates/ios.j2",
        "transport input ssh",
        "transport input telnet",
    );
    place.netkeel("check").code(4).says("ios-vty-ssh-only");
    place.netkeel("check --fail-on critical").code(0);
    let found = place.netkeel("check --json --fail-on never").code(0).json();
    assert_eq!(found["schema"], 1);
    // Committed it is not: the branch is as it was.
    place.netkeel("check --ref main").code(0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn from_the_first_plan_to_a_rollback() {
    let mut place = Place::new();
    place.start(&["--trust"]);
    place
        .netkeel("plan --detailed-exitcode")
        .code(0)
        .says("7 devices in line");
    change_and_apply(&place);
    place.netkeel("run --once").code(0).says("7 compliant");
    roll_back(&place);
    adopt(&place);
    delete_a_lot(&place);
    rewrite(&place);
    place.stop();
    other_keys(&mut place);
}

fn change_and_apply(place: &Place) {
    place.edit(
        "intent/inventory/hosts.yaml",
        "description: users, address: 10.20.0.1",
        "description: people, address: 10.20.0.1",
    );
    place.netkeel("plan").code(0).says("+ description people");
    place.netkeel("plan --detailed-exitcode").code(3);
    place.netkeel("plan --ref main --detailed-exitcode").code(0);
    place
        .netkeel("apply edge-lon-1 --yes")
        .code(0)
        .says("nothing to apply");
    place.commit("people");
    let planned = place
        .netkeel("plan edge-lon-1 --ref main --json")
        .code(0)
        .json();
    let id = planned["devices"][0]["plan"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    place.netkeel("apply edge-lon-1").code(2).says("answer yes");
    place
        .netkeel(&format!("apply --plan 0{id} --yes"))
        .code(1)
        .says("is stale");
    place
        .netkeel(&format!("apply --plan {id} --yes"))
        .code(0)
        .says("confirmed, saved");
    place
        .netkeel(&format!("apply --plan {id} --yes"))
        .code(1)
        .says("is stale");
    place.netkeel("status").code(0).says("edge-lon-1");
}

fn roll_back(place: &Place) {
    place
        .netkeel("rollback edge-lon-1 --yes")
        .code(0)
        .says("+ description users");
    let status = place
        .netkeel("status --json --detailed-exitcode")
        .code(3)
        .json();
    let device = status["devices"]
        .as_array()
        .expect("devices")
        .iter()
        .find(|d| d["name"] == "edge-lon-1");
    let device = device.expect("the device").clone();
    assert_eq!(
        (&device["hold"], &device["status"]),
        (&"rolled_back".into(), &"noncompliant".into())
    );
    // what runs now is from before the first revision
    assert!(device["last_applied"]["at"].is_string(), "{device}");
    assert!(device["last_applied"]["revision"].is_null(), "{device}");
    place
        .netkeel("apply edge-lon-1 --yes")
        .code(6)
        .says("on hold");
    place.netkeel("release edge-lon-9").code(2);
    place
        .netkeel("release edge-lon-1")
        .code(0)
        .says("is released");
    place.netkeel("apply edge-lon-1 --yes").code(0);
    let history = place.netkeel("history edge-lon-1 --json").code(0).json();
    let attempts = history["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[0]["actor"], serde_json::json!({ "user": "ada" }));
    let first = attempts[2]["id"].as_str().expect("an id");
    let diff = format!("history edge-lon-1 --diff before:{first} now");
    place
        .netkeel(&diff)
        .code(0)
        .says("- description users")
        .says("+ description people");
    place.netkeel("hold edge-lon-2 --reason line~card").code(0);
    place.netkeel("status").says("hold");
}

fn adopt(place: &Place) {
    let said = place
        .netkeel("adopt edge-lon-2")
        .code(0)
        .says("intent/configs/{name}.cfg");
    let secrets: Vec<&str> = said
        .out
        .lines()
        .filter(|line| line.starts_with("  edge-lon-2/"))
        .collect();
    assert_eq!(secrets.len(), 3, "{}", said.out);
    place.edit(
        "netkeel.yaml",
        "\nsecrets:\n",
        &format!("\nsecrets:\n{}\n", secrets.join("\n")),
    );
    let intent =
        "data:\n    netkeel: {intent: 'intent/configs/{name}.cfg'}\n    loopback: 10.255.1.2";
    place.edit(
        "intent/inventory/hosts.yaml",
        "data:\n    loopback: 10.255.1.2",
        intent,
    );
    place
        .netkeel("plan edge-lon-2 --detailed-exitcode")
        .code(0)
        .says("1 device in line");
    place
        .netkeel("adopt edge-lon-2")
        .code(2)
        .says("--overwrite");
    place.commit("adopted");
    place.netkeel("release edge-lon-2").code(0);
}

fn delete_a_lot(place: &Place) {
    let path = "intent/configs/edge-lon-2.cfg";
    let text = std::fs::read_to_string(place.root().join(path)).expect("the adopted file");
    let start = text.find("ip access-list extended").expect("a list");
    let end = text.find("line con 0").expect("lines");
    place.edit(path, &text[start..end], "");
    place.commit("much less");
    let planned = place
        .netkeel("plan edge-lon-2 --ref main --json")
        .code(6)
        .json();
    let id = planned["devices"][0]["plan"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    place
        .netkeel("apply edge-lon-2 --yes")
        .code(6)
        .says("large_deletion");
    place
        .netkeel(&format!("accept deletion {id} edge-lon-2 --why test"))
        .code(2)
        .says("it deletes");
    place
        .netkeel(&format!("accept deletion {id} edge-lon-2 --why test --yes"))
        .code(0);
    place
        .netkeel("plan edge-lon-2 --ref main --fail-on never")
        .code(0);
}

fn rewrite(place: &Place) {
    place.netkeel("run --once --fail-on never").code(0);
    place.git(&["reset", "-q", "--hard", "HEAD~1"]);
    place.git(&["commit", "-q", "--allow-empty", "-m", "another story"]);
    place
        .netkeel("plan edge-lon-1 --ref main")
        .code(6)
        .says("rewritten_branch");
    place
        .netkeel("apply edge-lon-1 --yes")
        .code(6)
        .says("netkeel accept branch");
    place
        .netkeel("accept branch --why cleaned --yes")
        .code(0)
        .says("another story");
    place.netkeel("plan edge-lon-1 --ref main").code(0);
    place
        .netkeel("accept branch --why cleaned --yes")
        .code(0)
        .says("was not rewritten");
}

fn other_keys(place: &mut Place) {
    place.start(&[]);
    place
        .netkeel("plan core-lon-1 --strict-data")
        .code(5)
        .says("host key");
    place
        .netkeel("plan core-lon-1 --strict-data")
        .code(5)
        .says("on hold");
    place
        .netkeel("accept host-key core-lon-1 --why new~card --yes")
        .code(0);
    place
        .netkeel("plan core-lon-1 --strict-data")
        .code(0)
        .says("in line");
    let hosts = place.netkeel("inventory core-lon-1 --json").code(0).json();
    let address = hosts["hosts"]["core-lon-1"]["hostname"]
        .as_str()
        .expect("an address")
        .to_owned();
    let line = format!(
        "try netkeel@{address}:2222 --known-hosts .netkeel/known_hosts --password-stdin --show"
    );
    let ran = run(&place.root(), &line, "netkeel-sim\n")
        .code(0)
        .says("FRRouting")
        .says("nothing was written");
    assert!(ran.out.contains("\u{27e6}sealed:") && !ran.out.contains("under-the-keel"));
    let wrong =
        format!("try netkeel@{address}:2222 --known-hosts .netkeel/known_hosts --password-stdin");
    run(&place.root(), &wrong, "wrong\n")
        .code(1)
        .says("login as `netkeel` refused");
}

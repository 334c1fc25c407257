//! Simulated devices over real sockets, seen by a real SSH client.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use netkeel::sim::command::{self, Arguments};
use netkeel::sim::{DeviceInfo, DeviceSpec, Faults, Fleet, FleetOptions, Pace, Platform, Refuse};
use russh::client::{self, AuthResult};
use russh::{Channel, ChannelMsg, Disconnect};

const CONFIG: &str = "\
hostname {name}
archive
 path flash:archive
interface Loopback0
 description mgmt
 ip address 10.255.0.1 255.255.255.255
 ip access-group MGMT in
ip access-list extended MGMT
 permit tcp any any eq 22
end
";

/// Longest wait for something that has to happen.
const SOON: Duration = Duration::from_secs(20);
/// How long silence has to last to count as silence.
const SILENCE: Duration = Duration::from_millis(300);

struct Client;

impl client::Handler for Client {
    type Error = russh::Error;
    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

struct Shell {
    handle: client::Handle<Client>,
    channel: Channel<client::Msg>,
}

async fn login(device: &DeviceInfo, password: &str) -> Result<client::Handle<Client>, String> {
    let address = (device.address.as_str(), device.port);
    let mut handle = client::connect(Arc::default(), address, Client)
        .await
        .map_err(|e| e.to_string())?;
    match handle
        .authenticate_password(&device.username, password)
        .await
    {
        Ok(AuthResult::Success) => Ok(handle),
        Ok(AuthResult::Failure { .. }) => Err("refused".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

impl Shell {
    async fn open(device: &DeviceInfo) -> Self {
        let handle = login(device, &device.password).await.expect("a login");
        let channel = handle.channel_open_session().await.expect("a channel");
        channel
            .request_pty(true, "vt100", 80, 24, 0, 0, &[])
            .await
            .expect("a terminal");
        channel.request_shell(true).await.expect("a shell");
        Self { handle, channel }
    }

    /// Reads until the text ends so; `None` if the connection ends or silence sets in first.
    async fn until(&mut self, end: &str, patience: Duration) -> Option<String> {
        let mut text = String::new();
        while !text.ends_with(end) {
            match tokio::time::timeout(patience, self.channel.wait()).await {
                Ok(Some(ChannelMsg::Data { data })) => {
                    text.push_str(&String::from_utf8_lossy(&data));
                }
                Ok(Some(ChannelMsg::Eof | ChannelMsg::Close) | None) | Err(_) => return None,
                Ok(Some(_)) => {}
            }
        }
        Some(text)
    }

    async fn types(&mut self, line: &str, prompt: &str) -> String {
        self.send(line).await;
        self.until(prompt, SOON).await.expect("an answer")
    }

    async fn send(&self, line: &str) {
        self.channel
            .data(format!("{line}\n").as_bytes())
            .await
            .expect("sent");
    }
}

fn options(pace: Pace) -> FleetOptions {
    FleetOptions {
        pace,
        start: "2026-03-01T10:00:00Z".parse::<Timestamp>().expect("a time"),
    }
}

async fn one(pace: Pace) -> (Fleet, DeviceInfo) {
    let spec = DeviceSpec::new("r1", Platform::Ios, CONFIG);
    let fleet = Fleet::start(vec![spec], options(pace))
        .await
        .expect("a fleet");
    let device = fleet.device("r1").expect("the device");
    (fleet, device)
}

#[tokio::test]
async fn a_session_configures_and_reads_back() {
    let (fleet, device) = one(Pace::Real).await;
    let mut shell = Shell::open(&device).await;
    shell.until("r1#", SOON).await.expect("a prompt");
    shell.types("terminal length 0", "r1#").await;
    shell.types("configure terminal", "(config)#").await;
    shell.types("interface Loopback0", "(config-if)#").await;
    shell.types("mtu 1400", "(config-if)#").await;
    shell.types("end", "r1#").await;
    let shown = shell.types("show running-config", "r1#").await;
    assert!(
        shown.contains("\r\n mtu 1400\r\n") && shown.contains("by netkeel"),
        "{shown}"
    );
    assert!(
        fleet
            .running("r1")
            .expect("running")
            .contains("\n mtu 1400\n")
    );
    shell
        .handle
        .disconnect(Disconnect::ByApplication, "", "")
        .await
        .expect("closed");
    fleet.shutdown().await;
}

#[tokio::test]
async fn logins_are_checked_and_exec_requests_answered() {
    let (fleet, device) = one(Pace::Real).await;
    assert_eq!(
        login(&device, "wrong").await.err().as_deref(),
        Some("refused")
    );
    let handle = login(&device, &device.password).await.expect("a login");
    let mut channel = handle.channel_open_session().await.expect("a channel");
    channel.exec(true, "show privilege").await.expect("sent");
    let mut text = String::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            text.push_str(&String::from_utf8_lossy(&data));
        }
    }
    assert_eq!(text, "\r\nCurrent privilege level is 15\r\n");
    drop(fleet);
}

#[tokio::test]
async fn a_change_that_cuts_the_controller_off_is_undone_by_the_timer() {
    let (fleet, device) = one(Pace::Stepped).await;
    let base = fleet.running("r1").expect("running");
    let mut shell = Shell::open(&device).await;
    shell.until("r1#", SOON).await.expect("a prompt");
    shell
        .types("configure terminal revert timer 1", "(config)#")
        .await;
    shell
        .types("ip access-list extended MGMT", "(config-ext-nacl)#")
        .await;
    shell.send("5 deny tcp any any eq 22").await;
    assert_eq!(
        shell.until("(config-ext-nacl)#", SILENCE).await,
        None,
        "the session stalls"
    );
    let mut fresh = Box::pin(login(&device, &device.password));
    assert!(
        tokio::time::timeout(SILENCE, &mut fresh).await.is_err(),
        "a new one gets no answer"
    );
    assert_ne!(fleet.running("r1").expect("running"), base);
    fleet.step(Duration::from_secs(59));
    assert_ne!(fleet.running("r1").expect("running"), base);
    fleet.step(Duration::from_secs(1));
    assert_eq!(fleet.running("r1").expect("running"), base);
    assert!(fresh.await.is_ok(), "reachable again");
    assert!(
        shell.until("(config-ext-nacl)#", SOON).await.is_some(),
        "and the old session goes on"
    );
    drop(fleet);
}

#[tokio::test]
async fn the_clock_can_run_faster() {
    let (fleet, _device) = one(Pace::Times(6000.0)).await;
    let base = fleet.running("r1").expect("running");
    fleet
        .type_as_user(
            "r1",
            "alice",
            &["end", "configure terminal revert timer 1", "hostname x"],
        )
        .expect("typed");
    assert!(fleet.running("r1").expect("running").contains("hostname x"));
    let waited = tokio::time::timeout(SOON, async {
        while fleet.running("r1").expect("running") != base {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok());
}

#[tokio::test]
async fn faults_follow_their_script() {
    let (fleet, device) = one(Pace::Real).await;
    let refuse = Refuse {
        line: 2,
        text: "% nope".to_owned(),
    };
    let faults = Faults {
        refuse: Some(refuse),
        slow_ms: Some(1),
        prompt_in_banner: true,
        garbage: true,
        ..Faults::default()
    };
    fleet.set_faults("r1", faults).expect("set");
    let mut shell = Shell::open(&device).await;
    let greeting = shell.until("r1#", SOON).await.expect("a prompt");
    assert!(
        greeting.contains('\u{fffd}') || greeting.contains("Type r1#"),
        "{greeting:?}"
    );
    shell.types("configure terminal", "(config)#").await;
    shell.types("interface Loopback0", "(config-if)#").await;
    assert!(
        shell
            .types("mtu 1400", "(config-if)#")
            .await
            .contains("% nope")
    );
    fleet
        .set_faults(
            "r1",
            Faults {
                drop_after_commit: true,
                ..Faults::default()
            },
        )
        .expect("set");
    shell.types("mtu 1300", "(config-if)#").await;
    shell.send("end").await;
    assert_eq!(shell.until("r1#", SOON).await, None, "cut");
    fleet
        .set_faults(
            "r1",
            Faults {
                stall_at: Some(2),
                truncate: Some(5),
                ..Faults::default()
            },
        )
        .expect("set");
    let mut shell = Shell::open(&device).await;
    shell.until("r1#", SOON).await.expect("a prompt");
    let shown = shell.types("show running-config", "r1#").await;
    assert!(
        !shown.contains("\r\nend\r\n") && shown.contains("Current configuration"),
        "{shown}"
    );
    shell.send("show clock").await;
    assert_eq!(shell.until("r1#", SILENCE).await, None, "stalled");
}

#[tokio::test]
async fn devices_stop_restart_and_change_their_key() {
    let (mut fleet, device) = one(Pace::Real).await;
    fleet
        .type_as_user("r1", "alice", &["hostname unsaved"])
        .expect("typed");
    let mut shell = Shell::open(&device).await;
    shell.until("unsaved#", SOON).await.expect("a prompt");
    fleet.stop_device("r1").expect("stopped");
    assert_eq!(shell.until("never", SOON).await, None, "the session ends");
    fleet.restart_device("r1").await.expect("restarted");
    assert!(
        fleet
            .running("r1")
            .expect("running")
            .contains("hostname r1")
    );
    assert!(login(&device, &device.password).await.is_ok());
    fleet.rekey("r1").await.expect("a new key");
    assert_ne!(
        fleet.device("r1").expect("the device").host_key,
        device.host_key
    );
    assert!(
        device
            .known_hosts_line()
            .starts_with(&format!("[127.0.0.1]:{} ssh-ed25519 ", device.port))
    );
}

#[tokio::test]
async fn frr_greets_as_vtysh_and_stops_at_the_first_error_of_an_exec_request() {
    let spec = DeviceSpec::new("f1", Platform::Frr, "hostname f1\n");
    let fleet = Fleet::start(vec![spec], options(Pace::Real))
        .await
        .expect("a fleet");
    let device = fleet.device("f1").expect("the device");
    let mut shell = Shell::open(&device).await;
    let greeting = shell.until("f1# ", SOON).await.expect("a prompt");
    assert!(
        greeting.starts_with("\r\nHello, this is FRRouting (version 8.4.4).\r\n"),
        "{greeting:?}"
    );
    let handle = login(&device, &device.password).await.expect("a login");
    let mut channel = handle.channel_open_session().await.expect("a channel");
    let command =
        "configure terminal\nip route 10.0.0.0/8 blackhole\nbogus\nip route 11.0.0.0/8 blackhole";
    channel.exec(true, command).await.expect("sent");
    let (mut text, mut status) = (String::new(), None);
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = &message {
            text.push_str(&String::from_utf8_lossy(data));
        }
        if let ChannelMsg::ExitStatus { exit_status } = message {
            status = Some(exit_status);
        }
    }
    assert_eq!(
        (text.as_str(), status),
        ("% Unknown command: bogus\n", Some(1))
    );
    let running = fleet.running("f1").expect("running");
    assert!(
        running.contains("10.0.0.0/8") && !running.contains("11.0.0.0/8"),
        "{running}"
    );
}

#[tokio::test]
async fn a_hundred_devices_are_listed_as_json() {
    let arguments = Arguments {
        platform: Some("ios".to_owned()),
        count: 100,
        listen: "127.0.0.1:0".parse().expect("an address"),
        ..Arguments::default()
    };
    let mut out = Vec::new();
    let start = "2026-03-01T10:00:00Z".parse().expect("a time");
    let fleet = command::run(&arguments, start, &mut out)
        .await
        .expect("a fleet");
    let lines: Vec<serde_json::Value> = String::from_utf8(out)
        .expect("text")
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[100], serde_json::json!({ "ready": 100 }));
    assert_eq!(lines[0]["name"], "ios1");
    assert_eq!(lines[0]["protocol"], "ssh");
    let logins = fleet
        .devices()
        .into_iter()
        .map(|d| async move { login(&d, &d.password).await.is_ok() });
    let mut set = tokio::task::JoinSet::new();
    logins.for_each(|l| {
        set.spawn(l);
    });
    assert!(set.join_all().await.into_iter().all(|ok| ok));
}
#[tokio::test]
async fn log_lines_reach_terminals_that_monitor() {
    let (fleet, device) = one(Pace::Stepped).await;
    let mut shell = Shell::open(&device).await;
    shell.until("r1#", SOON).await.expect("a prompt");
    shell.types("terminal monitor", "r1#").await;
    shell
        .types("configure terminal revert timer 2", "(config)#")
        .await;
    fleet.step(Duration::from_secs(60));
    let line = shell.until("configured\r\n", SOON).await.expect("a line");
    assert!(line.contains("ROLLBK_CNFMD_CHG_WARNING_ABSTIMER"), "{line}");
    fleet.step(Duration::from_secs(60));
    let line = shell.until("lock.\r\n", SOON).await.expect("a line");
    assert!(line.contains("Start rolling to: flash:archive-"), "{line}");
}

//! The engine against scripted devices, with the bytes cut at every place.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fake::{Fake, Reply};
use super::*;
use crate::device::DeviceError;
use crate::device::tests::{frr, ios};
use crate::model::SecretText;
use crate::pack::{ModeName, SessionSpec};

const SILENCE: Duration = Duration::from_secs(30);

fn engine(fake: Fake, spec: Arc<SessionSpec>) -> Engine {
    Engine::new("r1", Box::new(fake), spec, SILENCE)
}

const RUNNING: &str = "Building configuration...\n\n!\nhostname r1\nbanner motd ^C\nr1#\nr1>\nr1(config)#\n^C\n\
     *Nov 20 06:00:01.5 UTC: %SYS-5-CONFIG_I: Configured from console by vty0\n\
     interface Loopback0\n ip address 10.0.0.1 255.255.255.255\n!\nend\n";

fn running() -> String {
    let kept: Vec<&str> = RUNNING
        .split_inclusive('\n')
        .filter(|l| !l.contains("%SYS-5"))
        .collect();
    kept.concat()
}

/// An IOS router with a banner made to deceive.
fn router(cut: usize) -> Fake {
    Fake::new(
        "\r\nWelcome\r\nr1>\r\nr9(config)#\r\nr1#\r\n   authorised only\r\n\r\nr1#",
        |line| {
            Some(Reply::new(match line {
                "terminal length 0" | "terminal width 0" => "r1#".to_owned(),
                "show privilege" => "Current privilege level is 15\nr1#".to_owned(),
                "show running-config" => format!("{RUNNING}r1#"),
                mark if mark.starts_with("!nk") => "r1#".to_owned(),
                other => {
                    format!("       ^\n% Invalid input detected at '^' marker: {other}\n\nr1#")
                }
            }))
        },
    )
    .cut(cut)
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_read_whole_wherever_the_bytes_are_cut() {
    let spec = Arc::clone(&ios().session);
    for cut in 0..1400 {
        let mut engine = engine(router(cut), Arc::clone(&spec));
        engine.start().await.unwrap();
        let got = engine
            .read(&["show privilege", "show running-config"], "reading")
            .await
            .unwrap();
        assert_eq!(got[0], "Current privilege level is 15\n", "cut at {cut}");
        assert_eq!(got[1], running(), "cut at {cut}");
        assert_eq!(
            (engine.mode(), engine.host()),
            (ModeName::Exec, "r1"),
            "cut at {cut}"
        );
        let again = engine.read(&["show privilege"], "reading").await.unwrap();
        assert_eq!(again, ["Current privilege level is 15\n"], "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_names_command_and_answer_and_leaves_the_session_usable() {
    let mut engine = engine(router(usize::MAX), Arc::clone(&ios().session));
    engine.start().await.unwrap();
    let error = engine.read(&["show bogus"], "reading").await.unwrap_err();
    assert!(
        matches!(&error, DeviceError::Refused { line, answer, .. }
        if line == "show bogus" && answer.starts_with("% Invalid input")),
        "{error:?}"
    );
    assert!(engine.read(&["show privilege"], "reading").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_echoes_early_changes_no_output() {
    let spec = Arc::clone(&frr().session);
    for cut in 0..700 {
        let fake = Fake::new("Hello, this is FRRouting\r\nr1# ", |line| {
            Some(Reply::new(match line {
                "show running-config" => "hostname r1\nend\nr1# ",
                _ => "r1# ",
            }))
        });
        let mut engine = engine(fake.echoing_early().cut(cut), Arc::clone(&spec));
        engine.start().await.unwrap();
        let got = engine
            .read(&["show running-config"], "reading")
            .await
            .unwrap();
        assert_eq!(got, ["hostname r1\nend\n"], "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pager_is_turned_and_leaves_no_trace() {
    let spec = Arc::clone(&ios().session);
    for cut in 0..600 {
        let mut page = 0;
        let fake = Fake::new("r1#", move |line| {
            let erase = format!("{0}{1}{0}", "\x08".repeat(9), " ".repeat(8));
            Some(Reply::new(match line {
                "show running-config" => {
                    page = 1;
                    "one\n two\n --More-- ".to_owned()
                }
                " " if page == 1 => {
                    page = 2;
                    format!("{erase} three\n!\n --More-- ")
                }
                " " => format!("{erase}!\nend\nr1#"),
                _ => "r1#".to_owned(),
            }))
        });
        let mut engine = engine(fake.cut(cut), Arc::clone(&spec));
        engine.start().await.unwrap();
        let answer = engine
            .command(Line::open("show running-config"), "reading")
            .await
            .unwrap();
        assert_eq!(
            answer.text, "one\n two\n three\n!\n!\nend\n",
            "cut at {cut}"
        );
    }
}

fn asking(right: &'static str) -> Fake {
    let mut enabled = false;
    Fake::new("r1>", move |line| {
        Some(match line {
            "enable" => Reply::hidden("Password: "),
            secret if secret == right => {
                enabled = true;
                Reply::new("r1#")
            }
            mark if mark.starts_with("!nk") || mark.starts_with("terminal") => {
                Reply::new(if enabled { "r1#" } else { "r1>" })
            }
            "show privilege" => Reply::new("Current privilege level is 15\nr1#"),
            _ => Reply::hidden("Password: "),
        })
    })
}

#[tokio::test(start_paused = true)]
async fn enable_is_answered_with_its_secret() {
    let spec = Arc::clone(&ios().session);
    for cut in 0..200 {
        let mut engine = engine(asking("s3cret").cut(cut), Arc::clone(&spec));
        engine.enable_with(SecretText::new("s3cret"));
        engine.start().await.unwrap();
        let got = engine.read(&["show privilege"], "reading").await.unwrap();
        assert_eq!(got, ["Current privilege level is 15\n"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_enable_secret_is_sent_once_only() {
    let fake = asking("right");
    let heard = Arc::clone(&fake.heard);
    let mut engine = engine(fake, Arc::clone(&ios().session));
    engine.enable_with(SecretText::new("wrong"));
    assert!(
        matches!(engine.start().await, Err(DeviceError::Auth { username, .. }) if username == "enable")
    );
    let sent = heard
        .lock()
        .unwrap()
        .iter()
        .filter(|l| *l == "wrong")
        .count();
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shell_login_is_led_into_vtysh() {
    let mut inside = false;
    let fake = Fake::new("Linux r1\r\n\x1b[?2004hroot@r1:~# ", move |line| {
        inside |= line == "vtysh";
        Some(Reply::new(match (line, inside) {
            ("vtysh", _) => "\nHello, this is FRRouting (version 8.4.4).\n\nr1# ".to_owned(),
            ("show version", true) => "FRRouting 8.4.4 (r1)\nr1# ".to_owned(),
            (_, true) => "r1# ".to_owned(),
            (other, false) => format!("-bash: {other}: event not found\nroot@r1:~# "),
        }))
    });
    let mut engine = engine(fake, Arc::clone(&frr().session));
    engine.start().await.unwrap();
    assert_eq!(
        engine.read(&["show version"], "reading").await.unwrap(),
        ["FRRouting 8.4.4 (r1)\n"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_host_name_is_followed() {
    let mut host = "r1".to_owned();
    let mut config = false;
    let fake = Fake::new("r1#", move |line| {
        if let Some(name) = line.strip_prefix("hostname ") {
            name.clone_into(&mut host);
        }
        config = (config || line == "configure terminal") && line != "end";
        Some(Reply::new(format!(
            "{host}{}#",
            if config { "(config)" } else { "" }
        )))
    });
    let mut engine = engine(fake, Arc::clone(&ios().session));
    engine.start().await.unwrap();
    for (line, mode) in [
        ("configure terminal", ModeName::Config),
        ("hostname core-9", ModeName::Config),
        ("end", ModeName::Exec),
    ] {
        assert_eq!(
            engine
                .command(Line::open(line), "typing")
                .await
                .unwrap()
                .mode,
            mode
        );
    }
    assert_eq!(engine.host(), "core-9");
}

#[tokio::test(start_paused = true)]
async fn a_question_of_the_pack_is_answered() {
    let fake = Fake::new("r1#", |line| {
        Some(Reply::new(match line {
            "write memory" => "Overwrite the previous NVRAM configuration?[confirm]",
            "" => "Building configuration...\n[OK]\nr1#",
            _ => "r1#",
        }))
    });
    let mut engine = engine(fake, Arc::clone(&ios().session));
    engine.start().await.unwrap();
    let answer = engine
        .command(Line::open("write memory"), "saving")
        .await
        .unwrap();
    assert!(answer.text.contains("[OK]"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_timeout_and_a_hang_up_is_a_loss() {
    let quiet = |line: &str| (line != "show clock").then(|| Reply::new("r1#"));
    let mut lost = engine(Fake::new("r1#", quiet), Arc::clone(&ios().session));
    lost.start().await.unwrap();
    assert!(matches!(
        lost.read(&["show clock"], "reading").await,
        Err(DeviceError::Lost { .. })
    ));
    let silent = |line: &str| Some(Reply::new(if line == "show clock" { "" } else { "r1#" }));
    let hangs = Fake::new("r1#", move |line| match line {
        mark if mark.starts_with("!nk") && !mark.ends_with("-1") => Some(Reply::new("")),
        other => silent(other),
    });
    let mut hangs = engine(hangs, Arc::clone(&ios().session));
    hangs.start().await.unwrap();
    assert!(matches!(
        hangs.read(&["show clock"], "reading").await,
        Err(DeviceError::Timeout { seconds: 30, .. })
    ));
    assert!(matches!(
        hangs.read(&["show clock"], "reading").await,
        Err(DeviceError::Poisoned { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_prompt_is_shown() {
    let mut engine = engine(Fake::new("login: ", |_| None), Arc::clone(&ios().session));
    let error = engine.start().await.unwrap_err();
    assert!(
        matches!(&error, DeviceError::Protocol { answer, .. } if answer.contains("login:")),
        "{error:?}"
    );
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_session_log_holds_no_secret_wherever_the_bytes_are_cut() {
    let spec = Arc::clone(&frr().session);
    for cut in 0..300 {
        let fake = Fake::new("r1# ", |line| {
            Some(Reply::new(match line {
                "neighbor 192.0.2.1 password hunter2" => {
                    "% Unknown command: neighbor 192.0.2.1 password hunter2\nr1# "
                }
                "show running-config" => "password hunter3\nr1# ",
                _ => "r1# ",
            }))
        });
        let mut engine = engine(fake.cut(cut), Arc::clone(&spec));
        let kept = Kept::default();
        engine.log_to(SessionLog::new(Box::new(kept.clone())));
        engine.start().await.unwrap();
        let (text, shown) = (
            "neighbor 192.0.2.1 password hunter2",
            "neighbor 192.0.2.1 password ⟦secret:bgp⟧",
        );
        engine.redactor().learn_line(text, shown);
        let answer = engine
            .command(Line { text, shown }, "typing")
            .await
            .unwrap();
        let error = engine.refused(shown, &answer.text);
        assert!(
            !format!("{error} {error:?}").contains("hunter"),
            "{error:?}"
        );
        engine
            .read(&["show running-config"], "reading")
            .await
            .unwrap();
        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(
            log.contains("> neighbor 192.0.2.1 password ⟦secret:bgp⟧"),
            "{log}"
        );
        assert!(log.contains("password [secret]"), "{log}");
        assert!(!log.contains("hunter"), "{log}");
    }
}

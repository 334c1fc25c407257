use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::{SecretError, SecretName, SecretSource as _};

#[derive(Default)]
struct Surroundings(BTreeMap<&'static str, String>, bool);

impl Environment for Surroundings {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
    fn is_root(&self) -> bool {
        self.1
    }
}

fn at_home() -> Surroundings {
    Surroundings(BTreeMap::from([("HOME", "/home/ada".to_owned())]), false)
}

/// Writes `text` as `./netkeel.yaml` of a folder and loads it.
fn load(text: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("netkeel.yaml"), text).expect("a writable folder");
    let layers = Layers {
        working_folder: folder.path().to_owned(),
        ..Layers::default()
    };
    layers.load(&at_home())
}

fn problem(text: &str) -> String {
    match load(text) {
        Err(SettingsError::Invalid(problems)) => {
            let first = problems.first().expect("a problem").to_string();
            match first.find("netkeel.yaml") {
                Some(at) => first[at..].to_owned(),
                None => first,
            }
        }
        other => panic!("expected a problem, got {other:?}"),
    }
}

#[test]
fn without_a_file_the_defaults_hold() {
    let settings = Layers {
        working_folder: "/nowhere".into(),
        ..Layers::default()
    }
    .load(&at_home())
    .unwrap();
    assert_eq!(settings.repository.reference, "main");
    assert_eq!(settings.state, Path::new("/home/ada/.local/state/netkeel"));
    assert_eq!(settings.run.listen.to_string(), "127.0.0.1:9860");
    assert_eq!(settings.run.interval, Duration::from_secs(900));
    assert_eq!(settings.run.stale_after(), Duration::from_secs(2250));
    assert_eq!(
        (settings.limits.concurrency, settings.limits.per_site),
        (64, 32)
    );
    assert_eq!(settings.ssh.host_keys, HostKeys::Strict);
    assert!(settings.rollout.enabled);
}

#[test]
fn state_follows_root_and_xdg() {
    let layers = Layers {
        working_folder: "/nowhere".into(),
        ..Layers::default()
    };
    let mut surroundings = at_home();
    surroundings
        .0
        .insert("XDG_STATE_HOME", "/srv/state".to_owned());
    assert_eq!(
        layers.load(&surroundings).unwrap().state,
        Path::new("/srv/state/netkeel")
    );
    surroundings.1 = true;
    assert_eq!(
        layers.load(&surroundings).unwrap().state,
        Path::new("/var/lib/netkeel")
    );
    let nothing = Surroundings::default();
    let error = layers.load(&nothing).unwrap_err().to_string();
    assert!(error.contains("--state DIR"), "{error}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netkeel.yaml");
    std::fs::write(
        &file,
        "repository: {url: /file, ref: file}\nrun: {interval: 1m}\n",
    )
    .unwrap();
    let mut surroundings = at_home();
    surroundings
        .0
        .insert("NETKEEL_REPO", "/environment".to_owned());
    surroundings.0.insert("NETKEEL_INTERVAL", "2m".to_owned());
    let layers = Layers {
        file: Some(file),
        flags: Overrides {
            repository: Some("/flag".to_owned()),
            ..Overrides::default()
        },
        ..Layers::default()
    };
    let settings = layers.load(&surroundings).unwrap();
    assert_eq!(settings.repository.url.as_deref(), Some("/flag"));
    assert_eq!(settings.run.interval, Duration::from_secs(120));
    assert_eq!(settings.repository.reference, "file");
}

#[test]
fn a_bad_variable_is_named() {
    let mut surroundings = at_home();
    surroundings.0.insert("NETKEEL_INTERVAL", "15".to_owned());
    surroundings
        .0
        .insert("NETKEEL_LOG_FORMAT", "xml".to_owned());
    let layers = Layers {
        working_folder: "/nowhere".into(),
        ..Layers::default()
    };
    let error = layers.load(&surroundings).unwrap_err().to_string();
    assert!(
        error.contains("NETKEEL_INTERVAL: `15` is not a duration"),
        "{error}"
    );
    assert!(error.contains("NETKEEL_LOG_FORMAT: `xml`"), "{error}");
}

#[test]
fn a_named_file_must_exist() {
    let layers = Layers {
        file: Some("/nowhere/x.yaml".into()),
        ..Layers::default()
    };
    let error = layers.load(&at_home()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "settings file `/nowhere/x.yaml` cannot be read"
    );
}

#[test]
fn faults_name_file_line_and_column_and_guess() {
    let cases = [
        (
            "repository:\n  url: x\n  reff: main\n",
            "netkeel.yaml:3:3: repository: unknown field `reff` (hint: did you mean `ref`?)",
        ),
        (
            "limit: {}\n",
            "netkeel.yaml:1:1: unknown field `limit` (hint: did you mean `limits`?)",
        ),
        (
            "run:\n  interval: 15\n",
            "netkeel.yaml:2:13: run.interval: `15` is not a duration; write it as `30s`, `15m` or `1h30m`",
        ),
        (
            "limits:\n  concurrency: 0\n",
            "netkeel.yaml:2:16: limits.concurrency: must be at least 1",
        ),
        (
            "ssh:\n  host_keys: accept-nw\n",
            "netkeel.yaml:2:14: ssh.host_keys: unknown variant `accept-nw` (hint: did you mean `accept-new`?)",
        ),
        (
            "repository:\n  token: s3cr3t\n",
            "repository.token: secret `s3cr3t` is not defined under `secrets` (hint: this key takes the name of a secret, never its value)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problem(text), expected);
    }
}

#[test]
fn a_secret_says_where_it_is_and_who_may_have_it() {
    let cases = [
        (
            "secrets:\n  a: {file: /x}\n",
            "says not to whom it may be sent",
        ),
        (
            "secrets:\n  a: {to: all}\n",
            "exactly one of `file`, `env` and `command`, not 0",
        ),
        ("secrets:\n  a: {file: /x, env: Y, to: all}\n", "not 2"),
        ("secrets:\n  a: {env: X, to: {}}\n", "permits nobody"),
        (
            "secrets:\n  a: {env: X, to: everyone}\n",
            "there is `to: all`",
        ),
        (
            "secrets:\n  a: {command: [], to: all}\n",
            "`command` is empty",
        ),
        (
            "secrets:\n  a: {env: X, to: all}\n  a: {env: Y, to: all}\n",
            "`a` is there twice",
        ),
        (
            "secrets:\n  'a b': {env: X, to: all}\n",
            "`a b` is not a secret name",
        ),
        (
            "secrets:\n  a: {env: X, to: {hosts: ['[']}}\n",
            "secrets.a.to.hosts",
        ),
        (
            "secrets:\n  a: {env: X, to: {host: [r1]}}\n",
            "did you mean `hosts`",
        ),
        (
            "repository: {token: a}\nsecrets:\n  a: {env: X, to: all}\n",
            "may not be sent to the Git server",
        ),
    ];
    for (text, expected) in cases {
        let shown = problem(text);
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml");
    let text = "repository: {url: ../repo, ca_file: ca.pem}\nstate: state\n\
                ssh: {known_hosts: ~/.ssh/known}\nsecrets:\n  a: {file: a.txt, to: all}\n";
    std::fs::write(&file, text).unwrap();
    let layers = Layers {
        file: Some(file),
        ..Layers::default()
    };
    let settings = layers.load(&at_home()).unwrap();
    assert_eq!(settings.state, folder.path().join("state"));
    assert_eq!(
        settings.repository.ca_file,
        Some(folder.path().join("ca.pem"))
    );
    assert_eq!(
        settings.ssh.known_hosts.as_deref(),
        Some(Path::new("/home/ada/.ssh/known"))
    );
    assert_eq!(
        settings.repository.url,
        Some(folder.path().join("../repo").display().to_string())
    );
    for remote in ["https://x/y", "git@host:path/x", "ssh://h/p", "file:///x"] {
        let text = format!("repository: {{url: \"{remote}\"}}\n");
        assert_eq!(load(&text).unwrap().repository.url.as_deref(), Some(remote));
    }
}

#[test]
fn an_empty_or_commented_file_is_the_defaults() {
    for text in ["", "# nothing\n", "---\n# nothing\n"] {
        assert_eq!(load(text).unwrap().repository.reference, "main");
    }
}

#[test]
fn units_read_and_write() {
    for (text, millis) in [
        ("250ms", 250),
        ("30s", 30_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
    ] {
        let duration = parse_duration(text).unwrap();
        assert_eq!(duration.as_millis(), millis);
        assert_eq!(format_duration(duration), text);
    }
    for bad in ["", "15", "m", "1x", "-1s", "99999999999999999999d", "1.5h"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
    for (text, bytes) in [
        ("8MiB", 8 << 20),
        ("1GiB", 1 << 30),
        ("100B", 100),
        ("64KiB", 65536),
    ] {
        assert_eq!(parse_bytes(text).unwrap(), bytes);
        assert_eq!(format_bytes(bytes), text);
    }
    assert!(parse_bytes("8MB").is_err());
}

fn secrets(text: &str) -> SettingsSecrets {
    SettingsSecrets::new(&load(text).expect("valid settings"))
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).expect("a name")
}

#[test]
fn only_those_permitted_get_a_secret() {
    let source = secrets(
        "secrets:\n  p: {command: [printf, abc], to: {hosts: ['r*'], groups: [edge]}}\n  \
         g: {command: [printf, tok], to: {git: true}}\n",
    );
    assert_eq!(
        source.resolve(&name("p"), "r1", &[]).unwrap().expose(),
        "abc"
    );
    assert_eq!(
        source
            .resolve(&name("p"), "x", &["edge".into()])
            .unwrap()
            .expose(),
        "abc"
    );
    for (secret, device) in [("p", "x"), ("g", "r1"), ("g", "git")] {
        let error = source
            .resolve(&name(secret), device, &["core".into()])
            .unwrap_err();
        assert!(
            matches!(error, SecretError::NotPermitted { .. }),
            "{secret} {device}"
        );
    }
    assert_eq!(source.resolve_for_git(&name("g")).unwrap().expose(), "tok");
    assert!(source.resolve_for_git(&name("p")).is_err());
    assert!(matches!(
        source.resolve(&name("q"), "r1", &[]),
        Err(SecretError::Unknown(_))
    ));
}

#[test]
fn a_file_everybody_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    std::fs::write(&path, "hunter2\r\n").unwrap();
    let text = format!("secrets:\n  p: {{file: '{}', to: all}}\n", path.display());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = secrets(&text)
        .resolve(&name("p"), "r1", &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("open to everybody (mode 0644)"), "{error}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let source = secrets(&text);
    assert_eq!(
        source.resolve(&name("p"), "r1", &[]).unwrap().expose(),
        "hunter2"
    );
    std::fs::write(&path, "\n").unwrap();
    assert_eq!(
        source.resolve(&name("p"), "r1", &[]).unwrap().expose(),
        "hunter2"
    );
    source.forget();
    let error = source
        .resolve(&name("p"), "r1", &[])
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("it is empty"), "{error}");
}

#[test]
fn commands_are_limited_and_never_quoted() {
    let source = secrets(
        "secrets:\n  slow: {command: [sh, -c, 'sleep 60 & sleep 60'], to: all}\n  \
         big: {command: [sh, -c, 'yes hunter2'], to: all}\n  \
         bad: {command: [sh, -c, 'echo hunter2; echo hunter2 >&2; exit 3'], to: all}\n  \
         none: {command: [/nowhere/pw], to: all}\n  unset: {env: NETKEEL_TEST_UNSET, to: all}\n",
    )
    .with_timeout(Duration::from_millis(300));
    for (secret, expected) in [
        ("slow", "did not end within 300ms"),
        ("big", "prints more than 64 KiB"),
        ("bad", "failed: exit status: 3"),
        ("none", "command `/nowhere/pw`"),
        (
            "unset",
            "environment variable `NETKEEL_TEST_UNSET` is not set",
        ),
    ] {
        let error = source
            .resolve(&name(secret), "r1", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(!format!("{source:?}").contains("hunter2"));
}

/// The fields serde knows, from what it says about one it does not know.
fn fields(section: &str) -> Vec<String> {
    let text = match section {
        "" => "zzzzzzzz: 1\n".to_owned(),
        "secrets.NAME" => "secrets: {a: {zzzzzzzz: 1}}\n".to_owned(),
        "secrets.NAME.to" => "secrets: {a: {env: X, to: {zzzzzzzz: 1}}}\n".to_owned(),
        section => format!("{section}: {{zzzzzzzz: 1}}\n"),
    };
    let message = problem(&text);
    let known = message.split('`').skip(1).step_by(2).skip(1);
    known.map(str::to_owned).collect()
}

#[test]
fn every_key_is_documented_and_no_other() {
    let documentation = include_str!("../../docs/settings.md");
    let mut known = std::collections::BTreeSet::new();
    let top = fields("");
    assert!(top.len() > 8, "{top:?}");
    for section in top {
        match section.as_str() {
            "state" => {
                known.insert(section);
            }
            "secrets" => {
                for place in ["secrets.NAME", "secrets.NAME.to"] {
                    known.extend(fields(place).iter().map(|key| format!("{place}.{key}")));
                }
            }
            section => known.extend(fields(section).iter().map(|key| format!("{section}.{key}"))),
        }
    }
    let keys = documentation
        .split("## Environment")
        .next()
        .unwrap_or_default();
    let documented = keys
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(known, documented);
    for (variable, meaning) in VARIABLES {
        let row = format!("| `{variable}` | {} |", meaning.replace("`", ""));
        assert!(
            documentation.replace("`run`", "run").contains(&row),
            "{row}"
        );
    }
}

#[test]
fn the_example_is_valid_commented_and_uncommented() {
    let example = include_str!("../../netkeel.yaml");
    assert!(load(example).is_ok());
    let whole: Vec<&str> = example
        .lines()
        .filter(|line| !line.starts_with("# ") || line.starts_with("#  "))
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .collect();
    let whole = whole.join("\n");
    let (settings, defaults) = (load(&whole).unwrap(), Settings::default());
    assert_eq!(settings.secrets.len(), 5);
    // Where the example shows a default it is the default.
    assert_eq!(
        format!("{:?}", settings.limits),
        format!("{:?}", defaults.limits)
    );
    assert_eq!(
        format!("{:?}", settings.device),
        format!("{:?}", defaults.device)
    );
    assert_eq!(
        format!("{:?}", settings.rendering),
        format!("{:?}", defaults.rendering)
    );
    assert_eq!(
        format!("{:?}", settings.rollout),
        format!("{:?}", defaults.rollout)
    );
    assert_eq!(
        format!("{:?}", settings.rails),
        format!("{:?}", defaults.rails)
    );
    assert_eq!(
        format!("{:?}", settings.apply),
        format!("{:?}", defaults.apply)
    );
    assert_eq!(format!("{:?}", settings.log), format!("{:?}", defaults.log));
    assert_eq!(settings.run.stale_after(), defaults.run.stale_after());
    assert_eq!(settings.repository.max_file, defaults.repository.max_file);
    assert_eq!(settings.repository.timeout, defaults.repository.timeout);
    // … and it shows every key.
    for section in [
        "repository",
        "ssh",
        "limits",
        "device",
        "run",
        "rendering",
        "rails",
        "log",
    ] {
        for key in fields(section) {
            assert!(
                whole.contains(&format!("\n  {key}: ")),
                "{section}.{key} is not in netkeel.yaml"
            );
        }
    }
}

use super::*;

fn env() -> Environment {
    Environment {
        home: PathBuf::from("/home/ann"),
        user: "ann".to_owned(),
    }
}

fn resolved(text: &str, host: &str) -> HostConfig {
    SshConfig::parse(text, &env())
        .unwrap()
        .resolve(host, &env())
}

#[test]
fn the_first_value_counts_and_identities_add_up() {
    let text = "Host r1\n  HostName 10.0.0.1\n  Port=2222\n  User \"net ops\"\n  IdentityFile ~/.ssh/r1\n\
                Host r* !r9\n  Port 22\n  User other\n  IdentityFile /keys/%r-%h\n  UserKnownHostsFile ~/kh /etc/kh\n\
                Host *\n  ProxyJump admin@bastion:2200\n";
    let r1 = resolved(text, "r1");
    assert_eq!(r1.hostname, "10.0.0.1");
    assert_eq!(r1.port, Some(2222));
    assert_eq!(r1.user.as_deref(), Some("net ops"));
    assert_eq!(
        r1.identity_files,
        [
            PathBuf::from("/home/ann/.ssh/r1"),
            PathBuf::from("/keys/net ops-10.0.0.1")
        ]
    );
    assert_eq!(
        r1.known_hosts,
        Some(vec![
            PathBuf::from("/home/ann/kh"),
            PathBuf::from("/etc/kh")
        ])
    );
    let jump = r1.proxy_jump.unwrap();
    assert_eq!(
        (jump.user.as_deref(), jump.host.as_str(), jump.port),
        (Some("admin"), "bastion", Some(2200))
    );
    let r9 = resolved(text, "r9");
    assert_eq!((r9.hostname.as_str(), r9.port, r9.user), ("r9", None, None));
}

#[test]
fn values_before_any_host_hold_for_all_and_come_first() {
    let r = resolved("User root # really\nHost *\nUser other\n", "x");
    assert_eq!(r.user.as_deref(), Some("root"));
}

#[test]
fn proxy_jump_none_and_ipv6() {
    let text = "Host a\nProxyJump none\nHost *\nProxyJump [2001:db8::1]:22\n";
    assert_eq!(resolved(text, "a").proxy_jump, None);
    let jump = resolved(text, "b").proxy_jump.unwrap();
    assert_eq!((jump.host.as_str(), jump.port), ("2001:db8::1", Some(22)));
    assert!(SshConfig::parse("ProxyJump a,b\n", &env()).is_err());
}

#[test]
fn match_blocks_are_passed_over_with_a_note() {
    let config =
        SshConfig::parse("Match exec \"true\"\nUser bad\nMatch all\nPort 2\n", &env()).unwrap();
    assert_eq!(config.notes().len(), 1);
    let r = config.resolve("x", &env());
    assert_eq!((r.user, r.port), (None, Some(2)));
}

#[test]
fn faults_name_file_and_line() {
    let error = SshConfig::parse("Host x\nPort many\n", &env()).unwrap_err();
    assert_eq!(error.to_string(), "ssh_config:2: `many` is not a port");
    assert!(SshConfig::parse("User \"x\n", &env()).is_err());
}

#[test]
fn includes_are_read_in_order_under_the_block_they_stand_in() {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment {
        home: dir.path().to_owned(),
        user: "ann".to_owned(),
    };
    fs::create_dir_all(dir.path().join(".ssh/conf.d")).unwrap();
    let write =
        |name: &str, text: &str| fs::write(dir.path().join(".ssh").join(name), text).unwrap();
    write("conf.d/2.conf", "Port 2\n");
    write("conf.d/1.conf", "Host r1\nPort 1\n");
    write("config", "Host r*\nInclude conf.d/*.conf\nUser u\n");
    let config = SshConfig::read(&dir.path().join(".ssh/config"), &env, false).unwrap();
    assert_eq!(config.resolve("r1", &env).port, Some(1));
    assert_eq!(config.resolve("r2", &env).port, Some(2));
    assert_eq!(config.resolve("r2", &env).user.as_deref(), Some("u"));
    assert_eq!(config.resolve("x1", &env).port, None);
    write("loop", "Include loop\n");
    assert!(SshConfig::read(&dir.path().join(".ssh/loop"), &env, false).is_err());
}

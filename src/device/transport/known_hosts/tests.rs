use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHtft0Eo6LfWxZNJP8OV+WThFr1WB/hezLZGHCk0zirF";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDMTtsF41wyvgokXzAWkh5vPm0C3NE+I+XipI4w4i/it";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).expect("a key")
}

fn hosts(text: &str) -> (tempfile::TempDir, KnownHosts) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("known_hosts");
    fs::write(&path, text).expect("a file");
    (dir, KnownHosts::new(vec![path]))
}

fn judge(text: &str, host: &str, port: u16) -> Verdict {
    hosts(text).1.judge(host, port, &key(A)).unwrap()
}

#[test]
fn plain_names_ports_addresses_and_patterns() {
    assert_eq!(
        judge(&format!("r1,10.0.0.1 {A}"), "10.0.0.1", 22),
        Verdict::Known
    );
    assert_eq!(
        judge(
            &format!("R1.Example.NET {A} a comment"),
            "r1.example.net",
            22
        ),
        Verdict::Known
    );
    assert_eq!(judge(&format!("[r1]:2222 {A}"), "r1", 2222), Verdict::Known);
    assert_eq!(
        judge(&format!("2001:db8::1 {A}"), "2001:db8::1", 22),
        Verdict::Known
    );
    assert_eq!(
        judge(&format!("[2001:db8::1]:2222\t{A}"), "2001:db8::1", 2222),
        Verdict::Known
    );
    assert_eq!(
        judge(&format!("*.lab,!bad.lab {A}"), "r1.lab", 22),
        Verdict::Known
    );
    assert!(matches!(
        judge(&format!("*.lab,!bad.lab {A}"), "bad.lab", 22),
        Verdict::Unknown(_)
    ));
    assert!(matches!(
        judge(&format!("r1 {A}"), "r1", 2222),
        Verdict::Unknown(_)
    ));
    assert!(matches!(
        judge(&format!("# r1 {A}\n\nbroken line\n"), "r1", 22),
        Verdict::Unknown(_)
    ));
}

#[test]
fn hashed_names_are_found() {
    // Made by `ssh-keygen -H` of OpenSSH 9.2 from `[127.0.31.1]:2322`.
    let line = format!("|1|gbzkHvSFAI1WFvJO1QCIKezhwhQ=|h0dERv+eL/pZ/Gw+CVtz+tc2Ioo= {A}");
    assert_eq!(judge(&line, "127.0.31.1", 2322), Verdict::Known);
    assert!(matches!(
        judge(&line, "127.0.31.2", 2322),
        Verdict::Unknown(_)
    ));
}

#[test]
fn another_key_is_refused_with_both_fingerprints_and_the_place() {
    let Verdict::Refused(why) = judge(&format!("# one\nr1 {B}\n"), "r1", 22) else {
        panic!("refused");
    };
    assert!(why.contains(&fingerprint(&key(B))), "{why}");
    assert!(why.contains("known_hosts:2"), "{why}");
}

#[test]
fn one_matching_key_of_several_is_enough() {
    assert_eq!(
        judge(&format!("r1 {B}\nr1 {A}\n"), "r1", 22),
        Verdict::Known
    );
}

#[test]
fn a_revoked_key_is_refused_even_if_also_known() {
    let text = format!("r1 {A}\n@revoked * {A}\n");
    assert!(matches!(judge(&text, "r1", 22), Verdict::Refused(why) if why.contains("revoked")));
}

#[test]
fn a_certificate_authority_is_named_as_not_supported() {
    let text = format!("@cert-authority *.lab {B}\n");
    assert!(
        matches!(judge(&text, "r1.lab", 22), Verdict::Unknown(why) if why.contains("not supported"))
    );
}

#[test]
fn a_server_is_added_once_and_known_afterwards() {
    let (_dir, files) = hosts(&format!("other {B}"));
    files.add("r1", 2222, &key(A)).unwrap();
    assert_eq!(files.judge("r1", 2222, &key(A)).unwrap(), Verdict::Known);
    let text = fs::read_to_string(&files.paths[0]).unwrap();
    assert_eq!(text, format!("other {B}\n[r1]:2222 {A}\n"));
    assert_eq!(files.algorithms("r1", 2222).unwrap(), [Algorithm::Ed25519]);
}

#[test]
fn a_missing_file_is_made_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ssh/known_hosts");
    let files = KnownHosts::new(vec![path.clone()]);
    assert!(matches!(
        files.judge("r1", 22, &key(A)).unwrap(),
        Verdict::Unknown(_)
    ));
    files.add("r1", 22, &key(A)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn replacing_a_key_leaves_other_servers_alone() {
    let (_dir, files) = hosts(&format!("r1,r2 {B}\nr1 {B}\nr3 {B}\n"));
    files.replace("r1", 22, &key(A)).unwrap();
    let text = fs::read_to_string(&files.paths[0]).unwrap();
    assert_eq!(text, format!("r2 {B}\nr3 {B}\nr1 {A}\n"));
    let (_dir, files) = hosts(&format!("r* {B}\n"));
    assert!(files.replace("r1", 22, &key(A)).is_err());
}

//! Replays of hand-written commands, right and wrong ones.

use super::super::dialect::Dialect;
use super::super::document::Document;
use super::super::spec::DialectSpec;
use super::{replay, replay_toward};
use crate::model::Hazard;

#[derive(serde::Deserialize)]
struct Pack {
    config: DialectSpec,
}

fn dialect(platform: &str) -> Dialect {
    let text = match platform {
        "ios" => include_str!("../../pack/packs/ios.yaml"),
        _ => include_str!("../../pack/packs/frr.yaml"),
    };
    let pack: Pack = serde_yaml::from_str(text).expect("a built-in pack");
    Dialect::compile(&pack.config).expect("a built-in dialect")
}

const IOS: &str = "\
hostname r1
vrf definition blue
 rd 65000:1
interface GigabitEthernet0/1
 description uplink
 ip address 10.0.0.1 255.255.255.0
 ip address 10.0.1.1 255.255.255.0 secondary
 ip access-group EDGE in
 no ip proxy-arp
interface Loopback0
 ip address 10.255.0.1 255.255.255.255
router bgp 65001
 neighbor 10.0.0.2 remote-as 65002
 neighbor 10.0.0.2 description transit
 address-family ipv4
  neighbor 10.0.0.2 activate
  neighbor 10.0.0.2 prefix-list P in
 exit-address-family
ip route 10.9.0.0 255.255.0.0 10.0.0.2
ip access-list extended EDGE
 10 permit tcp any any eq www
 20 deny ip any any
ip prefix-list P seq 5 permit 10.0.0.0/8
route-map M permit 10
 set local-preference 200
banner motd ^C
hello
^C
line vty 0 4
 transport input ssh
end
";

/// What came of a replay.
#[derive(Debug)]
struct Out {
    document: Document,
    hazards: Vec<Hazard>,
    generic: Vec<String>,
}

fn types(platform: &str, base: &str, commands: &str) -> Result<Out, String> {
    let dialect = dialect(platform);
    let base = Document::parse(base, &dialect);
    let lines: Vec<&str> = commands.lines().collect();
    let out = replay(&base, &lines, &dialect).map_err(|e| e.to_string())?;
    let document = out.document();
    assert!(out.equals(&document), "the tree and its text mean the same");
    Ok(Out {
        document,
        hazards: out.hazards,
        generic: out.generic,
    })
}

/// The commands lead from IOS to the same text with replacements.
fn leads(commands: &str, changes: &[(&str, &str)]) -> Out {
    let want = changes.iter().fold(IOS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let out = types("ios", IOS, commands).expect("a replay");
    let want = Document::parse(&want, &dialect("ios"));
    assert_eq!(
        out.document.fingerprint(),
        want.fingerprint(),
        "{}",
        out.document.text()
    );
    out
}

fn fails(commands: &str) -> String {
    types("ios", IOS, commands).expect_err("an error")
}

#[test]
fn nothing_typed_changes_nothing() {
    let out = leads("", &[]);
    assert!(out.hazards.is_empty() && out.generic.is_empty());
    leads("\n \ninterface GigabitEthernet0/1\nexit", &[]);
}

#[test]
fn values_are_overwritten_and_sets_grow() {
    leads("hostname r2", &[("hostname r1", "hostname r2")]);
    leads(
        "interface GigabitEthernet0/1\n description new  text\n shutdown\n exit",
        &[("description uplink", "description new  text\n shutdown")],
    );
    leads(
        "ip route 10.8.0.0 255.255.0.0 10.0.0.2",
        &[(
            "ip route",
            "ip route 10.8.0.0 255.255.0.0 10.0.0.2\nip route",
        )],
    );
}

#[test]
fn lines_find_their_block() {
    // A line of the top level leaves the interface; a known block is entered again.
    leads(
        "interface GigabitEthernet0/1\nhostname r2\ninterface Loopback0\ndescription lo\nend",
        &[
            ("hostname r1", "hostname r2"),
            (
                "interface Loopback0",
                "interface Loopback0\n description lo",
            ),
        ],
    );
    leads(
        "router bgp 65001\naddress-family ipv4\nneighbor 10.0.0.2 prefix-list Q in\nexit-address-family\nneighbor 10.0.0.2 description x\nexit",
        &[
            ("prefix-list P in", "prefix-list Q in"),
            ("description transit", "description x"),
        ],
    );
    assert!(fails("exit\nhostname x").contains("leaves configuration mode"));
}

#[test]
fn negations_empty_slots() {
    leads(
        "interface GigabitEthernet0/1\nno description",
        &[(" description uplink\n", "")],
    );
    leads(
        "interface GigabitEthernet0/1\nno ip address 10.0.1.1 255.255.255.0 secondary",
        &[(" ip address 10.0.1.1 255.255.255.0 secondary\n", "")],
    );
    leads(
        "interface GigabitEthernet0/1\nip proxy-arp",
        &[(" no ip proxy-arp\n", "")],
    );
    leads("no banner motd", &[("banner motd ^C\nhello\n^C\n", "")]);
    leads(
        "no route-map M permit 10",
        &[("route-map M permit 10\n set local-preference 200\n", "")],
    );
    leads(
        "ip access-list extended EDGE\nno 10\n5 deny tcp any any eq 23",
        &[(
            "10 permit tcp any any eq www",
            "5 deny tcp any any eq telnet",
        )],
    );
    leads(
        "ip access-list extended EDGE\nno deny ip any any",
        &[(" 20 deny ip any any\n", "")],
    );
}

#[test]
fn what_cannot_be_is_an_error() {
    assert!(fails("interface Loopback0\nno description").contains("nothing it could take back"));
    assert!(fails("no ip route 10.8.0.0 255.255.0.0 10.0.0.2").contains("nothing"));
    assert!(fails("ip access-list extended EDGE\nno 30").contains("nothing"));
    assert!(
        fails("ip access-list extended EDGE\n10 permit ip any any")
            .contains("its number is taken by `10 permit tcp any any eq 80`")
    );
    assert!(fails("vrf definition blue\nrd 65000:2").contains("has to go first"));
    assert!(
        fails("interface Loopback0\nno ip address 10.255.0.2 255.255.255.255").contains("nothing")
    );
    assert_eq!(
        fails("hostname x\nno hostname y").split('`').nth(1),
        Some("no hostname y")
    );
}

#[test]
fn cascades_follow() {
    leads(
        "router bgp 65001\nno neighbor 10.0.0.2 remote-as 65002",
        &[
            (
                " neighbor 10.0.0.2 remote-as 65002\n neighbor 10.0.0.2 description transit\n",
                "",
            ),
            (
                "  neighbor 10.0.0.2 activate\n  neighbor 10.0.0.2 prefix-list P in\n",
                "",
            ),
        ],
    );
    leads(
        "interface GigabitEthernet0/1\nvrf forwarding blue",
        &[(
            " ip address 10.0.0.1 255.255.255.0\n ip address 10.0.1.1 255.255.255.0 secondary\n",
            " vrf forwarding blue\n",
        )],
    );
}

#[test]
fn literals_are_taken_whole() {
    leads(
        "banner motd #\ninterface Loopback0\nshutdown\n#",
        &[("\nhello\n", "\ninterface Loopback0\nshutdown\n")],
    );
    leads(
        "banner login #hi#",
        &[("banner motd", "banner login ^Chi^C\nbanner motd")],
    );
    assert!(fails("banner motd #\nno end").contains("no second `#`"));
}

#[test]
fn dangers_between_commands_are_named() {
    let out = types(
        "ios",
        IOS,
        "no ip access-list extended EDGE\nip access-list extended EDGE\n10 permit ip any any",
    );
    let hazards = out.expect("a replay").hazards;
    assert_eq!(hazards.len(), 2, "{hazards:?}");
    assert!(hazards[0].text.contains("after `no ip access-list extended EDGE`: acl EDGE is in use and undefined: everything passes"));
    assert!(
        hazards[1].text.contains("empty: everything passes"),
        "{hazards:?}"
    );
    let out = types(
        "ios",
        IOS,
        "router bgp 65001\nneighbor 10.0.0.2 route-map NEW out\nexit\nroute-map NEW permit 10",
    );
    let hazards = out.expect("a replay").hazards;
    assert!(
        hazards
            .iter()
            .any(|h| h.text.contains("route-map NEW is in use and undefined")),
        "{hazards:?}"
    );
    let out = types(
        "ios",
        IOS,
        "ip access-list extended EDGE\nno 20\n20 permit ip any any",
    );
    assert!(out.expect("a replay").hazards.is_empty());
}

#[test]
fn lines_no_rule_knows_are_named_and_kept() {
    let want = IOS.replace(
        "end\n",
        "frobnicate all\nno frobnicate some\ngadget one\n turn left\nend\n",
    );
    let dialect = dialect("ios");
    let (base, want) = (
        Document::parse(IOS, &dialect),
        Document::parse(&want, &dialect),
    );
    let commands = [
        "frobnicate all",
        "no frobnicate some",
        "gadget one",
        "turn left",
        "exit",
    ];
    let out = replay_toward(&want, &base, &commands, &dialect).expect("a replay");
    assert_eq!(out.generic, commands[..4]);
    assert_eq!(out.document().fingerprint(), want.fingerprint());
    let alone = replay(&base, &commands[2..], &dialect).expect("a replay");
    assert!(
        alone
            .document()
            .text()
            .contains("\ngadget one\n turn left\n")
    );
}

#[test]
fn how_a_negation_is_printed_the_goal_may_decide() {
    let dialect = dialect("ios");
    let with = Document::parse("hostname r\nip http server\nend\n", &dialect);
    let without = Document::parse("hostname r\nend\n", &dialect);
    let denied = Document::parse("hostname r\nno ip http server\nend\n", &dialect);
    let command = ["no ip http server"];
    let plain = replay(&with, &command, &dialect).expect("a replay");
    assert_eq!(plain.document().fingerprint(), denied.fingerprint());
    for goal in [&without, &denied] {
        let out = replay_toward(goal, &with, &command, &dialect).expect("a replay");
        assert_eq!(out.document().fingerprint(), goal.fingerprint());
    }
}

#[test]
fn frr_numbers_entries_and_leaves_blocks() {
    let base = "router bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n !\n address-family ipv4 unicast\n  network 10.0.0.0/8\n exit-address-family\nexit\nip prefix-list P seq 5 permit 10.0.0.0/8\nend\n";
    let commands = "router bgp 65001\naddress-family ipv4 unicast\nnetwork 11.0.0.0/8\nexit-address-family\nexit\nip prefix-list P permit 11.0.0.0/8\nip prefix-list P seq 7 permit 12.0.0.0/8";
    let want = "router bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n !\n address-family ipv4 unicast\n  network 10.0.0.0/8\n  network 11.0.0.0/8\n exit-address-family\nexit\nip prefix-list P seq 5 permit 10.0.0.0/8\nip prefix-list P seq 7 permit 12.0.0.0/8\nip prefix-list P seq 10 permit 11.0.0.0/8\nend\n";
    let out = types("frr", base, commands).expect("a replay");
    let want = Document::parse(want, &dialect("frr"));
    assert_eq!(
        out.document.fingerprint(),
        want.fingerprint(),
        "{}",
        out.document.text()
    );
}

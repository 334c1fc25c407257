//! Transcripts of IOS.

use jiff::SignedDuration;

use super::super::console::Console;
use super::super::model::Model;
use super::super::reach::{admitted, may_log_in, reachable};
use super::super::spec::{DeviceSpec, Platform};
use super::{Desk, IOS, now, peer};

#[test]
fn ios_prints_what_it_read_in_its_own_order() {
    let mut desk = Desk::ios();
    let running = desk.model.running();
    let order = [
        "hostname",
        "vrf definition",
        "username",
        "interface Loopback0",
        "interface Gig",
        "router bgp",
        "ip route",
        "ip access-list",
        "access-list 10",
        "route-map",
        "banner",
        "line vty",
        "end",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|w| running.find(&format!("\n{w}")).expect(w))
        .collect();
    assert!(places.is_sorted(), "{running}");
    assert!(
        running.contains("\nbanner motd ^C\n authorised\n! only\n^C\n!\n"),
        "{running}"
    );
    assert!(
        running.contains(" !\n address-family ipv4\n  network 10.1.0.0"),
        "{running}"
    );
    assert!(running.contains("\n exit-address-family\n!\n"), "{running}");
    assert!(
        running.contains(" 10 permit tcp any any eq www\n 20 deny"),
        "{running}"
    );
    // Its own output read again is the same.
    let again = Desk::at(Platform::Ios, &running).model.running();
    assert_eq!(running, again);
}

#[test]
fn ios_errors_point_at_the_word() {
    let mut desk = Desk::ios();
    assert_eq!(
        desk.types("show bogus"),
        "R1#show bogus\n        ^\n% Invalid input detected at '^' marker.\n\n"
    );
    let said = desk.configures("interface gi0/1\n ip adress 1.1.1.1 255.0.0.0\n ip address 1.1.1.1\n ip a 1.1.1.1 255.0.0.0\nbogus");
    assert!(
        said.contains(
            "R1(config-if)# ip adress 1.1.1.1 255.0.0.0\n                 ^\n% Invalid input"
        ),
        "{said}"
    );
    assert!(
        said.contains("ip address 1.1.1.1\n% Incomplete command.\n"),
        "{said}"
    );
    assert!(
        said.contains("% Ambiguous command:  \"ip a 1.1.1.1 255.0.0.0\""),
        "{said}"
    );
    assert_eq!(desk.model.generation(), Desk::ios().model.generation());
}

#[test]
fn ios_takes_abbreviations_and_leaves_blocks_by_itself() {
    let mut desk = Desk::ios();
    let said = desk.configures("int gi 0/1\nshut\nno descr\nip route 10.9.0.0 255.255.0.0 10.1.0.2\ninterface lo1\nip addr 10.9.9.9 255.255.255.255\nexit\nrouter ospf 1\nrouter bgp 65001\nneighbor 10.1.0.2 descr other");
    assert!(!said.contains('%'), "{said}");
    assert_eq!(
        desk.block("interface GigabitEthernet0/1"),
        "interface GigabitEthernet0/1\n ip address 10.1.1.1 255.255.255.0 secondary\n ip address 10.1.0.1 255.255.255.0\n ip access-group EDGE in\n no ip proxy-arp\n shutdown\n"
    );
    assert!(
        desk.model
            .running()
            .contains("\nip route 10.9.0.0 255.255.0.0 10.1.0.2\n")
    );
    assert_eq!(
        desk.block("interface Loopback1"),
        "interface Loopback1\n ip address 10.9.9.9 255.255.255.255\n"
    );
    assert!(
        desk.block("router bgp")
            .contains("neighbor 10.1.0.2 description other\n")
    );
}

#[test]
fn ios_single_values_are_overwritten_and_lists_grow() {
    let mut desk = Desk::ios();
    desk.configures("hostname R2\ninterface gi0/1\ndescription a  b\nip access-group OTHER in\nip helper-address 1.1.1.1\nip helper-address 1.1.1.2\nip proxy-arp\nno ip redirects");
    let block = desk.block("interface GigabitEthernet0/1");
    assert_eq!(block.matches("description").count(), 1);
    assert!(
        block.contains("description a  b\n") && block.contains("ip access-group OTHER in"),
        "{block}"
    );
    assert_eq!(block.matches("ip helper-address").count(), 2);
    assert!(
        block.contains("no ip redirects") && !block.contains("proxy-arp"),
        "{block}"
    );
    assert_eq!(desk.model.prompt(&desk.terminal), "R2#");
}

#[test]
fn ios_access_lists_are_numbered() {
    let mut desk = Desk::ios();
    let said = desk.configures("ip access-list extended EDGE\npermit udp any host 10.0.0.1 eq 53\n15 deny tcp any any eq 23\n15 permit ip any any\nno 20\nno permit tcp any any eq www\nno 99");
    assert_eq!(
        desk.block("ip access-list extended EDGE"),
        "ip access-list extended EDGE\n 15 deny tcp any any eq telnet\n 30 permit udp any host 10.0.0.1 eq domain\n"
    );
    assert!(
        said.contains("% Duplicate sequence number") && said.contains("%Entry does not exist"),
        "{said}"
    );
    desk.configures("no access-list 10 permit 10.0.0.0 0.255.255.255");
    assert_eq!(desk.block("access-list 10"), "");
    desk.configures("ip access-list resequence EDGE 100 10");
    assert!(
        desk.block("ip access-list extended EDGE")
            .contains(" 110 permit udp")
    );
}

#[test]
fn ios_cascades() {
    let mut desk = Desk::ios();
    let said = desk.configures("interface gi0/1\nvrf forwarding blue");
    assert!(said.contains("% Interface GigabitEthernet0/1 IPv4 disabled and address(es) removed due to enabling VRF blue"), "{said}");
    assert!(
        !desk
            .block("interface GigabitEthernet0/1")
            .contains("ip address")
    );
    desk.configures("interface gi0/1\nip address 10.1.0.1 255.255.255.0\nno vrf definition blue");
    assert!(
        !desk
            .block("interface GigabitEthernet0/1")
            .contains("ip address")
    );
    desk.configures("router bgp 65001\nno neighbor 10.1.0.2 remote-as 65002");
    assert!(!desk.model.running().contains("10.1.0.2 activate"));
    let said =
        desk.configures("router bgp 65001\nneighbor 10.9.9.9 description x\nrouter bgp 65009");
    assert!(
        said.contains("% Specify remote-as")
            && said.contains("BGP is already running; AS is 65001"),
        "{said}"
    );
    desk.configures("no router bgp 65001");
    assert_eq!(desk.block("router bgp"), "");
    let said = desk
        .configures("interface Loopback7\nip address 10.255.0.1 255.255.255.0\nno interface gi0/1");
    assert!(
        said.contains("% 10.255.0.0 overlaps with Loopback0"),
        "{said}"
    );
    assert!(
        said.contains("Removal of physical interfaces is not permitted"),
        "{said}"
    );
}

#[test]
fn ios_banners_end_at_their_delimiter() {
    let mut desk = Desk::ios();
    let said =
        desk.configures("banner motd #\ninterface Loopback0\n shutdown\n#\nbanner login @short@");
    assert!(
        said.contains("Enter TEXT message.  End with the character '#'."),
        "{said}"
    );
    let running = desk.model.running();
    assert!(
        running.contains("banner motd ^C\ninterface Loopback0\n shutdown\n^C\n"),
        "{running}"
    );
    assert!(running.contains("banner login ^Cshort^C\n"), "{running}");
    assert!(reachable(&desk.model, peer()));
    desk.configures("no banner motd");
    assert!(!desk.model.running().contains("banner motd"));
}

#[test]
fn ios_shows_who_changed_it_and_saves() {
    let mut desk = Desk::ios();
    desk.now = now()
        .saturating_add(SignedDuration::from_secs(90))
        .expect("a time");
    let at = desk.now;
    desk.model
        .type_as("alice", &["interface gi0/1", "mtu 9000"], at);
    let shown = desk.types("show running-config");
    assert!(
        shown.contains("Building configuration...\n\nCurrent configuration : "),
        "{shown}"
    );
    assert!(
        shown.contains(
            "!\n! Last configuration change at 10:01:30 UTC Sun Mar 1 2026 by alice\n!\nversion"
        ),
        "{shown}"
    );
    assert!(shown.ends_with("\nend\n\n"), "{shown}");
    assert!(!desk.types("show startup-config").contains("mtu 9000"));
    assert_eq!(
        desk.types("write memory"),
        "R1#write memory\nBuilding configuration...\n[OK]\n"
    );
    assert!(desk.types("show startup-config").contains("mtu 9000"));
    assert!(desk.types("sh run | i mtu").ends_with("\n mtu 9000\n"));
}

#[test]
fn ios_revert_timer_restores_the_copy() {
    let mut desk = Desk::ios();
    let base = desk.model.running();
    assert_eq!(
        desk.types("show archive config rollback timer"),
        "R1#show archive config rollback timer\n%No Rollback Confirmed Change pending\n\n"
    );
    let said = desk.types("configure terminal revert timer 2\ninterface Loopback0\nshutdown\nend");
    assert!(said.contains("\nRollback Confirmed Change: Backing up current running config to flash:archive-Mar--1-10-00-00.000-0\n\nEnter configuration"), "{said}");
    let timer = desk.types("show archive config rollback timer");
    assert!(timer.contains("Time configured(or reconfigured): 10:00:00 UTC Sun Mar 1 2026\nTimer type: absolute timer\nTimer value: 2 min\nUser: netkeel\n"), "{timer}");
    assert!(!reachable(&desk.model, peer()));
    desk.now += SignedDuration::from_secs(61);
    desk.model.tick(desk.now);
    assert!(
        desk.model
            .take_logs()
            .iter()
            .any(|l| l.contains("WARNING_ABSTIMER"))
    );
    assert!(!reachable(&desk.model, peer()));
    desk.now += SignedDuration::from_secs(59);
    desk.model.tick(desk.now);
    assert!(reachable(&desk.model, peer()));
    assert_eq!(desk.model.running(), base);
    assert_eq!(desk.model.deadline(), None);
}

#[test]
fn ios_revert_timer_can_be_confirmed_moved_and_ended() {
    let mut desk = Desk::ios();
    let base = desk.model.running();
    desk.types("configure terminal revert timer 1\nhostname X\nend\nconfigure confirm");
    desk.now += SignedDuration::from_mins(5);
    desk.model.tick(desk.now);
    assert_eq!(desk.model.hostname(), "X");
    desk.configures("hostname R1");
    assert_eq!(desk.model.running(), base);
    desk.types("configure terminal revert timer 1\nhostname Y\nend\nconfigure revert timer 10");
    desk.now += SignedDuration::from_mins(5);
    desk.model.tick(desk.now);
    assert_eq!(desk.model.hostname(), "Y");
    let said = desk.types("configure revert now");
    assert!(
        said.contains("Total number of passes: 1\nRollback Done"),
        "{said}"
    );
    assert_eq!(desk.model.running(), base);
    assert!(
        desk.types("configure confirm")
            .contains("%No Rollback Confirmed Change pending")
    );
    let mut plain = Desk::at(Platform::Ios, "hostname R1\n");
    assert!(
        plain
            .types("configure terminal revert timer 1")
            .contains("%Please turn config archive on")
    );
    assert!(plain.terminal.config.is_none());
}

#[test]
fn what_cuts_the_controller_off() {
    let cut = |lines: &str| {
        let mut desk = Desk::ios();
        assert!(reachable(&desk.model, peer()) && admitted(&desk.model, peer()));
        let said = desk.configures(lines);
        assert!(!said.contains("% Inv"), "{said}");
        (
            reachable(&desk.model, peer()),
            admitted(&desk.model, peer()),
        )
    };
    assert_eq!(cut("interface lo0\nshutdown"), (false, true));
    assert_eq!(cut("interface lo0\nno ip address"), (false, true));
    assert_eq!(
        cut("interface lo0\nip address 10.255.0.9 255.255.255.255"),
        (false, true)
    );
    assert_eq!(cut("no interface lo0"), (false, true));
    assert_eq!(
        cut("ip access-list extended MGMT\n5 deny tcp any any eq 22"),
        (false, true)
    );
    assert_eq!(cut("no ip access-list extended MGMT"), (true, true));
    assert_eq!(
        cut("access-list 10 permit any\nline vty 0 4\naccess-class 10 in"),
        (true, true)
    );
    assert_eq!(cut("line vty 0 4\naccess-class 10 in"), (true, false));
    let mut desk = Desk::ios();
    assert!(may_log_in(&desk.model, "netkeel") && !may_log_in(&desk.model, "other"));
    desk.configures("no username netkeel");
    assert!(!may_log_in(&desk.model, "netkeel"));
}

#[test]
fn ios_below_level_fifteen_shows_a_part_that_ends_properly() {
    let mut desk = Desk::ios();
    desk.terminal.privilege = 7;
    let shown = desk.types("show running-config");
    assert!(
        shown.ends_with("\nend\n\n") && !shown.contains("router bgp"),
        "{shown}"
    );
    assert!(
        desk.types("show privilege")
            .contains("Current privilege level is 7")
    );
    desk.terminal.privilege = 1;
    assert_eq!(desk.model.prompt(&desk.terminal), "R1>");
    assert!(
        desk.types("show running-config")
            .contains("% Invalid input")
    );
    assert!(desk.types("enable\nwrong").contains("Password: "));
    desk.types("netkeel-sim");
    assert_eq!(desk.model.prompt(&desk.terminal), "R1#");
    assert!(desk.types("show privilege").contains("level is 15"));
}

#[test]
fn the_pager_stops_and_goes_on() {
    let mut model = Model::boot(DeviceSpec::new("R1", Platform::Ios, IOS), now());
    let terminal = model.login(1, "netkeel", peer());
    let mut console = Console::new(&model, terminal, true);
    let greeting = String::from_utf8(console.start(&model)).expect("text");
    assert!(
        greeting.contains("authorised") && greeting.ends_with("R1#"),
        "{greeting}"
    );
    let page =
        String::from_utf8(console.feed(&mut model, b"show run\r", now()).bytes).expect("text");
    assert!(
        page.starts_with("show run\r\n") && page.ends_with(" --More-- "),
        "{page}"
    );
    let rest = String::from_utf8(console.feed(&mut model, b" q", now()).bytes).expect("text");
    assert!(rest.contains('\x08') && rest.ends_with("R1#"), "{rest}");
    console.feed(&mut model, b"terminal length 0\r\n", now());
    let all =
        String::from_utf8(console.feed(&mut model, b"show run\r\n", now()).bytes).expect("text");
    assert!(
        !all.contains("--More--") && all.ends_with("end\r\n\r\nR1#"),
        "{all}"
    );
}

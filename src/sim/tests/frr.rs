//! Transcripts of FRR.

use super::super::spec::Platform;
use super::Desk;

const FRR: &str = "\
frr version 8.4.4
frr defaults traditional
hostname R1
service integrated-vtysh-config
!
ip route 10.9.0.0/16 blackhole
interface lo
 description mgmt
 ip address 10.255.0.1/32
exit
router bgp 65001
 bgp router-id 10.255.0.1
 neighbor UP peer-group
 neighbor UP remote-as 65009
 neighbor 192.0.2.1 remote-as 65002
 neighbor 192.0.2.1 route-map OUT out
 neighbor 192.0.2.9 peer-group UP
 network 10.0.0.1/24
exit
ip prefix-list PL permit 10.0.0.0/8 le 24
ip prefix-list PL permit 172.16.0.0/12
route-map OUT permit 20
 match ip address prefix-list PL
exit
end
";

#[test]
fn frr_prints_as_frr_does() {
    let mut desk = Desk::at(Platform::Frr, FRR);
    let expected = "!
frr version 8.4.4
frr defaults traditional
hostname R1
service integrated-vtysh-config
!
ip route 10.9.0.0/16 blackhole
!
interface lo
 description mgmt
 ip address 10.255.0.1/32
exit
!
router bgp 65001
 bgp router-id 10.255.0.1
 neighbor UP peer-group
 neighbor UP remote-as 65009
 neighbor 192.0.2.1 remote-as 65002
 neighbor 192.0.2.9 peer-group UP
 !
 address-family ipv4 unicast
  network 10.0.0.0/24
  neighbor 192.0.2.1 route-map OUT out
 exit-address-family
exit
!
ip prefix-list PL seq 5 permit 10.0.0.0/8 le 24
ip prefix-list PL seq 10 permit 172.16.0.0/12
!
route-map OUT permit 20
 match ip address prefix-list PL
exit
!
end
";
    assert_eq!(desk.model.running(), expected);
    assert_eq!(Desk::at(Platform::Frr, expected).model.running(), expected);
    let shown = desk.types("show running-config");
    assert!(
        shown.starts_with(
            "R1# show running-config\nBuilding configuration...\n\nCurrent configuration:\n!\nfrr"
        ),
        "{shown}"
    );
}

#[test]
fn frr_refuses_and_changes_at_once() {
    let mut desk = Desk::at(Platform::Frr, FRR);
    // The answers of a real FRR 8.4.4 to the same lines.
    assert_eq!(
        desk.types("configure terminal\nrouter bgp 65002\nrouter bgp 65001\nneighbor 192.0.2.77 description foo\nbogus line\nnetwork\nno ip route 99.0.0.0/8 blackhole\nroute-map OUT deny 20\nend\nshow bogus\nshow"),
        "R1# configure terminal
R1(config)# router bgp 65002
BGP is already running; AS is 65001
R1(config)# router bgp 65001
R1(config-router)# neighbor 192.0.2.77 description foo
% Specify remote-as or peer-group commands first
R1(config-router)# bogus line
% Unknown command: bogus line
R1(config-router)# network
% Command incomplete: network
R1(config-router)# no ip route 99.0.0.0/8 blackhole
% Refusing to remove a non-existent route
R1(config)# route-map OUT deny 20
R1(config-route-map)# end
R1# show bogus
% Unknown command: show bogus
R1# show
% Command incomplete: show
"
    );
    assert!(
        desk.model
            .running()
            .contains("route-map OUT deny 20\n match ip address")
    );
}

#[test]
fn frr_cascades_and_defaults() {
    let mut desk = Desk::at(Platform::Frr, FRR);
    desk.configures("router bgp 65001\nno neighbor UP peer-group\nno neighbor 192.0.2.1 activate\nneighbor 192.0.2.1 prefix-list PL in\nno neighbor 192.0.2.1 route-map OUT out\naddress-family ipv6 unicast\nnetwork 2001:db8::/32\nexit\nip prefix-list PL seq 5 permit 11.0.0.0/8\nip route 1.2.3.4 255.255.0.0 Null0");
    let running = desk.model.running();
    assert!(
        !running.contains("UP") && !running.contains("192.0.2.9"),
        "{running}"
    );
    assert!(
        running.contains("  no neighbor 192.0.2.1 activate\n"),
        "{running}"
    );
    assert!(
        running.contains("  neighbor 192.0.2.1 prefix-list PL in\n"),
        "{running}"
    );
    assert!(
        running.contains(
            " !\n address-family ipv6 unicast\n  network 2001:db8::/32\n exit-address-family\n"
        ),
        "{running}"
    );
    assert!(
        running.contains("seq 5 permit 11.0.0.0/8\n")
            && running.contains("ip route 1.2.0.0/16 Null0\n"),
        "{running}"
    );
    desk.configures("router bgp 65001\nno neighbor 192.0.2.1 remote-as");
    assert!(!desk.model.running().contains("192.0.2.1"));
    desk.configures("no router bgp 65001\nno route-map OUT\nno ip prefix-list PL");
    let running = desk.model.running();
    assert!(
        !running.contains("bgp") && !running.contains("OUT") && !running.contains("PL"),
        "{running}"
    );
}

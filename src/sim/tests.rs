//! Transcripts: what the models say and what they hold afterwards.

mod frr;
mod ios;

use std::net::IpAddr;

use jiff::Timestamp;

use super::model::{Model, Terminal};
use super::spec::{DeviceSpec, Platform};

const IOS: &str = "\
version 15.9
service timestamps log datetime msec
hostname R1
!
username netkeel privilege 15 secret 5 $1$abcd
archive
 path flash:archive
interface GigabitEthernet0/1
 description uplink
 ip address 10.1.0.1 255.255.255.0
 ip address 10.1.1.1 255.255.255.0 secondary
 ip access-group EDGE in
 no ip proxy-arp
interface Loopback0
 description mgmt
 ip address 10.255.0.1 255.255.255.255
 ip access-group MGMT in
!
vrf definition blue
 rd 65000:1
 !
 address-family ipv4
 exit-address-family
!
router bgp 65001
 bgp router-id 10.255.0.1
 neighbor 10.1.0.2 remote-as 65002
 neighbor 10.1.0.2 description transit
 !
 address-family ipv4
  network 10.1.0.0 mask 255.255.255.0
  neighbor 10.1.0.2 activate
  neighbor 10.1.0.2 route-map IN in
 exit-address-family
!
ip route 0.0.0.0 0.0.0.0 10.1.0.2
ip access-list extended EDGE
 permit tcp any any eq www
 deny   ip any any
ip access-list extended MGMT
 permit tcp 192.0.2.0 0.0.0.255 any eq 22
access-list 10 permit 10.0.0.0 0.255.255.255
access-list 10 permit 172.16.0.0 0.15.255.255
route-map IN permit 10
 set local-preference 200
banner motd ^C
 authorised
! only
^C
line vty 0 4
 login local
 transport input ssh
end
";

fn now() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().expect("a time")
}

fn peer() -> IpAddr {
    IpAddr::from([192, 0, 2, 10])
}

struct Desk {
    model: Model,
    terminal: Terminal,
    now: Timestamp,
}

impl Desk {
    fn at(platform: Platform, config: &str) -> Self {
        let mut model = Model::boot(DeviceSpec::new("R1", platform, config), now());
        let mut terminal = model.login(1, "netkeel", peer());
        terminal.length = 0;
        Self {
            model,
            terminal,
            now: now(),
        }
    }

    fn ios() -> Self {
        Self::at(Platform::Ios, IOS)
    }

    /// Types lines; what the device said, with the prompts.
    fn types(&mut self, lines: &str) -> String {
        let mut out = String::new();
        for line in lines.lines() {
            out.push_str(&self.model.prompt(&self.terminal));
            out.push_str(line);
            out.push('\n');
            self.model.tick(self.now);
            out.push_str(&self.model.line(&mut self.terminal, line, self.now).text);
        }
        out
    }

    fn configures(&mut self, lines: &str) -> String {
        self.types(&format!("configure terminal\n{lines}\nend"))
    }

    /// The lines of a top-level block (or all leaves that begin so).
    fn block(&mut self, start: &str) -> String {
        let running = self.model.running();
        let mut inside = false;
        let mut out = String::new();
        for line in running.lines() {
            if !line.starts_with(' ') {
                inside = line.starts_with(start);
            }
            if inside {
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }
}

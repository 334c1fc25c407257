//! The order in which IOS prints.

use super::super::grammar::Sort;

/// Of the top level.
pub(super) const TOP_ORDER: &[(&str, Sort)] = &[
    ("version", Sort::Entered), ("service *", Sort::Entered), ("no service *", Sort::Entered),
    ("platform *", Sort::Entered), ("hostname", Sort::Entered), ("boot-start-marker", Sort::Entered),
    ("boot *", Sort::Entered), ("boot-end-marker", Sort::Entered), ("vrf definition *", Sort::Word(2)),
    ("ip vrf *", Sort::Word(2)), ("logging buffered", Sort::Entered), ("logging console", Sort::Entered),
    ("no logging console", Sort::Entered), ("enable *", Sort::Entered), ("aaa new-model", Sort::Entered),
    ("no aaa new-model", Sort::Entered), ("aaa *", Sort::Entered), ("clock *", Sort::Entered),
    ("no ip source-route", Sort::Entered), ("ip cef", Sort::Entered), ("no ip domain *", Sort::Entered),
    ("no ip domain-lookup", Sort::Entered), ("ip domain *", Sort::Entered), ("ip domain-name", Sort::Entered),
    ("ip host *", Sort::Natural), ("ip name-server *", Sort::Entered), ("ip dhcp *", Sort::Entered),
    ("…", Sort::Entered), ("key chain *", Sort::Entered), ("crypto *", Sort::Entered),
    ("username *", Sort::Entered), ("redundancy", Sort::Entered), ("archive", Sort::Entered),
    ("vlan *", Sort::Word(1)), ("track *", Sort::Word(1)), ("class-map *", Sort::Entered),
    ("policy-map *", Sort::Entered), ("interface *", Sort::Interface), ("router *", Sort::Entered),
    ("ip forward-protocol *", Sort::Entered), ("ip http *", Sort::Entered), ("no ip http *", Sort::Entered),
    ("ip nat *", Sort::Entered), ("ip as-path *", Sort::Entered), ("ip community-list *", Sort::Entered),
    ("ip route vrf *", Sort::Natural), ("ip route *", Sort::Natural), ("ip ssh *", Sort::Entered),
    ("ip scp *", Sort::Entered), ("ip access-list standard *", Sort::Word(3)),
    ("ip access-list extended *", Sort::Word(3)), ("ip prefix-list *", Sort::Two(2, 4)),
    ("ip sla *", Sort::Word(2)), ("logging *", Sort::Entered), ("no logging *", Sort::Entered),
    ("access-list *", Sort::Word(1)), ("ipv6 route *", Sort::Natural), ("ipv6 prefix-list *", Sort::Two(2, 4)),
    ("ipv6 access-list *", Sort::Word(2)), ("route-map *", Sort::Two(1, 3)), ("snmp-server *", Sort::Entered),
    ("tacacs-server *", Sort::Entered), ("tacacs server *", Sort::Entered), ("radius-server *", Sort::Entered),
    ("radius server *", Sort::Entered), ("control-plane", Sort::Entered), ("banner *", Sort::Entered),
    ("alias *", Sort::Entered), ("line *", Sort::Entered), ("scheduler *", Sort::Entered),
    ("ntp *", Sort::Entered), ("event *", Sort::Entered),
];

/// Of an interface.
pub(super) const IF_ORDER: &[(&str, Sort)] = &[
    ("description", Sort::Entered), ("switchport", Sort::Entered), ("no switchport", Sort::Entered),
    ("bandwidth", Sort::Entered), ("mtu", Sort::Entered), ("vrf forwarding", Sort::Entered),
    ("ip vrf forwarding", Sort::Entered), ("encapsulation", Sort::Entered), ("ip address ~ ~ secondary", Sort::Entered),
    ("ip address", Sort::Entered), ("no ip address", Sort::Entered), ("ip access-group ~ in", Sort::Entered),
    ("ip access-group ~ out", Sort::Entered), ("ip helper-address", Sort::Natural), ("no ip *", Sort::Entered),
    ("ip ospf *", Sort::Natural), ("ip *", Sort::Entered), ("load-interval", Sort::Entered),
    ("shutdown", Sort::Entered), ("duplex", Sort::Entered), ("speed", Sort::Entered),
    ("…", Sort::Entered), ("ipv6 *", Sort::Entered), ("service-policy *", Sort::Entered),
];

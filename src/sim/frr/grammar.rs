//! The modes of vtysh, after FRR 8.4.4.

use super::super::grammar::{Grammar, Mode, Sort};

/// FRR.
pub(in crate::sim) static FRR: Grammar = Grammar { modes: MODES };

const NONE: &[&str] = &[];

const TOP: &[&str] = &[
    "frr version <", "frr defaults <", "hostname < .", "domainname <", "log syslog", "log file <",
    "log stdout", "log timestamp precision <", "log facility <", "log record-priority .",
    "log commands .", "service integrated-vtysh-config .", "service password-encryption .",
    "service advanced-vty .", "password <", "enable password <", "banner motd <",
    "username < nopassword .", "agentx .", "debug <", "ip forwarding .", "ipv6 forwarding .",
    "ip route < <", "ipv6 route < <", "ip prefix-list < <", "ipv6 prefix-list < <",
    "ip nht resolve-via-default .", "ipv6 nht resolve-via-default .", "ip protocol < route-map <",
    "ip router-id <", "router-id <", "ip multicast-routing .", "ip import-table <",
    "access-list < <", "ipv6 access-list < <", "bgp as-path access-list < <",
    "bgp community-list < <", "bgp large-community-list < <", "bgp extcommunity-list < <",
    "bgp route-map delay-timer <", "bgp send-extra-data zebra .", "zebra <", "mpls <",
    "ip ssmpingd", "ip igmp <", "ip pim <", "no-op", "allow-external-route-update .",
    "vrf-policy <", "fpm <", "hostname <",
];

const BGP: &[&str] = &[
    "bgp <", "bgp router-id < .", "bgp log-neighbor-changes .", "bgp default <",
    "bgp ebgp-requires-policy .", "bgp cluster-id <", "bgp bestpath <", "bgp graceful-restart",
    "bgp suppress-duplicates .", "bgp network import-check", "neighbor < remote-as < .",
    "neighbor < peer-group", "neighbor < description >", "neighbor < update-source <",
    "neighbor < password <", "neighbor < timers <", "neighbor < ebgp-multihop",
    "neighbor < shutdown", "neighbor < bfd", "neighbor < local-as <", "neighbor < passive .",
    "neighbor < advertisement-interval <", "neighbor < ttl-security <", "neighbor < capability <",
    "neighbor < disable-connected-check .", "neighbor < interface", "neighbor < port <",
    "neighbor < enforce-first-as .", "neighbor < dont-capability-negotiate .",
    "neighbor < strict-capability-match .", "neighbor < override-capability .",
    "neighbor < solo .", "neighbor < graceful-restart", "neighbor < activate .",
    "neighbor < route-map < in .", "neighbor < route-map < out .", "neighbor < prefix-list < in .",
    "neighbor < prefix-list < out .", "neighbor < filter-list < <", "neighbor < distribute-list < <",
    "neighbor < next-hop-self", "neighbor < send-community", "neighbor < soft-reconfiguration inbound .",
    "neighbor < route-reflector-client .", "neighbor < route-server-client .",
    "neighbor < maximum-prefix <", "neighbor < allowas-in", "neighbor < default-originate",
    "neighbor < weight <", "neighbor < remove-private-AS", "neighbor < as-override .",
    "neighbor < attribute-unchanged", "neighbor < unsuppress-map <", "neighbor < addpath-tx-all-paths .",
    "neighbor < maximum-prefix-out <", "network <", "aggregate-address <", "redistribute <",
    "maximum-paths <", "distance <", "table-map <", "timers bgp < <", "coalesce-time <",
    "update-delay <", "import <", "export <", "rd <", "rt <", "label <", "nexthop <",
    "advertise-all-vni .", "advertise <", "listen", "bgp listen <",
];

const BGP_SLOTS: &[&str] = &[
    "bgp router-id", "bgp cluster-id", "bgp default local-preference", "bgp listen limit",
    "bgp graceful-restart restart-time", "neighbor * remote-as", "neighbor * description",
    "neighbor * update-source", "neighbor * password", "neighbor * timers connect",
    "neighbor * timers", "neighbor * ebgp-multihop", "neighbor * local-as", "neighbor * port",
    "neighbor * advertisement-interval", "neighbor * ttl-security", "neighbor * peer-group",
    "neighbor * route-map ~ in", "neighbor * route-map ~ out", "neighbor * prefix-list ~ in",
    "neighbor * prefix-list ~ out", "neighbor * filter-list ~ in", "neighbor * filter-list ~ out",
    "neighbor * distribute-list ~ in", "neighbor * distribute-list ~ out",
    "neighbor * maximum-prefix", "neighbor * allowas-in", "neighbor * weight",
    "neighbor * default-originate", "neighbor * bfd", "neighbor * shutdown",
    "network *", "aggregate-address *", "redistribute *", "maximum-paths ibgp", "maximum-paths",
    "timers bgp", "distance bgp", "coalesce-time", "table-map",
];

const BGP_ORDER: &[(&str, Sort)] = &[
    ("bgp *", Sort::Entered), ("no bgp *", Sort::Entered), ("neighbor * peer-group $", Sort::Natural),
    ("network *", Sort::Word(1)), ("aggregate-address *", Sort::Word(1)),
    ("redistribute *", Sort::Entered), ("neighbor *", Sort::Neighbor),
    ("no neighbor *", Sort::Word(2)), ("…", Sort::Entered), ("address-family *", Sort::Natural),
];

const MODES: &[Mode] = &[
    Mode {
        name: "config", headers: NONE, parents: NONE, phrases: TOP,
        slots: &[
            "frr version", "frr defaults", "hostname", "domainname", "log syslog", "log file",
            "log timestamp precision", "log facility", "log stdout", "password",
            "enable password", "ip prefix-list * description", "ip prefix-list * seq *",
            "ipv6 prefix-list * seq *", "ipv6 prefix-list * description", "access-list * seq *",
            "ipv6 access-list * seq *", "access-list * remark", "bgp as-path access-list * seq *",
            "bgp community-list * * seq *", "bgp large-community-list * * seq *",
            "bgp extcommunity-list * * seq *", "route-map * ~ *", "banner motd",
            "bgp route-map delay-timer", "ip router-id", "router-id",
        ],
        hidden: &["ip forwarding $", "ipv6 forwarding $"],
        shown_no: &["ip forwarding", "ipv6 forwarding", "zebra nexthop"],
        order: TOP_ORDER, closing: None,
    },
    Mode {
        name: "config-if", headers: &["interface < .", "interface < vrf < ."], parents: &["config"],
        phrases: &[
            "description >", "shutdown .", "ip address <", "ipv6 address <", "bandwidth <",
            "multicast", "link-detect .", "mpls <", "ip ospf <", "ip ospf cost <",
            "ip ospf area <", "ip ospf passive .", "ip ospf network <", "ip ospf < <",
            "ipv6 ospf6 <", "ip pim", "ip igmp", "ip rip <", "ip router isis <", "ipv6 router isis <",
            "isis <", "ipv6 nd <", "evpn mh <", "ip nhrp <", "ptm-enable .", "link-params .",
            "vrrp <", "babel <", "ip multicast .",
        ],
        slots: &[
            "description", "bandwidth", "ip ospf cost", "ip ospf area", "ip ospf network",
            "ip ospf hello-interval", "ip ospf dead-interval", "ip ospf priority",
            "ip ospf authentication-key", "ip ospf authentication", "ip ospf message-digest-key *",
            "ipv6 ospf6 cost", "ipv6 ospf6 area", "isis metric", "ip ospf bfd",
        ],
        hidden: &["ip ospf cost 0 $", "link-detect $"], shown_no: &["link-detect"],
        order: &[
            ("description", Sort::Entered), ("bandwidth", Sort::Entered), ("ip address", Sort::Natural),
            ("ipv6 address", Sort::Natural), ("…", Sort::Entered), ("shutdown", Sort::Entered),
        ],
        closing: Some("exit"),
    },
    Mode {
        name: "config-vrf", headers: &["vrf < ."], parents: &["config"],
        phrases: &["ip route < <", "ipv6 route < <", "vni <", "ip router-id <", "ip nht resolve-via-default .", "ip protocol < route-map <"],
        slots: &["vni", "ip router-id"], hidden: NONE, shown_no: NONE,
        order: &[("ip route", Sort::Natural), ("ipv6 route", Sort::Natural), ("…", Sort::Entered)],
        closing: Some("exit-vrf"),
    },
    Mode {
        name: "config-router", headers: &["router bgp < .", "router bgp < vrf < .", "router bgp < view < ."],
        parents: &["config"], phrases: BGP, slots: BGP_SLOTS,
        hidden: &["bgp ebgp-requires-policy $", "bgp default ipv4-unicast $", "bgp suppress-duplicates $", "bgp network import-check $", "neighbor * enforce-first-as $"],
        shown_no: &["bgp ebgp-requires-policy", "bgp default ipv4-unicast", "bgp suppress-duplicates", "bgp network import-check"],
        order: BGP_ORDER, closing: Some("exit"),
    },
    Mode {
        name: "config-router-af",
        headers: &["address-family ipv4", "address-family ipv6", "address-family l2vpn evpn .", "address-family ipv4 < .", "address-family ipv6 < ."],
        parents: &["config-router"], phrases: BGP, slots: BGP_SLOTS, hidden: NONE,
        shown_no: &["neighbor * send-community"], order: BGP_ORDER, closing: Some("exit-address-family"),
    },
    Mode {
        name: "config-router",
        headers: &["router ospf", "router ospf6", "router rip", "router isis <", "router pim", "router eigrp <", "router babel"],
        parents: &["config"],
        phrases: &[
            "ospf router-id < .", "router-id <", "network < area < .", "network <", "passive-interface <",
            "redistribute <", "default-information originate", "area < <", "log-adjacency-changes",
            "auto-cost reference-bandwidth <", "timers <", "distance <", "maximum-paths <",
            "max-metric <", "default-metric <", "capability <", "compatible <", "neighbor <",
            "version <", "net <", "is-type <", "metric-style <", "ospf6 router-id <", "interface < area <",
            "graceful-restart", "ospf <", "mpls-te", "segment-routing <", "summary-address <", "lsp-gen-interval <",
        ],
        slots: &[
            "ospf router-id", "ospf6 router-id", "router-id", "network * area", "redistribute *",
            "default-information originate", "auto-cost reference-bandwidth", "timers throttle spf",
            "distance", "maximum-paths", "max-metric", "default-metric", "version", "net", "is-type",
            "metric-style", "interface * area",
        ],
        hidden: &["auto-cost reference-bandwidth 100000 $"], shown_no: &["passive-interface *"],
        order: &[
            ("ospf *", Sort::Entered), ("ospf6 *", Sort::Entered), ("log-adjacency-changes", Sort::Entered),
            ("…", Sort::Entered), ("redistribute *", Sort::Entered), ("passive-interface *", Sort::Natural),
            ("network *", Sort::Word(1)), ("area *", Sort::Word(1)), ("default-information *", Sort::Entered),
        ],
        closing: Some("exit"),
    },
    Mode {
        name: "config-route-map", headers: &["route-map < permit < .", "route-map < deny < ."],
        parents: &["config"],
        phrases: &["description >", "match <", "match < <", "set <", "set < <", "call <", "on-match next .", "on-match goto <", "continue <"],
        slots: &[
            "description", "call", "match ip address prefix-list", "match ip address",
            "match ipv6 address prefix-list", "match as-path", "match community", "match interface",
            "match metric", "match tag", "match peer", "match source-protocol", "match origin",
            "match ip next-hop prefix-list", "set local-preference", "set metric", "set metric-type",
            "set weight", "set as-path prepend", "set as-path exclude", "set ip next-hop",
            "set ipv6 next-hop global", "set origin", "set tag", "set community", "set comm-list",
            "set large-community", "set src", "set table", "on-match next", "on-match goto",
        ],
        hidden: NONE, shown_no: NONE,
        order: &[
            ("description", Sort::Entered), ("match *", Sort::Natural), ("set *", Sort::Natural),
            ("…", Sort::Entered), ("call *", Sort::Entered), ("on-match *", Sort::Entered),
        ],
        closing: Some("exit"),
    },
    Mode {
        name: "config-line", headers: &["line vty ."], parents: &["config"],
        phrases: &["exec-timeout < <", "access-class <", "login ."],
        slots: &["exec-timeout", "access-class"], hidden: NONE, shown_no: &["login"], order: &[],
        closing: Some("exit"),
    },
    Mode {
        name: "config-key-chain", headers: &["key chain < ."], parents: &["config"], phrases: &["no-op"],
        slots: NONE, hidden: NONE, shown_no: NONE, order: &[], closing: Some("exit"),
    },
    Mode {
        name: "config-key-chain-key", headers: &["key < ."], parents: &["config-key-chain"],
        phrases: &["key-string <", "accept-lifetime <", "send-lifetime <", "cryptographic-algorithm <"],
        slots: &["key-string", "accept-lifetime", "send-lifetime", "cryptographic-algorithm"],
        hidden: NONE, shown_no: NONE, order: &[], closing: Some("exit"),
    },
    Mode {
        name: "config-bfd", headers: &["bfd ."], parents: &["config"], phrases: &["no-op"], slots: NONE,
        hidden: NONE, shown_no: NONE, order: &[], closing: Some("exit"),
    },
    Mode {
        name: "config-bfd-peer", headers: &["peer <", "profile < ."], parents: &["config-bfd"],
        phrases: &["detect-multiplier <", "receive-interval <", "transmit-interval <", "shutdown .", "passive-mode .", "profile <", "minimum-ttl <"],
        slots: &["detect-multiplier", "receive-interval", "transmit-interval", "profile", "minimum-ttl"],
        hidden: NONE, shown_no: NONE, order: &[], closing: Some("exit"),
    },
];

const TOP_ORDER: &[(&str, Sort)] = &[
    ("frr version", Sort::Entered), ("frr defaults", Sort::Entered), ("hostname", Sort::Entered),
    ("domainname", Sort::Entered), ("password", Sort::Entered), ("enable password", Sort::Entered),
    ("log *", Sort::Entered), ("debug *", Sort::Entered), ("no ip forwarding", Sort::Entered),
    ("no ipv6 forwarding", Sort::Entered), ("…", Sort::Entered), ("service *", Sort::Entered),
    ("username *", Sort::Entered), ("agentx", Sort::Entered), ("ip route *", Sort::Natural),
    ("ipv6 route *", Sort::Natural), ("key chain *", Sort::Word(2)), ("vrf *", Sort::Word(1)),
    ("interface *", Sort::Word(1)), ("router bgp *", Sort::Entered), ("router *", Sort::Natural),
    ("access-list *", Sort::Two(1, 3)), ("ipv6 access-list *", Sort::Two(2, 4)),
    ("ip prefix-list *", Sort::Two(2, 4)), ("ipv6 prefix-list *", Sort::Two(2, 4)),
    ("bgp as-path *", Sort::Two(3, 5)), ("bgp community-list *", Sort::Two(3, 5)),
    ("bgp large-community-list *", Sort::Two(3, 5)), ("bgp extcommunity-list *", Sort::Two(3, 5)),
    ("bgp *", Sort::Entered), ("route-map *", Sort::Two(1, 3)), ("bfd", Sort::Entered),
    ("line vty", Sort::Entered),
];

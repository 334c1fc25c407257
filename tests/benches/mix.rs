//! Large configurations and edits of them, the same ones in every run.
//!
//! The mix is that of a busy IOS router: interfaces 55 % of the lines, BGP neighbours 15 %,
//! extended access lists of 50 entries 15 %, prefix lists 5 %, static routes 5 %, route maps
//! 4 %, and a head, a banner and lines.

/// A line, what else it could say, and a line that could follow it.
struct Line {
    text: String,
    other: Option<String>,
    next: Option<String>,
}

/// The lines of a configuration in the making.
#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    /// A line that is never edited.
    fn fixed(&mut self, text: impl Into<String>) {
        self.0.push(Line {
            text: text.into(),
            other: None,
            next: None,
        });
    }

    /// A line that may be edited: it may say `other`, go, or be followed by `next`.
    fn line(&mut self, text: String, other: String, next: String) {
        self.0.push(Line {
            text,
            other: Some(other),
            next: Some(next),
        });
    }
}

/// A small linear congruential generator (Knuth's MMIX): the same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let limit = u64::try_from(limit).expect("small");
        usize::try_from((self.0 >> 33) % limit).expect("small")
    }
}

/// Running and intended, about `lines` lines each, one in a hundred of them edited.
pub(crate) fn mixed(lines: usize) -> (String, String) {
    let mut out = Lines::default();
    head(&mut out);
    interfaces(&mut out, lines * 55 / 100 / 8);
    neighbours(&mut out, lines * 15 / 100 / 5);
    access_lists(&mut out, lines * 15 / 100 / 52);
    for n in 0..lines * 5 / 100 {
        prefix(&mut out, n);
    }
    for n in 0..lines * 5 / 100 {
        route(&mut out, n);
    }
    route_maps(&mut out, lines * 4 / 100 / 4);
    foot(&mut out);
    edit(&out.0, 100)
}

/// Running and intended: static routes only, one in ten of them edited.
pub(crate) fn flat(lines: usize) -> (String, String) {
    let mut out = Lines::default();
    out.fixed("version 15.9");
    for n in 0..lines {
        route(&mut out, n);
    }
    out.fixed("end");
    edit(&out.0, 10)
}

fn head(out: &mut Lines) {
    for text in [
        "version 15.9",
        "service timestamps debug datetime msec",
        "service password-encryption",
        "hostname core",
        "!",
        "banner motd ^C",
        "Authorised use only.",
        "interface of the operator: +000 000",
        "^C",
        "!",
    ] {
        out.fixed(text);
    }
}

fn foot(out: &mut Lines) {
    for text in [
        "line con 0",
        "line vty 0 4",
        " login local",
        " transport input ssh",
        "!",
        "end",
    ] {
        out.fixed(text);
    }
}

fn interfaces(out: &mut Lines, count: usize) {
    for n in 0..count {
        let port = format!("{}/{}/{}", n / 480, n / 48 % 10, n % 48);
        let (high, low) = (n / 250 % 250, n % 250);
        out.fixed(format!("interface GigabitEthernet{port}"));
        out.line(
            format!(" description port {n} to rack {low}"),
            format!(" description port {n} to row {low}"),
            " load-interval 30".to_owned(),
        );
        out.line(
            format!(" ip address 10.{high}.{low}.1 255.255.255.0"),
            format!(" ip address 10.{high}.{low}.2 255.255.255.0"),
            format!(" ip address 172.16.{low}.1 255.255.255.0 secondary"),
        );
        out.line(
            " ip ospf cost 10".to_owned(),
            format!(" ip ospf cost {}", 20 + low),
            " ip ospf priority 0".to_owned(),
        );
        out.line(
            " mtu 9000".to_owned(),
            " mtu 1500".to_owned(),
            " keepalive 5".to_owned(),
        );
        out.fixed(" no ip redirects");
        out.fixed(" negotiation auto");
        out.fixed("!");
    }
}

fn neighbours(out: &mut Lines, count: usize) {
    out.fixed("router bgp 65000");
    out.fixed(" bgp router-id 10.255.0.1");
    for n in 0..count {
        let peer = format!(" neighbor 10.{}.{}.2", 100 + n / 250, n % 250);
        out.fixed(format!("{peer} remote-as {}", 64600 + n % 300));
        out.line(
            format!("{peer} description peer {n}"),
            format!("{peer} description customer {n}"),
            format!("{peer} ebgp-multihop 3"),
        );
        out.line(
            format!("{peer} timers 10 30"),
            format!("{peer} timers 5 15"),
            format!("{peer} update-source Loopback0"),
        );
        out.line(
            format!("{peer} route-map RM-{} in", n % 20),
            format!("{peer} route-map RM-{} in", (n + 1) % 20),
            format!("{peer} soft-reconfiguration inbound"),
        );
        out.line(
            format!("{peer} maximum-prefix 100"),
            format!("{peer} maximum-prefix 200"),
            format!("{peer} send-community"),
        );
    }
    out.fixed("!");
}

fn access_lists(out: &mut Lines, count: usize) {
    for n in 0..count {
        out.fixed(format!("ip access-list extended ACL-{n}"));
        for entry in 1..=50 {
            let (seq, low) = (entry * 10, n % 250);
            let rest = format!("tcp 192.0.2.0 0.0.0.255 host 10.{low}.0.{entry} eq");
            out.line(
                format!(" {seq} permit {rest} 443"),
                format!(" {seq} permit {rest} 8443"),
                format!(" {} deny {rest} 22", seq + 5),
            );
        }
        out.fixed("!");
    }
}

fn prefix(out: &mut Lines, n: usize) {
    let (list, seq) = (n / 50, n % 50 * 10 + 10);
    let entry = |seq: usize, action: &str, low: usize| {
        format!(
            "ip prefix-list PL-{list} seq {seq} {action} 10.{}.{low}.0/24",
            list % 250
        )
    };
    out.line(
        entry(seq, "permit", n % 50),
        entry(seq, "permit", n % 50 + 100),
        entry(seq + 5, "deny", n % 50 + 150),
    );
}

fn route(out: &mut Lines, n: usize) {
    let to = format!(
        "ip route {}.{}.{}.0 255.255.255.0",
        20 + n / 62_500,
        n / 250 % 250,
        n % 250
    );
    out.line(
        format!("{to} 10.0.0.1 tag 5"),
        format!("{to} 10.0.0.1 tag 6"),
        format!("{to} 10.0.0.2 200"),
    );
}

fn route_maps(out: &mut Lines, count: usize) {
    for n in 0..count {
        out.fixed(format!(
            "route-map RM-{} permit {}",
            n % 20,
            n / 20 * 10 + 10
        ));
        out.fixed(format!(" match ip address prefix-list PL-{}", n % 20));
        out.line(
            " set local-preference 150".to_owned(),
            format!(" set local-preference {}", 200 + n % 50),
            " set metric 5".to_owned(),
        );
        out.fixed("!");
    }
}

/// The lines as they are, and with one in `of` edited: a third says something else, a third
/// is gone, after a third stands another line.
fn edit(lines: &[Line], of: usize) -> (String, String) {
    let mut numbers = Numbers(7);
    let mut edited = vec![None; lines.len()];
    let mut left = lines.len() / of;
    while left > 0 {
        let at = numbers.below(lines.len());
        if lines[at].other.is_some() && edited[at].is_none() {
            edited[at] = Some(left % 3);
            left -= 1;
        }
    }
    let mut texts = (String::new(), String::new());
    let push = |text: &mut String, line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for (line, how) in lines.iter().zip(edited) {
        push(&mut texts.0, &line.text);
        match (how, &line.other, &line.next) {
            (Some(0), Some(other), _) => push(&mut texts.1, other),
            (Some(1), ..) => {}
            (Some(_), _, Some(next)) => {
                push(&mut texts.1, &line.text);
                push(&mut texts.1, next);
            }
            _ => push(&mut texts.1, &line.text),
        }
    }
    texts
}

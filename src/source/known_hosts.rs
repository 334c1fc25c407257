//! OpenSSH `known_hosts`: plain and hashed names, patterns, `[host]:port`, `@revoked`.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::error::HostKeyFault;

/// The name under which a host stands in the file.
pub(super) fn host_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

/// Whether the file's text says that `key` (the raw key blob, which names its own kind)
/// belongs to `name`.
///
/// # Errors
/// Why not. Certificate authorities (`@cert-authority`) are not honoured.
pub(super) fn check(text: &str, name: &str, key: &[u8]) -> Result<(), HostKeyFault> {
    let kind = key_kind(key).ok_or(HostKeyFault::NoKey)?;
    let mut found = false;
    let mut changed = None;
    let mut others: Vec<&str> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(entry) = Entry::parse(line).filter(|e| names(e.hosts, name)) else {
            continue;
        };
        let same = BASE64.decode(entry.key.as_bytes()).is_ok_and(|k| k == key);
        match entry.marker {
            Some("@revoked") if same => return Err(HostKeyFault::Revoked { line: index + 1 }),
            Some(_) => {}
            None if same => found = true,
            None if entry.kind == kind => changed = changed.or(Some(index + 1)),
            None if !others.contains(&entry.kind) => others.push(entry.kind),
            None => {}
        }
    }
    match (found, changed) {
        (true, _) => Ok(()),
        (false, Some(line)) => Err(HostKeyFault::Changed { line }),
        (false, None) if others.is_empty() => Err(HostKeyFault::Unknown),
        (false, None) => Err(HostKeyFault::OtherKind {
            shown: kind.to_owned(),
            known: others.join(", "),
        }),
    }
}

/// The kind a key blob names itself: a length of four bytes, then the text.
fn key_kind(key: &[u8]) -> Option<&str> {
    let length = u32::from_be_bytes(key.get(..4)?.try_into().ok()?);
    let text = key.get(4..4 + usize::try_from(length).ok()?)?;
    std::str::from_utf8(text).ok().filter(|t| !t.is_empty())
}

struct Entry<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|w| !w.starts_with('#'))?;
        let (marker, hosts) = if first.starts_with('@') {
            (Some(first), words.next()?)
        } else {
            (None, first)
        };
        Some(Self {
            marker,
            hosts,
            kind: words.next()?,
            key: words.next()?,
        })
    }
}

/// Whether a host field names this host.
fn names(field: &str, name: &str) -> bool {
    if let Some(hashed) = field.strip_prefix("|1|") {
        return hashed_is(hashed, name).unwrap_or(false);
    }
    let mut named = false;
    for pattern in field.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if wild(&not.to_ascii_lowercase(), name) => return false,
            Some(_) => {}
            None => named |= wild(&pattern.to_ascii_lowercase(), name),
        }
    }
    named
}

fn hashed_is(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let salt = BASE64.decode(salt.as_bytes()).ok()?;
    let hash = BASE64.decode(hash.as_bytes()).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac.verify_slice(&hash).is_ok())
}

/// `*` and `?`, in time proportional to the product of the lengths.
fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(kind.len()).expect("short");
        [&length.to_be_bytes()[..], kind.as_bytes(), body].concat()
    }

    fn line(hosts: &str, key: &[u8]) -> String {
        let kind = key_kind(key).expect("a key");
        format!("{hosts} {kind} {}\n", BASE64.encode(key))
    }

    #[test]
    fn a_known_key_is_accepted_under_each_way_to_write_its_host() {
        let good = key("ssh-ed25519", b"good");
        for hosts in [
            "git.example",
            "a,git.example,b",
            "*.example",
            "gi?.example",
            "GIT.example",
        ] {
            assert_eq!(
                check(&line(hosts, &good), "git.example", &good),
                Ok(()),
                "{hosts}"
            );
        }
        let port = line("[git.example]:2222", &good);
        let name = host_name("Git.Example", 2222);
        assert_eq!(check(&port, &name, &good), Ok(()));
        assert_eq!(
            check(&port, "git.example", &good),
            Err(HostKeyFault::Unknown)
        );
    }

    #[test]
    fn hashed_names() {
        // Made with `ssh-keygen -H`: the name is `git.example`.
        let salt = BASE64
            .decode(b"F1E1KeoE/eEWhi10WpGv4OdiO6Y=")
            .expect("base64");
        let mut mac = Hmac::<Sha1>::new_from_slice(&salt).expect("any key");
        mac.update(b"git.example");
        let hash = BASE64.encode(&mac.finalize().into_bytes());
        let good = key("ssh-ed25519", b"good");
        let text = line(&format!("|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|{hash}"), &good);
        assert_eq!(check(&text, "git.example", &good), Ok(()));
        assert_eq!(
            check(&text, "git.example2", &good),
            Err(HostKeyFault::Unknown)
        );
        // The example of sshd(8): the name is 192.168.1.61.
        let manual = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=";
        assert!(names(manual, "192.168.1.61"));
    }

    #[test]
    fn keys_that_are_not_accepted() {
        let good = key("ssh-ed25519", b"good");
        let evil = key("ssh-ed25519", b"evil");
        let rsa = key("ssh-rsa", b"good");
        let text = format!("# comment\n\n{}{}", line("h", &good), line("x", &evil));
        assert_eq!(
            check(&text, "h", &evil),
            Err(HostKeyFault::Changed { line: 3 })
        );
        assert!(matches!(
            check(&text, "h", &rsa),
            Err(HostKeyFault::OtherKind { .. })
        ));
        assert_eq!(check(&text, "other", &good), Err(HostKeyFault::Unknown));
        assert_eq!(check("", "h", &good), Err(HostKeyFault::Unknown));
        assert_eq!(check(&text, "h", b""), Err(HostKeyFault::NoKey));
        let negated = line("*,!h", &good);
        assert_eq!(check(&negated, "h", &good), Err(HostKeyFault::Unknown));
        let revoked = format!("{}@revoked {}", line("h", &good), line("*", &good));
        assert_eq!(
            check(&revoked, "h", &good),
            Err(HostKeyFault::Revoked { line: 2 })
        );
        let authority = format!("@cert-authority {}", line("h", &good));
        assert_eq!(check(&authority, "h", &good), Err(HostKeyFault::Unknown));
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("?", "", false),
            ("**a", "bba", true),
        ] {
            assert_eq!(wild(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!wild(&"*a".repeat(50), &"b".repeat(200)));
    }
}

//! Repository addresses: what kind, where to, and how to show them.

use std::path::PathBuf;

use super::error::SourceError;

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// On this host's file system.
    Local,
    /// Encrypted.
    Https,
    /// Plain; nothing secret is sent over it.
    Http,
    /// OpenSSH and its kin.
    Ssh,
    /// The anonymous Git protocol.
    Git,
}

/// A taken-apart address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// How.
    pub(super) scheme: Scheme,
    /// What libgit2 gets.
    pub(super) url: String,
    /// What people see: no password, no query.
    pub(super) shown: String,
    /// User part, if there is one.
    pub(super) user: Option<String>,
    /// Password part, to be kept out of messages.
    pub(super) password: Option<String>,
    /// Host, without brackets; empty for a local one.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
    /// Path of a local repository.
    pub(super) path: Option<PathBuf>,
}

impl Address {
    /// Takes an address apart.
    ///
    /// # Errors
    /// Unknown schemes, missing hosts, odd characters.
    pub(super) fn parse(url: &str) -> Result<Self, SourceError> {
        let fail = |why: &str| SourceError::Address {
            url: without_login(url),
            why: why.to_owned(),
        };
        if url.is_empty() || url.chars().any(char::is_control) {
            return Err(fail("empty, or with control characters"));
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            let (scheme, port) = match scheme.to_ascii_lowercase().as_str() {
                "file" => {
                    let path = rest.strip_prefix("localhost").unwrap_or(rest);
                    let path = decoded(path).ok_or_else(|| fail("a bad `%` in it"))?;
                    return Ok(Self::local(url, &path));
                }
                "https" => (Scheme::Https, 443),
                "http" => (Scheme::Http, 80),
                "ssh" | "git+ssh" | "ssh+git" => (Scheme::Ssh, 22),
                "git" => (Scheme::Git, 9418),
                _ => return Err(fail("use a path, file://, https:// or ssh://")),
            };
            return Self::remote(url, scheme, port, rest).map_err(fail);
        }
        match url.split_once(':') {
            Some((login, path)) if !login.contains('/') && !path.is_empty() => {
                Self::scp_like(url, login).map_err(fail)
            }
            _ => Ok(Self::local(url, url)),
        }
    }

    fn local(url: &str, path: &str) -> Self {
        Self {
            scheme: Scheme::Local,
            url: url.to_owned(),
            shown: url.to_owned(),
            user: None,
            password: None,
            host: String::new(),
            port: 0,
            path: Some(PathBuf::from(path)),
        }
    }

    fn remote(url: &str, scheme: Scheme, port: u16, rest: &str) -> Result<Self, &'static str> {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, at) = match authority.rsplit_once('@') {
            Some((login, at)) => (Some(login), at),
            None => (None, authority),
        };
        let (host, port) = host_port(at, port).ok_or("the port is not a number")?;
        if host.is_empty() || host.starts_with('-') {
            return Err("it names no host");
        }
        let (user, password) = match login.map(|l| l.split_once(':').unwrap_or((l, ""))) {
            Some((user, "")) => (Some(user.to_owned()), None),
            Some((user, password)) => (Some(user.to_owned()), Some(password.to_owned())),
            None => (None, None),
        };
        if scheme == Scheme::Http && password.is_some() {
            return Err("a password is not sent over plain http, use https");
        }
        Ok(Self {
            scheme,
            url: url.to_owned(),
            shown: without_login(url),
            user: user.filter(|u| !u.is_empty()),
            password,
            host,
            port,
            path: None,
        })
    }

    fn scp_like(url: &str, login: &str) -> Result<Self, &'static str> {
        let (user, host) = match login.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, login),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.starts_with('-') {
            return Err("it names no host");
        }
        Ok(Self {
            scheme: Scheme::Ssh,
            url: url.to_owned(),
            shown: url.to_owned(),
            user,
            password: None,
            host: host.to_owned(),
            port: 22,
            path: None,
        })
    }
}

fn host_port(text: &str, default: u16) -> Option<(String, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => default,
        };
        return Some((host.to_owned(), port));
    }
    match text.split_once(':') {
        Some((host, "")) => Some((host.to_owned(), default)),
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((text.to_owned(), default)),
    }
}

/// A path with `%20` and the like taken back.
fn decoded(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// An address without user, password and query, where they could hold a secret.
pub(super) fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (Scheme, String, u16, Option<String>, String) {
        let a = Address::parse(url).expect(url);
        (a.scheme, a.host, a.port, a.user, a.shown)
    }

    #[test]
    fn kinds_of_addresses() {
        let user = |u: &str| Some(u.to_owned());
        for (url, scheme, host, port, login, shown) in [
            ("/srv/net.git", Scheme::Local, "", 0, None, "/srv/net.git"),
            ("./net", Scheme::Local, "", 0, None, "./net"),
            ("./a:b", Scheme::Local, "", 0, None, "./a:b"),
            (
                "file:///srv/net.git",
                Scheme::Local,
                "",
                0,
                None,
                "file:///srv/net.git",
            ),
            ("https://h/x", Scheme::Https, "h", 443, None, "https://h/x"),
            (
                "https://u:pw@h:8443/x?t=1",
                Scheme::Https,
                "h",
                8443,
                user("u"),
                "https://h:8443/x",
            ),
            (
                "https://u:p@w@h/x",
                Scheme::Https,
                "h",
                443,
                user("u"),
                "https://h/x",
            ),
            (
                "ssh://git@h:2222/x",
                Scheme::Ssh,
                "h",
                2222,
                user("git"),
                "ssh://h:2222/x",
            ),
            (
                "ssh://[::1]:2222/x",
                Scheme::Ssh,
                "::1",
                2222,
                None,
                "ssh://[::1]:2222/x",
            ),
            (
                "git@h:team/x.git",
                Scheme::Ssh,
                "h",
                22,
                user("git"),
                "git@h:team/x.git",
            ),
            ("h:x", Scheme::Ssh, "h", 22, None, "h:x"),
            ("git://h/x", Scheme::Git, "h", 9418, None, "git://h/x"),
        ] {
            let expected = (scheme, host.to_owned(), port, login, shown.to_owned());
            assert_eq!(parts(url), expected, "{url}");
        }
        for (url, path) in [
            ("file:///srv/net.git", "/srv/net.git"),
            ("file://localhost/srv/a%20b%25", "/srv/a b%"),
            ("/srv/a%20b", "/srv/a%20b"),
        ] {
            let local = Address::parse(url).map(|a| a.path);
            assert_eq!(local.ok().flatten(), Some(PathBuf::from(path)), "{url}");
        }
        for bad in ["file:///%2", "file:///%zz", "file:///%ff"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refused_addresses_do_not_show_passwords() {
        for url in [
            "",
            "ext::sh -c x://y",
            "ftp://u:hunter2@h/x",
            "https:///x",
            "https://h:port/x",
            "http://u:hunter2@h/x",
            "ssh://-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "https://u:hunter2@/x",
            "a\nb",
        ] {
            match Address::parse(url) {
                Ok(address) => panic!("{url}: {address:?}"),
                Err(e) => assert!(!e.to_string().contains("hunter2"), "{e}"),
            }
        }
    }
}

//! One line of an `ssh_config`, and the values in it.

use super::JumpName;

/// Values that would be misunderstood in silence.
pub(super) fn check(keyword: &str, values: &[String]) -> Result<(), String> {
    let Some(value) = values.first() else {
        return Err(format!("`{keyword}` has no value"));
    };
    match keyword {
        "port" if value.parse::<u16>().is_err() => Err(format!("`{value}` is not a port")),
        "proxyjump" => jump(value).map(drop),
        _ => Ok(()),
    }
}

pub(super) fn jump(value: &str) -> Result<JumpName, String> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(JumpName {
            user: None,
            host: String::new(),
            port: None,
        });
    }
    if value.contains(',') {
        return Err("more than one host in `ProxyJump` is not supported".to_owned());
    }
    let value = value.strip_prefix("ssh://").unwrap_or(value);
    let (user, place) = match value.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, value),
    };
    let (host, port) = split_port(place)?;
    Ok(JumpName { user, host, port })
}

/// `host`, `host:port`, `[v6]:port`, or a bare IPv6 address.
fn split_port(place: &str) -> Result<(String, Option<u16>), String> {
    let port = |text: &str| {
        text.parse()
            .map(Some)
            .map_err(|_| format!("`{text}` is not a port"))
    };
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| format!("`{place}` lacks a `]`"))?;
        let number = after.strip_prefix(':').map_or(Ok(None), port)?;
        return Ok((host.to_owned(), number));
    }
    match place.split_once(':') {
        Some((host, number)) if !number.contains(':') => Ok((host.to_owned(), port(number)?)),
        _ => Ok((place.to_owned(), None)),
    }
}

/// A line's keyword, in lower case, and its values; quotes keep blanks together.
pub(super) fn words(line: &str) -> Result<Option<(String, Vec<String>)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line
        .find(|c: char| c.is_whitespace() || c == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut values = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in rest.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            c if c.is_whitespace() && !quoted => values.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    values.extend(word);
    Ok(Some((keyword.to_ascii_lowercase(), values)))
}

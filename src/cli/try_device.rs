//! `netkeel try`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::app::{App, who};
use super::error::{CliError, Result};
use super::exit::Exit;
use super::show::device::{self, Understood};
use super::stage::home;
use crate::apply::read_running;
use crate::config::{Document, Sealer};
use crate::device::detect::detect;
use crate::device::transport::Verdict;
use crate::device::transport::known_hosts::host_name;
use crate::device::transport::ssh_config::{Environment, SshConfig};
use crate::device::{
    Connector as _, DeviceError, HostKeyPolicy, Login, Session, SshConnector, Target,
};
use crate::model::{Datastore, Facts, SecretText, Undo};
use crate::pack::{Pack, Packs};

/// Look at one router and show what Netkeel understands of it. Reads once, writes nothing,
/// remembers nothing, needs no repository and no settings.
///
/// Finds out the platform, reads facts and the running configuration, and shows how much of
/// it is understood, which secrets would be sealed, and what a change would need there. Uses
/// the key of --key or ssh_config, else asks for the password. An unknown host key is shown
/// and asked about, and written down only after a yes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel try admin@192.0.2.1
  netkeel try admin@router1:2222 --platform ios
  netkeel try router1 --key ~/.ssh/id_ed25519 --show")]
pub(crate) struct Args {
    /// Where: [USER@]HOST[:PORT], or a name of ssh_config.
    #[arg(value_name = "USER@HOST[:PORT]")]
    destination: String,
    /// The platform, instead of finding it out.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Private key to log in with.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// OpenSSH client configuration [default: ~/.ssh/config].
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    /// Known host keys [default: those of ssh_config, else ~/.ssh/known_hosts].
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Print the configuration too, secrets sealed.
    #[arg(long)]
    show: bool,
}

const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
/// Patience with a device of which nothing is known yet.
const STRANGER: Duration = Duration::from_secs(15);

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let packs = Packs::builtin().map_err(CliError::failure)?;
    let wanted = candidates(&packs, args.platform.as_deref())?;
    let (mut target, known_hosts) = target(&args, &wanted[0])?;
    let connector = SshConnector::new(known_hosts, HostKeyPolicy::Strict);
    meet(app, &connector, &target).await?;
    if args.password_stdin {
        let mut line = zeroize::Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        target.login.password = Some(SecretText::new(line.trim_end_matches(['\r', '\n'])));
    } else if target.login.key_file.is_none() {
        ask(app, &mut target)?;
    }
    let (pack, mut session, facts) = log_in(app, &connector, &mut target, &wanted).await?;
    let mut sealer = Sealer::new(rand::random(), BTreeMap::new());
    let seen = read_running(&mut *session, &target.device, &mut sealer, &pack.dialect).await;
    let startup = match session.capabilities().startup {
        true => session.config(Datastore::Startup).await.ok(),
        false => None,
    };
    let can = session.capabilities().clone();
    session.close().await;
    let seen = seen.map_err(CliError::failure)?;
    let mut understood = Understood::new(&pack.name, facts, &seen.document, &can);
    understood.unsaved = startup.map(|text| {
        let text = sealer.running(text.expose(), &pack.dialect);
        Document::parse(&text, &pack.dialect).fingerprint() != seen.fingerprint
    });
    if app.ui.json {
        app.ui.document(&understood)?;
        return Ok(Exit::Fine);
    }
    if args.show {
        app.ui.print(&seen.text)?;
    }
    let text = device::text(&understood, app.ui.paint());
    app.ui.print(&text)?;
    app.ui.line(
        "nothing was written, nothing is remembered. Next: `netkeel init`, then `netkeel adopt`",
    )?;
    Ok(Exit::Fine)
}

fn candidates(packs: &Packs, named: Option<&str>) -> Result<Vec<Arc<Pack>>> {
    match named {
        Some(name) => {
            let pack = packs.get(name).filter(|pack| pack.driven);
            pack.map(|pack| vec![pack]).ok_or_else(|| {
                let names: Vec<String> = driven(packs).map(|p| p.name.clone()).collect();
                CliError::usage(format!("no driver for platform `{name}`"))
                    .hint(format!("there are: {}", names.join(", ")))
            })
        }
        None => Ok(driven(packs).collect()),
    }
}

/// The packs of platforms Netkeel has a driver for.
fn driven(packs: &Packs) -> impl Iterator<Item = Arc<Pack>> {
    let names = packs.names().into_iter();
    names
        .filter_map(|name| packs.get(name))
        .filter(|pack| pack.driven)
}

/// Whom to connect to, as the argument and ssh_config say; and the known hosts.
fn target(args: &Args, pack: &Arc<Pack>) -> Result<(Target, Vec<PathBuf>)> {
    let env = Environment {
        home: home()?,
        user: who(),
    };
    let path = args
        .ssh_config
        .clone()
        .unwrap_or_else(|| env.home.join(".ssh/config"));
    let config = SshConfig::read(&path, &env, args.ssh_config.is_none())
        .map_err(|e| CliError::failure(e).with_exit(Exit::Usage))?;
    let (user, host, port) = destination(&args.destination)?;
    let found = config.resolve(host, &env);
    let jump = found
        .proxy_jump
        .as_ref()
        .map(|name| config.jump(name, &env));
    let known_hosts = match (&args.known_hosts, found.known_hosts.clone()) {
        (Some(path), _) => vec![path.clone()],
        (None, Some(paths)) if !paths.is_empty() => paths,
        (None, _) => vec![env.home.join(".ssh/known_hosts")],
    };
    let username = user.map(str::to_owned).or_else(|| found.user.clone());
    let target = Target {
        device: host.to_owned(),
        address: found.hostname.clone(),
        port: port.or(found.port).unwrap_or(22),
        login: Login {
            username: username.unwrap_or_else(|| env.user.clone()),
            key_file: args.key.clone().or_else(|| found.key(&env.home)),
            ..Login::default()
        },
        pack: Arc::clone(pack),
        connect_timeout: CONNECT,
        silence_timeout: SILENCE,
        undo: Undo::default(),
        jump,
    };
    Ok((target, known_hosts))
}

/// `[user@]host[:port]`; an IPv6 address with a port in brackets.
fn destination(text: &str) -> Result<(Option<&str>, &str, Option<u16>)> {
    let wrong = || {
        CliError::usage(format!("`{text}` is not USER@HOST or USER@HOST:PORT"))
            .hint("an IPv6 address with a port: USER@[2001:db8::1]:22")
    };
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user).filter(|u| !u.is_empty()), place),
        None => (None, text),
    };
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, tail) = rest.split_once(']').ok_or_else(wrong)?;
        (host, tail.strip_prefix(':'))
    } else {
        match place.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            Some(_) | None => (place, None),
        }
    };
    let port = port.map(str::parse).transpose().map_err(|_| wrong())?;
    if host.is_empty() || host.starts_with('-') {
        Err(wrong())
    } else {
        Ok((user, host, port))
    }
}

/// Looks at the host key; an unknown one is written down after a yes, a changed one never.
async fn meet(app: &mut App, connector: &SshConnector, target: &Target) -> Result<()> {
    if target.jump.is_some() {
        // Both keys are checked on the way, strictly.
        return Ok(());
    }
    let seen = connector.look(target).await.map_err(CliError::failure)?;
    let place = host_name(&target.address, target.port);
    let hosts = connector.known_hosts();
    match hosts.judge(&target.address, target.port, &seen.key)? {
        Verdict::Known => Ok(()),
        Verdict::Refused(why) => Err(CliError::failure(format!(
            "the host key of {place} is not to be trusted: {why}"
        ))
        .hint(format!(
            "it shows {}; compare that with what the device's console says",
            seen.fingerprint
        ))),
        Verdict::Unknown(_) => {
            app.ui.note(&format!(
                "{place} is not known. Its key: {} {}",
                seen.key.algorithm(),
                seen.fingerprint
            ))?;
            if !app.ui.confirm("Trust it, and write it into known_hosts?")? {
                return Err(
                    CliError::failure(format!("the host key of {place} is not known"))
                        .hint("log in with ssh once, or name a file with --known-hosts"),
                );
            }
            Ok(hosts.add(&target.address, target.port, &seen.key)?)
        }
    }
}

fn ask(app: &mut App, target: &mut Target) -> Result<()> {
    let prompt = format!("{}@{}'s password: ", target.login.username, target.address);
    target.login.password = Some(app.ui.password(&prompt)?);
    Ok(())
}

/// Logs in; without a named platform, once before that to find out which it is.
async fn log_in(
    app: &mut App,
    connector: &SshConnector,
    target: &mut Target,
    packs: &[Arc<Pack>],
) -> Result<(Arc<Pack>, Box<dyn Session>, Facts)> {
    let pack = match packs {
        [named] => Arc::clone(named),
        several => found(app, connector, target, several).await?,
    };
    target.pack = Arc::clone(&pack);
    let mut opened = connector.connect(target).await;
    if is_refused(&opened) && may_ask(app, target) {
        ask(app, target)?;
        opened = connector.connect(target).await;
    }
    let mut session = opened.map_err(CliError::failure)?;
    match session.facts().await {
        Ok(facts) => Ok((pack, session, facts)),
        Err(error) => {
            session.close().await;
            let doing = format!("`{}` does not answer like {}", target.device, pack.name);
            Err(CliError::failure(error).while_doing(doing))
        }
    }
}

/// Which platform it is.
async fn found(
    app: &mut App,
    connector: &SshConnector,
    target: &mut Target,
    packs: &[Arc<Pack>],
) -> Result<Arc<Pack>> {
    let stranger = Target {
        silence_timeout: STRANGER,
        ..target.clone()
    };
    let mut detected = detect(connector, &stranger, packs).await;
    if is_refused(&detected) && may_ask(app, target) {
        ask(app, target)?;
        let stranger = Target {
            login: target.login.clone(),
            ..stranger
        };
        detected = detect(connector, &stranger, packs).await;
    }
    let detected = detected.map_err(CliError::failure)?;
    detected.pack.ok_or_else(|| {
        let names: Vec<&str> = packs.iter().map(|pack| pack.name.as_str()).collect();
        CliError::failure(format!(
            "`{}` answers like no platform Netkeel knows: {}",
            target.device,
            detected.seen.shown()
        ))
        .hint(format!(
            "`--platform P` says which it is; there are: {}",
            names.join(", ")
        ))
    })
}

fn is_refused<T>(result: &std::result::Result<T, DeviceError>) -> bool {
    matches!(result, Err(DeviceError::Auth { .. }))
}

/// A key was refused, and there is somebody to ask for a password.
fn may_ask(app: &App, target: &Target) -> bool {
    target.login.password.is_none() && app.ui.interactive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_as_people_write_them() {
        for (text, expected) in [
            ("r1", (None, "r1", None)),
            ("ada@r1", (Some("ada"), "r1", None)),
            ("ada@r1:2222", (Some("ada"), "r1", Some(2222))),
            ("a@b@192.0.2.1:22", (Some("a@b"), "192.0.2.1", Some(22))),
            ("ada@2001:db8::1", (Some("ada"), "2001:db8::1", None)),
            (
                "ada@[2001:db8::1]:830",
                (Some("ada"), "2001:db8::1", Some(830)),
            ),
        ] {
            assert_eq!(destination(text).unwrap(), expected, "{text}");
        }
        for bad in [
            "",
            "ada@",
            "r1:port",
            "r1:99999",
            "[::1",
            "-oProxyCommand=x",
        ] {
            assert!(destination(bad).is_err(), "{bad}");
        }
    }
}

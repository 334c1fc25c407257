//! What no type can say about settings.

use globset::Glob;

use super::problem::Problem;
use super::types::Settings;
use crate::model::SecretName;

/// What no type can say.
pub(super) fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let s = settings;
    for (key, duration) in [
        ("repository.timeout", s.repository.timeout),
        ("repository.poll", s.repository.poll),
        ("device.connect_timeout", s.device.connect_timeout),
        ("device.silence_timeout", s.device.silence_timeout),
        ("run.interval", s.run.interval),
        ("run.retry_first", s.run.retry_first),
        ("run.stale_after", s.run.stale_after()),
        ("rendering.cpu", s.rendering.cpu),
        ("rendering.wall", s.rendering.wall),
    ] {
        if duration.is_zero() {
            problems.push(Problem::new(key, "must be longer than nothing"));
        }
    }
    for (key, number) in [
        ("limits.concurrency", s.limits.concurrency),
        ("limits.per_site", s.limits.per_site),
        ("limits.per_jump", s.limits.per_jump),
        ("rollout.first", s.rollout.first),
        ("rollout.growth", s.rollout.growth),
        ("rails.contested_after", s.rails.contested_after),
        ("rails.refused_logins", s.rails.refused_logins),
    ] {
        if number == 0 {
            problems.push(Problem::new(key, "must be at least 1"));
        }
    }
    if s.rendering.memory < 32 << 20 {
        problems.push(
            Problem::new(
                "rendering.memory",
                "the evaluator does not start in less than 32 MiB",
            )
            .with_hint("leave it at 512MiB unless templates need more"),
        );
    }
    check_secrets(s, &mut problems);
    problems
}

fn check_secrets(settings: &Settings, problems: &mut Vec<Problem>) {
    for (name, secret) in &settings.secrets {
        let key = format!("secrets.{name}");
        if let Err(error) = SecretName::new(name.as_str()) {
            problems.push(Problem::new(&key, error.to_string()));
        }
        for host in &secret.to.hosts {
            if let Err(error) = Glob::new(host) {
                problems.push(Problem::new(format!("{key}.to.hosts"), error.to_string()));
            }
        }
    }
    let references = [
        ("repository.token", &settings.repository.token, true),
        (
            "repository.key_passphrase",
            &settings.repository.key_passphrase,
            true,
        ),
        ("ssh.key_passphrase", &settings.ssh.key_passphrase, false),
    ];
    for (key, name, git) in references {
        let Some(name) = name else { continue };
        match settings.secrets.get(name) {
            None => problems.push(
                Problem::new(
                    key,
                    format!("secret `{name}` is not defined under `secrets`"),
                )
                .with_hint("this key takes the name of a secret, never its value"),
            ),
            Some(secret) if git && !secret.to.git => problems.push(
                Problem::new(
                    key,
                    format!("secret `{name}` may not be sent to the Git server"),
                )
                .with_hint(format!("add `git: true` under `secrets.{name}.to`")),
            ),
            Some(_) => {}
        }
    }
}

//! What we agree to with a server, and the judging of its key.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, Config, GexParams};
use russh::keys::{Algorithm, PublicKey};
use russh::{Preferred, cipher, kex};

use super::known_hosts::{KnownHosts, Verdict, fingerprint};
use super::ssh::{Endpoint, HostKeyPolicy, Seen, SeenKey};
use crate::device::DeviceError;

/// A server that is silent is asked whether it is still there this often …
const KEEPALIVE: Duration = Duration::from_secs(20);

/// … and given up after this many questions without an answer.
const KEEPALIVE_MAX: usize = 3;

/// Key exchanges by cost: curve25519 is a third of ML-KEM's cost, ECDH far below classic
/// Diffie-Hellman, whose larger groups take russh tens of milliseconds.
const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::MLKEM768X25519_SHA256,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
    kex::DH_G15_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_G17_SHA512,
    kex::DH_G18_SHA512,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// AES-GCM has hardware behind it.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

pub(super) fn config(known: &[Algorithm], to: &Endpoint<'_>) -> Result<Arc<Config>, DeviceError> {
    // 2048 bits are what routers have; russh's own default would refuse them.
    let gex = GexParams::new(2048, 2048, 8192).map_err(|e| to.failed(e))?;
    let preferred = Preferred {
        kex: Cow::Borrowed(KEX),
        cipher: Cow::Borrowed(CIPHERS),
        key: key_order(known),
        ..Preferred::DEFAULT
    };
    Ok(Arc::new(Config {
        preferred,
        gex,
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVE_MAX,
        ..Config::default()
    }))
}

/// The types a server is known by come first; RSA keys are known by one name and signed with
/// by three.
fn key_order(known: &[Algorithm]) -> Cow<'static, [Algorithm]> {
    if known.is_empty() {
        return Preferred::DEFAULT.key;
    }
    let is_known = |a: &Algorithm| known.iter().any(|k| k == a || both_rsa(k, a));
    let (mut first, rest): (Vec<Algorithm>, Vec<Algorithm>) =
        Preferred::DEFAULT.key.iter().cloned().partition(is_known);
    first.extend(rest);
    Cow::Owned(first)
}

fn both_rsa(a: &Algorithm, b: &Algorithm) -> bool {
    matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// Judges the server's key before anything secret is sent.
pub(super) struct Guard {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) hosts: Arc<KnownHosts>,
    pub(super) policy: HostKeyPolicy,
    pub(super) seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
pub(super) enum GuardError {
    Ssh(russh::Error),
    Files(io::Error),
    HostKey { fingerprint: String, why: String },
}

impl From<russh::Error> for GuardError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Guard {
    fn judge(&self, key: &PublicKey) -> Result<(), GuardError> {
        let verdict = self
            .hosts
            .judge(&self.host, self.port, key)
            .map_err(GuardError::Files)?;
        match (verdict, self.policy) {
            (_, HostKeyPolicy::Look) => Err(refuse(key, "only looked at".to_owned())),
            (Verdict::Known, _) => Ok(()),
            (Verdict::Unknown(_), HostKeyPolicy::AcceptNew) => self
                .hosts
                .add(&self.host, self.port, key)
                .map_err(GuardError::Files),
            (Verdict::Unknown(why) | Verdict::Refused(why), _) => Err(refuse(key, why)),
        }
    }

    fn note(&self, write: impl FnOnce(&mut Seen)) {
        write(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn refuse(key: &PublicKey, why: String) -> GuardError {
    GuardError::HostKey {
        fingerprint: fingerprint(key),
        why,
    }
}

impl client::Handler for Guard {
    type Error = GuardError;

    async fn check_server_key(
        &mut self,
        shown: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, GuardError> {
        let key = shown.public_key();
        let seen = SeenKey {
            fingerprint: fingerprint(&key),
            key: key.clone(),
        };
        self.note(|s| s.key = Some(seen));
        self.judge(&key).map(|()| true)
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut client::Session,
    ) -> Result<(), GuardError> {
        self.note(|s| banner.clone_into(&mut s.banner));
        Ok(())
    }

    async fn kex_done(
        &mut self,
        _secret: Option<&[u8]>,
        _names: &russh::Names,
        session: &mut client::Session,
    ) -> Result<(), GuardError> {
        let version = String::from_utf8_lossy(session.remote_sshid())
            .trim_end()
            .to_owned();
        self.note(|s| s.version = version);
        Ok(())
    }
}

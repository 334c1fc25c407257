//! Several refused logins in a row on one credential stop all logins with it, so that
//! nobody's account gets locked by us.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::context::{self, Context};
use crate::device::{Connector, DeviceError, Session, Target};
use crate::model::{Credential, Device, Fingerprint, Store, StoreError};

/// Store key of the counters, so that a restart does not forget them.
const META: &str = "refused_logins";
/// Counting is read and write; workers of this process take turns.
static COUNTING: Mutex<()> = Mutex::new(());
/// How long a credential counts as good after a login with it.
const GOOD_FOR: Duration = Duration::from_secs(120);

/// Which credentials have just been seen to work. With another one no more logins are under
/// way at once than may still be refused: a wrong password must show before it has been
/// offered to everything that is looked at at the same time.
#[derive(Debug, Default)]
pub struct Logins(Mutex<BTreeMap<String, Arc<Gate>>>);

#[derive(Debug, Default)]
struct Gate {
    /// Held while refusals are counted, so that nobody starts on an old count.
    counting: tokio::sync::Mutex<()>,
    inside: Mutex<Inside>,
    /// A login has ended.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    good_until: Option<Instant>,
    under_way: usize,
}

impl Logins {
    fn gate(&self, credential: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(credential.to_owned()).or_default())
    }
}

impl Gate {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_good(&self) -> bool {
        let until = self.inside().good_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Waits until one more login may begin; the error says why none may.
    async fn turn(&self, ctx: &Context, credential: &str) -> Result<Option<Turn<'_>>, String> {
        loop {
            if self.is_good() {
                return stopped(ctx, credential).await.map_or(Ok(None), Err);
            }
            let changed = self.changed.notified();
            {
                let _counting = self.counting.lock().await;
                let refused = refused(ctx, credential).await;
                let left = ctx.settings.rails.refused_logins.saturating_sub(refused);
                if left == 0 {
                    return Err(no_more(credential, refused));
                }
                let mut inside = self.inside();
                if inside.under_way < left {
                    inside.under_way += 1;
                    return Ok(Some(Turn(self)));
                }
            }
            changed.await;
        }
    }
}

/// A login under way with a credential nobody knows to be good.
struct Turn<'a>(&'a Gate);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.inside().under_way -= 1;
        self.0.changed.notify_waiters();
    }
}

/// Makes the sessions of one device's change: every login counts, and none is tried with a
/// credential that is stopped.
pub(super) struct Counted<'a> {
    ctx: &'a Context,
    credential: String,
}

impl<'a> Counted<'a> {
    pub(super) fn new(ctx: &'a Context, credential: String) -> Self {
        Self { ctx, credential }
    }
}

#[async_trait]
impl Connector for Counted<'_> {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Session>, DeviceError> {
        let gate = self.ctx.logins.gate(&self.credential);
        let turn = match gate.turn(self.ctx, &self.credential).await {
            Ok(turn) => turn,
            Err(why) => {
                return Err(DeviceError::Credential {
                    device: target.device.clone(),
                    what: "stopped".to_owned(),
                    source: why.into(),
                });
            }
        };
        let connected = self.ctx.connector.connect(target).await;
        let refused = matches!(&connected, Err(DeviceError::Auth { .. }));
        let counting = if refused || turn.is_some() {
            Some(gate.counting.lock().await)
        } else {
            None
        };
        if refused {
            gate.inside().good_until = None;
        } else if connected.is_ok() {
            gate.inside().good_until = Some(Instant::now() + GOOD_FOR);
        }
        note(self.ctx, &self.credential, refused, connected.is_ok()).await;
        drop(turn);
        drop(counting);
        connected
    }
}

/// Names a credential without showing it: the user, and where the secret comes from. A plain
/// password is one credential on however many devices: a keyed hash tells which.
pub(super) fn id(ctx: &Context, target: &Target, device: &Device) -> String {
    let from = match (context::credential(device), &target.login.key_file) {
        (_, Some(file)) => format!("key {}", file.display()),
        (Some(Credential::Named(name)), None) => format!("secret:{name}"),
        (Some(Credential::Plain(value)), None) => {
            let hash = Fingerprint::of([&ctx.seal_key[..], value.expose().as_bytes()]);
            format!("a plain password ({})", hash.short())
        }
        (None, None) => "agent".to_owned(),
    };
    format!("{} with {from}", target.login.username)
}

/// Why a credential is not used any more, if it is not.
pub(super) async fn stopped(ctx: &Context, credential: &str) -> Option<String> {
    let refused = refused(ctx, credential).await;
    (refused >= ctx.settings.rails.refused_logins).then(|| no_more(credential, refused))
}

/// How many times in a row it was refused; a counter that cannot be read stops nobody.
async fn refused(ctx: &Context, credential: &str) -> usize {
    let counts = ctx.store(|store| Ok(read(store))).await.unwrap_or_default();
    counts.get(credential).copied().unwrap_or(0)
}

fn no_more(credential: &str, refused: usize) -> String {
    format!(
        "no more logins as {credential}: refused {refused} times in a row (after mending it: \
         `netkeel release` any of its devices)"
    )
}

/// Counts a refused login; a good one starts again at nought.
async fn note(ctx: &Context, credential: &str, refused: bool, good: bool) {
    if !refused && !good {
        return;
    }
    let credential = credential.to_owned();
    // a counter that cannot be kept must not keep us from looking; the device is held anyway
    drop(
        ctx.store(move |store| count(store, &credential, refused))
            .await,
    );
}

fn count(store: &dyn Store, credential: &str, refused: bool) -> Result<(), StoreError> {
    let _turn = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut counts = read(store);
    if refused {
        *counts.entry(credential.to_owned()).or_insert(0) += 1;
    } else if counts.remove(credential).is_none() {
        return Ok(());
    }
    let text = serde_json::to_string(&counts).unwrap_or_default();
    store.set_meta(META, &text)
}

/// Forgets all refusals: a person has looked (`netkeel release`).
///
/// # Errors
/// The store's.
pub fn forget(store: &dyn Store) -> Result<(), StoreError> {
    store.set_meta(META, "{}")
}

fn read(store: &dyn Store) -> BTreeMap<String, usize> {
    store
        .get_meta(META)
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

//! Stopping in two steps: first no new attempts, and those under way confirm or undo;
//! then, on a second signal or when the grace is over, they are dropped and the devices'
//! own timers do the rest.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::trigger::{Look, Trigger};

/// The two steps. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    gently: CancellationToken,
    now: CancellationToken,
}

impl Stop {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks: the first time to stop gently, the second time to drop everything.
    pub fn ask(&self) {
        if self.gently.is_cancelled() {
            self.now.cancel();
        }
        self.gently.cancel();
    }

    /// Somebody has asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.gently.is_cancelled()
    }

    /// Waits until somebody asks.
    pub async fn gently(&self) {
        self.gently.cancelled().await;
    }

    /// Waits until somebody asks again.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }
}

/// Turns signals into wishes, for as long as the future lives: TERM and INT stop (twice:
/// at once), HUP makes us look at the repository and all devices.
///
/// # Errors
/// When a signal cannot be listened to.
pub fn on_signals(
    stop: Stop,
    triggers: mpsc::Sender<Trigger>,
) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => stop.ask(),
                _ = interrupt.recv() => stop.ask(),
                _ = hangup.recv() => look_again(&triggers).await,
            }
        }
    })
}

/// The loop being gone is not our matter: it is on its way out.
async fn look_again(triggers: &mpsc::Sender<Trigger>) {
    for look in [Look::Repository, Look::Fleet] {
        drop(triggers.send(Trigger::new(look, "signal")).await);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn hup_means_look_at_the_repository_and_all_devices() {
        let (sender, mut wishes) = mpsc::channel(4);
        let mut listening = JoinSet::new();
        listening.spawn(on_signals(Stop::new(), sender).unwrap());
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::HUP).unwrap();
        let looks = [wishes.recv().await.unwrap(), wishes.recv().await.unwrap()];
        assert_eq!(looks.map(|wish| wish.look), [Look::Repository, Look::Fleet]);
    }

    #[tokio::test]
    async fn the_first_request_is_gentle_and_the_second_is_not() {
        let stop = Stop::new();
        assert!(!stop.is_asked());
        stop.ask();
        stop.gently().await;
        let (gentle, hard) = (stop.gently.is_cancelled(), stop.now.is_cancelled());
        assert_eq!((gentle, hard), (true, false));
        stop.ask();
        stop.now().await;
    }
}

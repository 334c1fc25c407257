//! Many simulated devices in one process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use russh::keys::{Algorithm, PrivateKey};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock::{Clock, Pace};
use super::faults::Faults;
use super::gate::lock;
use super::info::{DeviceInfo, SimError};
use super::model::Model;
use super::server::{self, Station};
use super::spec::{DeviceSpec, Platform};

/// How a fleet is run.
#[derive(Clone, Copy, Debug)]
pub struct FleetOptions {
    /// The devices' clock.
    pub pace: Pace,
    /// What that clock says at the start.
    pub start: Timestamp,
}

/// One device of the fleet.
struct Member {
    platform: Platform,
    station: Arc<Station>,
    address: SocketAddr,
    key: Mutex<PrivateKey>,
    stop: Mutex<CancellationToken>,
}

/// A running fleet. Dropping it ends every connection.
pub struct Fleet {
    members: BTreeMap<String, Member>,
    order: Vec<String>,
    clock: Arc<Clock>,
    tasks: JoinSet<()>,
}

impl Fleet {
    /// Starts every device.
    ///
    /// # Errors
    /// An address in use, a name used twice.
    pub async fn start(specs: Vec<DeviceSpec>, options: FleetOptions) -> Result<Self, SimError> {
        raise_descriptor_limit();
        let clock = Arc::new(Clock::new(options.pace, options.start));
        let timer = Arc::new(Notify::new());
        let mut fleet = Self {
            members: BTreeMap::new(),
            order: Vec::new(),
            clock,
            tasks: JoinSet::new(),
        };
        for spec in specs {
            fleet.add(spec, &timer).await?;
        }
        let stations: Vec<Arc<Station>> =
            fleet.members.values().map(|m| m.station.clone()).collect();
        fleet
            .tasks
            .spawn(timers(stations, fleet.clock.clone(), timer));
        Ok(fleet)
    }

    async fn add(&mut self, spec: DeviceSpec, timer: &Arc<Notify>) -> Result<(), SimError> {
        let (name, platform) = (spec.name.clone(), spec.platform);
        if self.members.contains_key(&name) {
            return Err(SimError::Twice(name));
        }
        let listener = bind(&name, spec.listen).await?;
        let address = listener.local_addr().unwrap_or(spec.listen);
        let model = Model::boot(spec, self.clock.now());
        let station = Arc::new(Station::new(model, self.clock.clone(), timer.clone()));
        let key = new_key(&name)?;
        let stop = CancellationToken::new();
        self.tasks.spawn(station.clone().serve(
            listener,
            server::config(key.clone(), platform),
            stop.clone(),
        ));
        self.members.insert(
            name.clone(),
            Member {
                platform,
                station,
                address,
                key: Mutex::new(key),
                stop: Mutex::new(stop),
            },
        );
        self.order.push(name);
        Ok(())
    }

    fn member(&self, name: &str) -> Result<&Member, SimError> {
        self.members
            .get(name)
            .ok_or_else(|| SimError::NoDevice(name.to_owned()))
    }

    /// How to reach every device, in the order they were given.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.order
            .iter()
            .filter_map(|name| self.device(name).ok())
            .collect()
    }

    /// How to reach one device.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn device(&self, name: &str) -> Result<DeviceInfo, SimError> {
        let member = self.member(name)?;
        let model = lock(&member.station.model);
        let mut public = lock(&member.key).public_key().clone();
        public.set_comment("");
        Ok(DeviceInfo {
            name: name.to_owned(),
            platform: model.spec().platform.as_str().to_owned(),
            protocol: "ssh".to_owned(),
            address: member.address.ip().to_string(),
            port: member.address.port(),
            username: model.spec().username.clone(),
            password: model.spec().password.clone(),
            host_key: public
                .to_openssh()
                .map(|k| k.trim().to_owned())
                .unwrap_or_default(),
        })
    }

    /// The running configuration of a device, without header.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn running(&self, name: &str) -> Result<String, SimError> {
        Ok(self.member(name)?.station.with(|model, now| {
            model.tick(now);
            model.running()
        }))
    }

    /// The startup configuration of a device.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn startup(&self, name: &str) -> Result<String, SimError> {
        Ok(self
            .member(name)?
            .station
            .with(|model, _| model.startup.to_string()))
    }

    /// Somebody changes a device by hand: types lines in configuration mode, from a console
    /// that needs no network. Returns what the device said.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn type_as_user(&self, name: &str, user: &str, lines: &[&str]) -> Result<String, SimError> {
        Ok(self
            .member(name)?
            .station
            .with(|model, now| model.type_as(user, lines, now)))
    }

    /// Sets what goes wrong with a device from now on.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn set_faults(&self, name: &str, faults: Faults) -> Result<(), SimError> {
        self.member(name)?
            .station
            .with(|model, _| model.set_faults(faults));
        Ok(())
    }

    /// How many connections a device has.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn connections(&self, name: &str) -> Result<usize, SimError> {
        Ok(self.member(name)?.station.gates.count())
    }

    /// How often somebody has tried to log in to a device with a password.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn logins(&self, name: &str) -> Result<usize, SimError> {
        Ok(self.member(name)?.station.with(|model, _| model.logins))
    }

    /// The devices' time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the devices' time on and lets their timers fire.
    pub fn step(&self, by: Duration) {
        self.clock.step(by);
        for member in self.members.values() {
            member.station.with(Model::tick);
        }
    }

    /// Turns a device off: connections end, nobody listens.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn stop_device(&self, name: &str) -> Result<(), SimError> {
        lock(&self.member(name)?.stop).cancel();
        Ok(())
    }

    /// Turns a device (off and) on again: it starts from its startup configuration, on the
    /// same address, with the same host key.
    ///
    /// # Errors
    /// There is none of that name, or its address has been taken meanwhile.
    pub async fn restart_device(&mut self, name: &str) -> Result<(), SimError> {
        let member = self
            .members
            .get(name)
            .ok_or_else(|| SimError::NoDevice(name.to_owned()))?;
        lock(&member.stop).cancel();
        let listener = bind(name, member.address).await?;
        let (station, stop) = (member.station.clone(), CancellationToken::new());
        station.with(Model::reload);
        *lock(&member.stop) = stop.clone();
        let config = server::config(lock(&member.key).clone(), member.platform);
        self.tasks.spawn(station.serve(listener, config, stop));
        Ok(())
    }

    /// Gives a device another host key, as if it had been replaced, and restarts it.
    ///
    /// # Errors
    /// As [`Fleet::restart_device`].
    pub async fn rekey(&mut self, name: &str) -> Result<(), SimError> {
        *lock(&self.member(name)?.key) = new_key(name)?;
        self.restart_device(name).await
    }

    /// Ends everything and waits for it.
    pub async fn shutdown(mut self) {
        for member in self.members.values() {
            lock(&member.stop).cancel();
            member.station.gates.cut_all();
        }
        self.tasks.shutdown().await;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for member in self.members.values() {
            lock(&member.stop).cancel();
            member.station.gates.cut_all();
        }
    }
}

/// Listens; an address that is just being given up is waited for.
async fn bind(device: &str, address: SocketAddr) -> Result<TcpListener, SimError> {
    const TRIES: u32 = 50;
    let mut tried = 0;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(e)
                if e.kind() == std::io::ErrorKind::AddrInUse
                    && address.port() != 0
                    && tried < TRIES =>
            {
                tried += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(source) => {
                return Err(SimError::Listen {
                    device: device.to_owned(),
                    address,
                    source,
                });
            }
        }
    }
}

fn new_key(device: &str) -> Result<PrivateKey, SimError> {
    PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(|source| SimError::Key {
        device: device.to_owned(),
        source,
    })
}

/// Lets the devices' timers fire when they are due.
async fn timers(stations: Vec<Arc<Station>>, clock: Arc<Clock>, moved: Arc<Notify>) {
    loop {
        let next = stations
            .iter()
            .filter_map(|s| lock(&s.model).deadline())
            .min();
        match next.and_then(|at| clock.wait(at)) {
            None => moved.notified().await,
            Some(wait) => {
                tokio::select! {
                    () = moved.notified() => continue,
                    () = tokio::time::sleep(wait) => {}
                }
                for station in &stations {
                    station.with(Model::tick);
                }
            }
        }
    }
}

/// A thousand devices need a listener each; the usual soft limit is 1,024 descriptors.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _refused = setrlimit(Resource::Nofile, limit);
}

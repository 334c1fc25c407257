//! What the schedule promises.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(900);

fn schedule(limits: Limits) -> Schedule {
    let timing = Timing {
        interval: INTERVAL,
        debounce: Duration::from_millis(200),
        retry_first: 60 * SECOND,
        retry_most: 3600 * SECOND,
        once: false,
        seed: 7,
    };
    Schedule::new(timing, limits)
}

fn fleet(names: &[&str]) -> BTreeMap<String, Place> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), Place::default()))
        .collect()
}

fn one() -> Schedule {
    let mut schedule = schedule(Limits::default());
    schedule.set_fleet(fleet(&["r1"]), Duration::ZERO);
    schedule
}

#[test]
fn a_new_device_is_due_at_once_and_runs_once() {
    let mut s = one();
    assert_eq!(s.start(Duration::ZERO).as_deref(), Some("r1"));
    assert_eq!(s.start(INTERVAL), None, "it is running");
    assert_eq!(s.next_due(Duration::ZERO), None);
}

#[test]
fn a_burst_of_wishes_is_one_look_after_the_debounce() {
    let mut s = one();
    s.start(Duration::ZERO);
    s.finish("r1", Next::Interval, SECOND);
    for ms in [0, 50, 199] {
        s.wish("r1", SECOND + Duration::from_millis(ms));
    }
    let due = SECOND + Duration::from_millis(200);
    assert_eq!(s.next_due(SECOND), Some(due), "the first wish counts");
    assert_eq!(s.start(due - Duration::from_millis(1)), None);
    assert_eq!(s.start(due).as_deref(), Some("r1"));
    s.finish("r1", Next::Interval, due);
    assert!(s.next_due(due) > Some(due + INTERVAL / 2));
}

#[test]
fn a_wish_during_a_look_is_held_back_and_honoured_once() {
    let mut s = one();
    s.start(Duration::ZERO);
    for _ in 0..3 {
        s.wish("r1", SECOND);
    }
    assert_eq!(s.start(2 * SECOND), None);
    s.finish("r1", Next::Interval, 5 * SECOND);
    assert_eq!(s.start(5 * SECOND).as_deref(), Some("r1"));
    s.finish("r1", Next::Interval, 6 * SECOND);
    assert_eq!(s.start(7 * SECOND), None);
}

#[test]
fn regular_looks_keep_to_the_interval_and_are_spread_over_it() {
    let mut s = schedule(Limits {
        total: 1000,
        ..Limits::default()
    });
    let names: Vec<String> = (0..1000).map(|n| format!("r{n}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    s.set_fleet(fleet(&all), Duration::ZERO);
    let mut per_minute = [0; 25];
    while let Some(name) = s.start(Duration::ZERO) {
        s.finish(&name, Next::Interval, Duration::ZERO);
        let due = s.entries[&name].due.unwrap();
        assert!(due >= INTERVAL / 2 && due <= INTERVAL * 8 / 5, "{due:?}");
        per_minute[usize::try_from(due.as_secs() / 60).unwrap()] += 1;
    }
    assert_eq!(per_minute.iter().sum::<usize>(), 1000);
    assert!(per_minute.iter().all(|n| *n < 110), "{per_minute:?}");
    // The long run keeps the rate: no drift towards shorter rounds.
    let mut now = Duration::ZERO;
    for _ in 0..100 {
        now = s.entries["r1"].due.unwrap();
        s.occupy("r1");
        s.finish("r1", Next::Interval, now);
    }
    assert!(now > INTERVAL * 95 && now < INTERVAL * 105, "{now:?}");
}

#[test]
fn failures_wait_twice_as_long_each_time_up_to_an_hour() {
    let mut s = one();
    let mut now = Duration::ZERO;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(s.start(now).as_deref(), Some("r1"));
        s.finish("r1", Next::Retry, now);
        let due = s.next_due(now).unwrap();
        let wait = due.checked_sub(now).unwrap();
        let least = minutes * 60 * SECOND;
        assert!(
            wait >= least && wait <= least * 5 / 4,
            "{wait:?} for {least:?}"
        );
        now = due;
    }
    s.start(now);
    s.finish("r1", Next::Interval, now);
    s.occupy("r1");
    s.finish("r1", Next::Retry, now);
    assert!(
        s.next_due(now).unwrap() <= now + 75 * SECOND,
        "success forgets failures"
    );
}

#[test]
fn what_failed_together_does_not_come_back_together() {
    let mut s = schedule(Limits::default());
    s.set_fleet(fleet(&["r1", "r2", "r3"]), Duration::ZERO);
    let mut dues = BTreeSet::new();
    while let Some(name) = s.start(Duration::ZERO) {
        s.finish(&name, Next::Retry, Duration::ZERO);
        dues.insert(s.entries[&name].due);
    }
    assert_eq!(dues.len(), 3);
}

#[test]
fn limits_hold_in_all_per_site_and_per_jump_host() {
    let mut s = schedule(Limits {
        total: 4,
        site: 2,
        jump: 1,
    });
    let place = |site: &str, jump: Option<&str>| Place {
        site: Some(site.to_owned()),
        jump: jump.map(str::to_owned),
    };
    let fleet = [
        ("a1", place("a", None)),
        ("a2", place("a", None)),
        ("a3", place("a", None)),
        ("b1", place("b", Some("j"))),
        ("b2", place("b", Some("j"))),
        ("c1", place("c", None)),
        ("c2", place("c", None)),
    ];
    s.set_fleet(
        fleet.into_iter().map(|(n, p)| (n.to_owned(), p)).collect(),
        Duration::ZERO,
    );
    let mut started = Vec::new();
    while let Some(name) = s.start(Duration::ZERO) {
        started.push(name);
    }
    assert_eq!(started, ["a1", "a2", "b1", "c1"]);
    assert_eq!((s.busy(), s.waiting(Duration::ZERO)), (4, 3));
    s.finish("b1", Next::Interval, SECOND);
    assert_eq!(
        s.start(SECOND).as_deref(),
        Some("b2"),
        "the jump host has room"
    );
    s.finish("b2", Next::Interval, SECOND);
    assert_eq!(s.start(SECOND).as_deref(), Some("c2"), "site a has none");
    s.finish("a2", Next::Interval, SECOND);
    assert_eq!(s.start(SECOND).as_deref(), Some("a3"));
}

#[test]
fn starting_costs_the_same_however_many_wait() {
    let limits = Limits {
        total: 64,
        site: 4,
        jump: 2,
    };
    let mut s = schedule(limits);
    let place = |n: usize| Place {
        site: Some(format!("s{}", n % 3)),
        jump: n.is_multiple_of(5).then(|| format!("j{}", n % 2)),
    };
    let fleet: BTreeMap<_, _> = (0..5000).map(|n| (format!("r{n}"), place(n))).collect();
    s.set_fleet(fleet.clone(), Duration::ZERO);
    let (mut running, mut looked) = (std::collections::VecDeque::new(), BTreeSet::new());
    loop {
        while let Some(name) = s.start(SECOND) {
            running.push_back(name);
        }
        let at = |key: &dyn Fn(&Place) -> Option<String>| {
            let mut counts = BTreeMap::new();
            for key in running.iter().filter_map(|name| key(&fleet[name])) {
                *counts.entry(key).or_insert(0) += 1;
            }
            counts.into_values().max().unwrap_or(0)
        };
        assert!(at(&|p| p.site.clone()) <= 4 && at(&|p| p.jump.clone()) <= 2);
        let Some(name) = running.pop_front() else {
            break;
        };
        s.finish(&name, Next::Held, SECOND);
        looked.insert(name);
    }
    assert_eq!(looked.len(), 5000, "nobody is forgotten");
}

#[test]
fn a_device_that_moves_to_another_site_while_running_leaves_the_old_one() {
    let at = |site: &str| {
        let place = Place {
            site: Some(site.to_owned()),
            jump: None,
        };
        BTreeMap::from([("r1".to_owned(), place.clone()), ("r2".to_owned(), place)])
    };
    let mut s = schedule(Limits {
        site: 1,
        ..Limits::default()
    });
    s.set_fleet(at("a"), Duration::ZERO);
    assert_eq!(s.start(SECOND).as_deref(), Some("r1"));
    s.set_fleet(at("b"), SECOND);
    assert_eq!(s.start(SECOND).as_deref(), Some("r2"), "site b is free");
    s.finish("r1", Next::Interval, SECOND);
    s.finish("r2", Next::Interval, SECOND);
    assert_eq!((s.busy(), s.busy_sites.len()), (0, 0));
}

#[test]
fn a_held_device_is_left_alone_until_released() {
    let mut s = one();
    s.start(Duration::ZERO);
    s.wish("r1", Duration::ZERO);
    s.finish("r1", Next::Held, SECOND);
    s.wish("r1", SECOND);
    s.hurry_all(SECOND);
    assert_eq!(s.start(INTERVAL * 10), None);
    s.release("r1", INTERVAL);
    assert_eq!(s.start(INTERVAL).as_deref(), Some("r1"));
}

#[test]
fn a_device_that_left_while_running_does_not_come_back() {
    let mut s = one();
    s.start(Duration::ZERO);
    s.set_fleet(fleet(&[]), SECOND);
    s.wish("r1", SECOND);
    s.finish("r1", Next::Interval, SECOND);
    assert!(s.is_idle());
    assert_eq!(s.start(INTERVAL * 10), None);
}

#[test]
fn a_device_in_doubt_is_watched_closely() {
    let mut s = one();
    s.start(Duration::ZERO);
    s.finish("r1", Next::After(5 * SECOND), SECOND);
    assert_eq!(s.next_due(SECOND), Some(6 * SECOND));
}

#[test]
fn a_single_round_ends() {
    let mut s = one();
    s.timing.once = true;
    s.start(Duration::ZERO);
    assert!(!s.is_idle());
    s.finish("r1", Next::Retry, SECOND);
    assert!(s.is_idle());
}

/// One thing that may happen to a schedule.
#[derive(Clone, Debug)]
enum Move {
    Wish(u8),
    Start,
    Finish(u8, Next),
    Hold(u8),
    Release(u8),
    Occupy(u8),
    Fleet(u8),
    Wait(u16),
}

fn moves() -> impl proptest::strategy::Strategy<Value = Vec<Move>> {
    use proptest::prelude::*;
    let device = 0..8u8;
    let next = prop_oneof![
        Just(Next::Interval),
        Just(Next::Retry),
        Just(Next::Held),
        Just(Next::After(SECOND)),
    ];
    let one = prop_oneof![
        4 => device.clone().prop_map(Move::Wish),
        6 => Just(Move::Start),
        6 => (device.clone(), next).prop_map(|(d, n)| Move::Finish(d, n)),
        1 => device.clone().prop_map(Move::Hold),
        2 => device.clone().prop_map(Move::Release),
        1 => device.prop_map(Move::Occupy),
        1 => any::<u8>().prop_map(Move::Fleet),
        3 => (0..2000u16).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..200)
}

fn name(n: u8) -> String {
    format!("r{n}")
}

/// The devices whose bits are set, four per site, two per jump host.
fn some(bits: u8) -> BTreeMap<String, Place> {
    let there = (0..8u8).filter(|n| bits & (1 << n) != 0);
    let place = |n: u8| Place {
        site: Some(format!("s{}", n / 4)),
        jump: Some(format!("j{}", n / 2)),
    };
    there.map(|n| (name(n), place(n))).collect()
}

/// What must hold after every move, whatever came before.
fn check(s: &Schedule, limits: Limits, forced: usize) {
    let running = s.entries.values().filter(|e| e.running).count();
    assert_eq!(running, s.busy());
    assert!(s.busy() <= limits.total + forced);
    assert!(s.busy_sites.values().all(|n| *n <= limits.site + forced));
    assert!(s.busy_jumps.values().all(|n| *n <= limits.jump + forced));
    let queued: BTreeSet<_> = s.queues.values().flatten().cloned().collect();
    let due = s
        .entries
        .iter()
        .filter_map(|(n, e)| Some((e.due?, n.clone())));
    assert_eq!(
        queued,
        due.collect(),
        "the queues are the entries that are due"
    );
    let firsts = s.queues.iter().filter(|(place, _)| s.has_room(place));
    let firsts = firsts.filter_map(|(place, q)| Some((q.first()?.0, place.clone())));
    assert_eq!(
        s.heads,
        firsts.collect(),
        "the heads are the queues with room"
    );
}

proptest::proptest! {
    #[test]
    fn whatever_happens_nothing_runs_twice_and_no_limit_breaks(moves in moves()) {
        let limits = Limits { total: 4, site: 3, jump: 1 };
        let mut s = schedule(limits);
        s.set_fleet(some(0xff), Duration::ZERO);
        let (mut now, mut forced) = (Duration::ZERO, 0);
        let mut running = BTreeSet::new();
        for one in moves {
            match one {
                Move::Wish(d) => s.wish(&name(d), now),
                Move::Start => {
                    if let Some(device) = s.start(now) {
                        assert!(running.insert(device), "it was running");
                    }
                }
                Move::Finish(d, next) => {
                    running.remove(&name(d));
                    s.finish(&name(d), next, now);
                }
                Move::Hold(d) => s.hold(&name(d)),
                Move::Release(d) => s.release(&name(d), now),
                Move::Occupy(d) => {
                    if s.occupy(&name(d)) {
                        assert!(running.insert(name(d)), "it was running");
                        forced += 1;
                    }
                }
                Move::Fleet(bits) => s.set_fleet(some(bits), now),
                Move::Wait(ms) => now += Duration::from_millis(u64::from(ms)),
            }
            check(&s, limits, forced);
        }
        // Everybody who is there and not held is served in the end.
        for device in std::mem::take(&mut running) {
            s.finish(&device, Next::Interval, now);
        }
        s.set_fleet(some(0xff), now);
        for d in 0..8 {
            s.release(&name(d), now);
        }
        s.hurry_all(now);
        let mut served = BTreeSet::new();
        while let Some(device) = s.start(now) {
            s.finish(&device, Next::Held, now);
            served.insert(device);
        }
        assert_eq!(served.len(), 8);
    }
}

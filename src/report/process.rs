//! The usual `process_*` metrics, from `/proc`.

use std::fs;

use super::catalog as c;
use super::text::{Page, Sample};

/// Linux gives times in hundredths of a second on every architecture (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Appends what can be read; what cannot is left out.
pub(super) fn render(page: &mut Page) {
    let mut one = |metric, value: Option<f64>| {
        if let Some(value) = value {
            page.metric(metric, &[Sample::new([], value)]);
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    one(&c::PROCESS_CPU, cpu(&stat));
    one(&c::PROCESS_OPEN_FDS, open_fds());
    one(&c::PROCESS_MAX_FDS, max_fds(&limits));
    one(&c::PROCESS_RESIDENT, kilobytes(&status, "VmRSS:"));
    one(&c::PROCESS_VIRTUAL, kilobytes(&status, "VmSize:"));
    one(&c::PROCESS_START, start(&stat, &boot));
    one(&c::PROCESS_THREADS, word(&status, "Threads:"));
}

/// Field `n` (counted from 1, as in proc(5)) of `/proc/self/stat`. The second field is the
/// program's name in brackets and may itself contain anything.
fn field(stat: &str, n: usize) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(n - 3)?.parse().ok()
}

fn cpu(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS)
}

fn start(stat: &str, boot: &str) -> Option<f64> {
    let booted: f64 = word(boot, "btime")?;
    Some(booted + field(stat, 22)? / TICKS)
}

fn open_fds() -> Option<f64> {
    // The listing itself needs one descriptor.
    let open = fs::read_dir("/proc/self/fd")
        .ok()?
        .count()
        .saturating_sub(1);
    u32::try_from(open).ok().map(f64::from)
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find(|l| l.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

fn kilobytes(status: &str, key: &str) -> Option<f64> {
    word(status, key).map(|kb| kb * 1024.0)
}

fn word(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 12345 99 8";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!(start(stat, "cpu 1\nbtime 1000\n"), Some(1000.0 + 123.45));
    }

    #[test]
    fn this_process_has_them_all() {
        let mut page = Page::default();
        render(&mut page);
        let text = page.finish();
        for metric in c::ALL.iter().filter(|m| m.name.starts_with("process_")) {
            assert!(
                text.contains(&format!("\n{} ", metric.name)),
                "{}",
                metric.name
            );
        }
    }
}

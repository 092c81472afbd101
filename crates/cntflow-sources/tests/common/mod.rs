//! What files that are made to hurt may cost at most: a second and 100 MiB.

use std::time::{Duration, Instant};

/// The longest that one file may take.
const LONGEST: Duration = Duration::from_secs(1);
/// The most memory that this process may ever have taken.
const MOST_BYTES: u64 = 100 << 20;

/// The result of `read`, which has to come within the bounds.
#[track_caller]
pub(crate) fn bounded<T>(read: impl FnOnce() -> T) -> T {
    let (begin, worked) = (Instant::now(), worked());
    let result = read();
    let took = match (worked, self::worked()) {
        (Some(before), Some(after)) => after - before,
        _ => begin.elapsed(),
    };
    assert!(took < LONGEST, "{took:?}");
    assert!(most_memory() < MOST_BYTES, "{} bytes", most_memory());
    result
}

/// What this thread has worked, where the system tells it: other processes may have the processors meanwhile.
fn worked() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = times.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// The most memory that this process had at once, where the system tells it.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

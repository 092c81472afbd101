//! What reading a hostile file may cost: a second and 100 MiB.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that reading one file may take.
const MAX_TIME: Duration = Duration::from_secs(1);
/// The most memory that reading one file may take beyond what the process has before.
const MAX_BYTES: u64 = 100 << 20;

/// Held by each test while it runs, since other tests would take memory meanwhile.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of `read`, which must stay within the bounds.
#[track_caller]
pub(crate) fn bounded<T>(read: impl FnOnce() -> T) -> T {
    // Makes the peak the memory of now. Without the permission, the peak is that of earlier tests
    // too.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let memory = memory("VmRSS:");
    let (begin, cpu_time) = (Instant::now(), cpu_time());
    let result = read();
    let took = match (cpu_time, self::cpu_time()) {
        (Some(before), Some(after)) => after - before,
        _ => begin.elapsed(),
    };
    let taken = self::memory("VmHWM:").saturating_sub(memory);
    assert!(took < MAX_TIME, "{took:?}");
    assert!(taken < MAX_BYTES, "{taken} bytes");
    result
}

/// CPU time of this thread, if the system has it: other processes may have the processors
/// meanwhile.
fn cpu_time() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = times.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Bytes of memory of this process, `VmRSS:` now or `VmHWM:` at its peak; 0 if the system does not
/// say.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

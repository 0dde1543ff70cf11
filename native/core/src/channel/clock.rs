//! The time that lanes and rates go by.

/// Nanoseconds since the first look.
#[cfg(not(loom))]
pub(super) fn clock() -> u64 {
    origin().elapsed().as_nanos() as u64
}

/// When the clock shows `time`.
pub(super) fn instant(time: u64) -> std::time::Instant {
    let now = std::time::Instant::now();
    origin().checked_add(std::time::Duration::from_nanos(time)).unwrap_or(now).max(now)
}

fn origin() -> std::time::Instant {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

/// The models know no time.
#[cfg(loom)]
pub(super) fn clock() -> u64 {
    0
}

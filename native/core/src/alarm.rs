//! Wake-ups at a time, for channels in which something is due later: one thread for the whole process, started with the
//! first of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::sync::{lock, wait};

/// Who is to be woken. Called on the alarms' thread, so it must not wait.
pub(crate) trait Ring: Send + Sync {
    /// Returns after how long to ring again, if at all.
    fn ring(&self) -> Option<Duration>;
}

struct Alarm {
    at: Instant,
    whom: Weak<dyn Ring>,
}

// The earliest is the greatest, as a heap wants it.
impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

#[derive(Default)]
struct Alarms {
    heap: BinaryHeap<Alarm>,
    running: bool,
}

static ALARMS: Mutex<Option<Alarms>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

impl Alarms {
    fn start(&mut self) -> io::Result<()> {
        if !self.running {
            std::thread::Builder::new().name("millrace-tm".to_owned()).spawn(run)?;
            self.running = true;
        }
        Ok(())
    }

    fn take_due(&mut self, now: Instant) -> Vec<Weak<dyn Ring>> {
        let mut due = Vec::new();
        while self.heap.peek().is_some_and(|alarm| alarm.at <= now) {
            due.extend(self.heap.pop().map(|alarm| alarm.whom));
        }
        due
    }
}

/// Starts the thread, for who can't do without.
pub(crate) fn start() -> io::Result<()> {
    lock(&ALARMS).get_or_insert_default().start()
}

/// Rings `whom` at `at`, unless it is gone by then. Where no thread can be started, it rings with a later [`look`] or alarm.
pub(crate) fn set(at: Instant, whom: Weak<dyn Ring>) {
    let mut alarms = lock(&ALARMS);
    let state = alarms.get_or_insert_default();
    let first = state.heap.peek().is_none_or(|alarm| at < alarm.at);
    state.heap.push(Alarm { at, whom });
    if state.running {
        if first {
            CHANGED.notify_one();
        }
    } else {
        let _ = state.start();
    }
}

/// Rings what is due where no thread could be started to do so. To be called now and then by someone who may take the
/// locks of what is rung.
pub(crate) fn look() {
    let mut alarms = lock(&ALARMS);
    let Some(state) = alarms.as_mut() else { return };
    if state.running || state.heap.is_empty() || state.start().is_ok() {
        return;
    }
    let due = state.take_due(Instant::now());
    drop(alarms);
    ring(due);
}

fn ring(due: Vec<Weak<dyn Ring>>) {
    for whom in due {
        if let Some(again) = whom.upgrade().and_then(|whom| whom.ring()) {
            set(Instant::now() + again, whom);
        }
    }
}

fn run() {
    let mut alarms = lock(&ALARMS);
    loop {
        let state = alarms.get_or_insert_default();
        let now = Instant::now();
        let due = state.take_due(now);
        let next = state.heap.peek().map(|alarm| alarm.at - now);
        if !due.is_empty() {
            drop(alarms);
            ring(due);
            alarms = lock(&ALARMS);
            continue;
        }
        alarms = wait(&CHANGED, &ALARMS, alarms, next);
    }
}

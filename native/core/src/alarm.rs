//! Wake-ups at a time, for channels in which something is due later: one thread for the whole process, started with the
//! first of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, Weak};
use std::time::Instant;

use crate::sync::{lock, wait};

/// Who is to be woken. Called on the alarms' thread, so it must not wait.
pub(crate) trait Ring: Send + Sync {
    fn ring(&self);
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

/// Rings `whom` at `at`, unless it is gone by then. Where no thread can be started it rings with the next alarm for which
/// one can; the supervisor of a system looks after its channel anyway.
pub(crate) fn set(at: Instant, whom: Weak<dyn Ring>) {
    let mut alarms = lock(&ALARMS);
    let state = alarms.get_or_insert_default();
    let first = state.heap.peek().is_none_or(|alarm| at < alarm.at);
    state.heap.push(Alarm { at, whom });
    if !state.running {
        state.running = std::thread::Builder::new().name("millrace-tm".to_owned()).spawn(run).is_ok();
    } else if first {
        CHANGED.notify_one();
    }
}

fn run() {
    let mut alarms = lock(&ALARMS);
    loop {
        let heap = &mut alarms.get_or_insert_default().heap;
        let now = Instant::now();
        let mut due = Vec::new();
        while heap.peek().is_some_and(|alarm| alarm.at <= now) {
            due.extend(heap.pop().map(|alarm| alarm.whom));
        }
        if !due.is_empty() {
            drop(alarms);
            due.iter().filter_map(Weak::upgrade).for_each(|whom| whom.ring());
            alarms = lock(&ALARMS);
            continue;
        }
        let left = heap.peek().map(|alarm| alarm.at - now);
        alarms = wait(&CHANGED, &ALARMS, alarms, left);
    }
}

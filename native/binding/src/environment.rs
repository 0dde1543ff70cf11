//! A JavaScript environment: its doorbell, the events that wait for it, and its sends that wait for room.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll, Wake, Waker};

use millrace_core::Failure;
use millrace_core::system::{FailedAttempt, Notice, Observer};
use napi::bindgen_prelude::{Float64ArraySlice, Function, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error, Status, sys};
use napi_derive::napi;

use crate::attempts::Attempts;
use crate::channel;
use crate::chunk::Chunk;
use crate::error::{Result, napi_error};
use crate::events::{ATTEMPTS, Row, WIDTH, bit};
use crate::registry;
use crate::send::{FULL, Pending, Progress};

/// Calls into the environment. Weak: by itself it keeps no event loop alive.
type Doorbell = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Something that happened, as other threads note it: cheaply, and without asking what it means.
pub enum Ready {
    Send(i64),
    Notices(u32, Arc<AtomicU32>),
    Items(u32),
    Results(u32),
    Select(u32),
}

pub struct Environment {
    handle: u32,
    may_wait: bool,
    /// Gone once the environment is: threads that outlive it must not touch it. Whoever rings only shares it: a thread that
    /// was woken by the ring may well be here before the one that rang has left, and would have to be woken once more.
    doorbell: RwLock<Option<Doorbell>>,
    /// Whether the bell was rung and not answered. One ring is enough for everything that is ready.
    rung: AtomicBool,
    ready: Mutex<VecDeque<Ready>>,
    sends: Mutex<Sends>,
    /// The selects that wait.
    pub selects: Mutex<channel::Selects>,
    /// The memory in which items of channels are handed over.
    chunk: Mutex<Option<Uint8Array>>,
}

#[derive(Default)]
struct Sends {
    last: i64,
    pending: HashMap<i64, Pending>,
}

impl Environment {
    pub fn handle(&self) -> u32 {
        self.handle
    }

    /// Whether its thread may wait for a moment: that of a worker may, the main thread never.
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Notes an event and rings. From any thread; never blocks on JavaScript.
    pub fn notify(&self, event: Ready) {
        lock(&self.ready).push_back(event);
        // AcqRel with the swap in `answer`: whoever finds the flag set knows that the list is taken after it was
        // cleared, and so with this event in it.
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(doorbell) = &*self.doorbell.read().unwrap_or_else(PoisonError::into_inner)
        {
            doorbell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// A waker that tells of items for `handle`: a system, a worker or an attachment to a channel.
    pub fn items_waker(self: &Arc<Self>, handle: u32) -> Waker {
        Waker::from(Arc::new(ItemsWaker { environment: Arc::clone(self), handle }))
    }

    /// Lets a send that was not admitted at once wait; returns its id.
    pub fn add_send(self: &Arc<Self>, mut pending: Pending) -> i64 {
        let id = {
            let mut sends = lock(&self.sends);
            sends.last += 1;
            sends.last
        };
        // The first look leaves the waker behind, or finds it done already.
        let ready = match pending.poll(&mut Context::from_waker(&self.send_waker(id))) {
            Poll::Ready(progress) => {
                pending = Pending::over(progress);
                true
            }
            Poll::Pending => pending.has_news(),
        };
        lock(&self.sends).pending.insert(id, pending);
        if ready {
            self.notify(Ready::Send(id));
        }
        id
    }

    /// What became of a send; nothing while it waits and there is no news of it.
    fn look_at_send(self: &Arc<Self>, id: i64) -> Option<Progress> {
        // Taken out meanwhile: a look may run into code that notifies.
        let mut pending = lock(&self.sends).pending.remove(&id)?;
        match pending.poll(&mut Context::from_waker(&self.send_waker(id))) {
            Poll::Ready(progress) => Some(progress),
            Poll::Pending => {
                let news = pending.news();
                lock(&self.sends).pending.insert(id, pending);
                news
            }
        }
    }

    fn send_waker(self: &Arc<Self>, id: i64) -> Waker {
        Waker::from(Arc::new(SendWaker { environment: Arc::clone(self), id }))
    }

    /// Calls `fill` with the chunk for items of channels.
    ///
    /// # Panics
    /// Where JavaScript has not attached one.
    pub fn with_chunk<T>(&self, fill: impl FnOnce(Chunk<'_>) -> T) -> T {
        let mut chunk = lock(&self.chunk);
        let memory = chunk.as_mut().expect("a chunk is attached before anything is received");
        // SAFETY: the array is ours, and JavaScript does nothing with it during this call: nothing in here calls it, and a ring of
        // the doorbell is only queued.
        fill(Chunk::new(unsafe { memory.as_mut() }))
    }

    fn answer(self: &Arc<Self>, rows: &mut [f64]) -> usize {
        self.rung.swap(false, Ordering::AcqRel);
        let mut count = 0;
        for out in rows.chunks_exact_mut(WIDTH) {
            let row = loop {
                let Some(event) = lock(&self.ready).pop_front() else { return count };
                let row = match event {
                    Ready::Notices(system, bits) => Some(Row::Notice { system, bits: bits.swap(0, Ordering::AcqRel) }),
                    Ready::Items(system) => Some(Row::Items { system }),
                    Ready::Results(system) => Some(Row::Results { system }),
                    Ready::Select(select) => Some(Row::Select { select }),
                    Ready::Send(send) => self.look_at_send(send).map(|Progress { admission, accepted }| Row::Sent {
                        send,
                        admission,
                        accepted,
                    }),
                };
                if let Some(row) = row {
                    break row;
                }
            };
            row.write(out);
            count += 1;
        }
        count
    }

    /// The environment ends: nothing calls into it any more, and its systems are aborted.
    fn close(&self) {
        // Under the lock, so that no thread is inside a call when the function is released.
        drop(self.doorbell.write().unwrap_or_else(PoisonError::into_inner).take());
        lock(&self.sends).pending.clear();
        drop(std::mem::take(&mut *lock(&self.selects)));
        for worker in registry::remove_workers_of(self.handle) {
            worker.close();
        }
        drop(registry::remove_ports_of(self.handle));
        for entry in registry::remove_systems_of(self.handle) {
            entry.system.abort(Failure::aborted("the JavaScript environment of the system has ended"));
            // Settles what the handler had and never will settle.
            drop(lock(&entry.callback).take());
            drop(lock(&entry.leased).take());
        }
        channel::environment_ended(self.handle);
        drop(lock(&self.chunk).take());
        lock(&self.ready).clear();
    }
}

struct SendWaker {
    environment: Arc<Environment>,
    id: i64,
}

impl Wake for SendWaker {
    fn wake(self: Arc<Self>) {
        self.environment.notify(Ready::Send(self.id));
    }
}

struct ItemsWaker {
    environment: Arc<Environment>,
    handle: u32,
}

impl Wake for ItemsWaker {
    fn wake(self: Arc<Self>) {
        self.environment.notify(Ready::Items(self.handle));
    }
}

/// Collects a system's notices: one event, however many there are before it is answered.
pub struct Notices {
    environment: Arc<Environment>,
    system: u32,
    bits: Arc<AtomicU32>,
    attempts: Arc<Attempts>,
}

impl Notices {
    pub fn new(environment: Arc<Environment>, system: u32, attempts: Arc<Attempts>) -> Self {
        Notices { environment, system, bits: Arc::default(), attempts }
    }

    fn tell(&self, bit: u32) {
        if self.bits.fetch_or(bit, Ordering::AcqRel) == 0 {
            self.environment.notify(Ready::Notices(self.system, Arc::clone(&self.bits)));
        }
    }
}

impl Observer for Notices {
    fn notify(&self, notice: Notice) {
        self.tell(bit(notice));
    }

    fn attempt_failed(&self, attempt: &FailedAttempt<'_>) {
        if self.attempts.add(attempt) {
            self.tell(ATTEMPTS);
        }
    }

    fn tick(&self) {
        for worker in registry::workers_of(self.system) {
            worker.tick();
        }
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic interrupted here is a list or a table, and whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[napi(catch_unwind)]
pub fn open_environment(env: Env, ring: Function<(), ()>, may_wait: bool) -> Result<u32> {
    let doorbell = ring.build_threadsafe_function().weak::<true>().build().map_err(|failed| napi_error(&failed))?;
    let handle = registry::next_handle();
    let environment = Arc::new(Environment {
        handle,
        may_wait,
        doorbell: RwLock::new(Some(doorbell)),
        rung: AtomicBool::new(false),
        ready: Mutex::default(),
        sends: Mutex::default(),
        selects: Mutex::default(),
        chunk: Mutex::default(),
    });
    registry::add_environment(handle, Arc::clone(&environment));
    // Hooks run last in, first out: this one before that of the doorbell.
    env.add_env_cleanup_hook(environment, |environment| {
        registry::remove_environment(environment.handle);
        environment.close();
    })
    .map_err(|failed| napi_error(&failed))?;
    Ok(handle)
}

#[napi(catch_unwind)]
pub fn keep_alive(env: Env, environment: u32, alive: bool) -> Result<()> {
    let environment = registry::environment(environment)?;
    let doorbell = environment.doorbell.read().unwrap_or_else(PoisonError::into_inner);
    let Some(doorbell) = &*doorbell else { return Ok(()) };
    // Node's own switch: napi's calls for it want the function for themselves.
    // SAFETY: the function lives while the lock is held, and this is the thread of its environment.
    let status = unsafe {
        if alive {
            sys::napi_ref_threadsafe_function(env.raw(), doorbell.raw())
        } else {
            sys::napi_unref_threadsafe_function(env.raw(), doorbell.raw())
        }
    };
    match Status::from(status) {
        Status::Ok => Ok(()),
        failed => Err(napi_error(&Error::from_status(failed))),
    }
}

/// The chunk in which the environment's channels hand items over.
#[napi(catch_unwind)]
pub fn attach_chunk(environment: u32, mut chunk: Uint8Array) -> Result<()> {
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    Chunk::new(unsafe { chunk.as_mut() });
    *lock(&registry::environment(environment)?.chunk) = Some(chunk);
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_events(environment: u32, mut events: Float64ArraySlice) -> Result<u32> {
    let environment = registry::environment(environment)?;
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let rows = unsafe { events.as_mut() };
    Ok(environment.answer(rows) as u32)
}

/// How a send that was to be cancelled ended: `FULL` where that took it out.
#[napi(object, object_from_js = false)]
pub struct NativeSendEnd {
    pub admission: i64,
    pub accepted: u32,
}

/// Takes a send that waits out of its channel, unless it is over; `null` where an event tells how it ended.
#[napi(catch_unwind)]
pub fn cancel_send(environment: u32, id: i64) -> Result<Option<NativeSendEnd>> {
    let environment = registry::environment(environment)?;
    let Some(pending) = lock(&environment.sends).pending.remove(&id) else { return Ok(None) };
    let Progress { admission, accepted } =
        pending.cancel().map_or_else(|end| end, |accepted| Progress { admission: FULL, accepted });
    Ok(Some(NativeSendEnd { admission, accepted: accepted as u32 }))
}

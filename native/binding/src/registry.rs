//! Handles: what the integers that JavaScript holds stand for, in every environment of the process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use napi_derive::napi;

use crate::channel::{self, Attachment};
use crate::environment::Environment;
use crate::error::{Result, error};
use crate::port::Port;
use crate::system::Entry;
use crate::worker::Worker;

/// A table of handles. Never locked while anything else is done than a look-up.
struct Table<T>(LazyLock<RwLock<HashMap<u32, Arc<T>>>>);

impl<T> Table<T> {
    const fn new() -> Self {
        Table(LazyLock::new(RwLock::default))
    }

    fn add(&self, handle: u32, value: Arc<T>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(handle, value);
    }

    fn get(&self, handle: u32) -> Option<Arc<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&handle).cloned()
    }

    fn remove(&self, handle: u32) -> Option<Arc<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&handle)
    }

    fn all_that(&self, belongs: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.values().filter(|value| belongs(value)).cloned().collect()
    }

    fn len(&self) -> u32 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len() as u32
    }

    fn remove_if(&self, belongs: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.extract_if(|_, value| belongs(value)).map(|(_, value)| value).collect()
    }
}

static ENVIRONMENTS: Table<Environment> = Table::new();
static SYSTEMS: Table<Entry> = Table::new();
static PORTS: Table<Port> = Table::new();
static WORKERS: Table<Worker> = Table::new();
static CHANNELS: Table<channel::Entry> = Table::new();
static ATTACHMENTS: Table<Attachment> = Table::new();
static LAST: AtomicU32 = AtomicU32::new(0);

/// A handle that was never given before.
pub fn next_handle() -> u32 {
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

pub fn add_environment(handle: u32, environment: Arc<Environment>) {
    ENVIRONMENTS.add(handle, environment);
}

pub fn environment(handle: u32) -> Result<Arc<Environment>> {
    ENVIRONMENTS.get(handle).ok_or_else(|| unknown("environment", handle))
}

pub fn remove_environment(handle: u32) {
    ENVIRONMENTS.remove(handle);
}

pub fn add_system(handle: u32, entry: Arc<Entry>) {
    SYSTEMS.add(handle, entry);
}

pub fn system(handle: u32) -> Result<Arc<Entry>> {
    SYSTEMS.get(handle).ok_or_else(|| unknown("system", handle))
}

pub fn remove_system(handle: u32) {
    SYSTEMS.remove(handle);
}

/// Takes out all systems of an environment.
pub fn remove_systems_of(environment: u32) -> Vec<Arc<Entry>> {
    SYSTEMS.remove_if(|entry| entry.environment.handle() == environment)
}

pub fn add_port(handle: u32, port: Arc<Port>) {
    PORTS.add(handle, port);
}

pub fn port(handle: u32) -> Result<Arc<Port>> {
    PORTS.get(handle).ok_or_else(|| unknown("port", handle))
}

pub fn remove_port(handle: u32) {
    PORTS.remove(handle);
}

/// Takes out all ports of an environment.
pub fn remove_ports_of(environment: u32) -> Vec<Arc<Port>> {
    PORTS.remove_if(|port| port.environment.handle() == environment)
}

pub fn add_worker(handle: u32, worker: Arc<Worker>) {
    WORKERS.add(handle, worker);
}

pub fn worker(handle: u32) -> Result<Arc<Worker>> {
    WORKERS.get(handle).ok_or_else(|| unknown("worker", handle))
}

pub fn remove_worker(handle: u32) -> Option<Arc<Worker>> {
    WORKERS.remove(handle)
}

/// All workers of a system.
pub fn workers_of(system: u32) -> Vec<Arc<Worker>> {
    WORKERS.all_that(|worker| worker.system == system)
}

/// Takes out all workers of an environment.
pub fn remove_workers_of(environment: u32) -> Vec<Arc<Worker>> {
    WORKERS.remove_if(|worker| worker.environment.handle() == environment)
}

pub fn add_channel(handle: u32, entry: Arc<channel::Entry>) {
    CHANNELS.add(handle, entry);
}

pub fn channel(handle: u32) -> Option<Arc<channel::Entry>> {
    CHANNELS.get(handle)
}

pub fn remove_channel(handle: u32) {
    CHANNELS.remove(handle);
}

/// All channels that an environment made.
pub fn channels_of(environment: u32) -> Vec<Arc<channel::Entry>> {
    CHANNELS.all_that(|entry| entry.creator == environment)
}

pub fn add_attachment(handle: u32, attachment: Arc<Attachment>) {
    ATTACHMENTS.add(handle, attachment);
}

pub fn attachment(handle: u32) -> Result<Arc<Attachment>> {
    ATTACHMENTS.get(handle).ok_or_else(|| unknown("channel", handle))
}

pub fn remove_attachment(handle: u32) -> Option<Arc<Attachment>> {
    ATTACHMENTS.remove(handle)
}

/// Takes out all attachments of an environment.
pub fn remove_attachments_of(environment: u32) -> Vec<Arc<Attachment>> {
    ATTACHMENTS.remove_if(|attachment| attachment.environment.handle() == environment)
}

/// How many handles of each kind stand for something, in the whole process: for tests that nothing is left behind.
#[napi]
pub fn live_handles() -> HashMap<String, u32> {
    let counts = [
        ("environments", ENVIRONMENTS.len()),
        ("systems", SYSTEMS.len()),
        ("ports", PORTS.len()),
        ("workers", WORKERS.len()),
        ("channels", CHANNELS.len()),
        ("attachments", ATTACHMENTS.len()),
    ];
    counts.map(|(kind, count)| (kind.to_owned(), count)).into()
}

fn unknown(what: &str, handle: u32) -> crate::error::Error {
    error("ERR_MILLRACE_UNKNOWN_HANDLE", format!("expected the handle of a live {what}, got {handle}"))
}

//! One handle to a channel, in one environment.

use std::sync::{Arc, Mutex};

use super::Entry;
use super::receive::Inlet;
use super::send::Outlet;
use crate::environment::{Environment, lock};
use crate::registry;

/// The mutexes are for the types: only the thread of the environment uses them.
pub struct Attachment {
    pub handle: u32,
    pub environment: Arc<Environment>,
    pub entry: Arc<Entry>,
    /// Whether it is the handle that the channel was made with.
    pub creator: bool,
    pub outlet: Mutex<Outlet>,
    pub inlet: Mutex<Inlet>,
}

impl Attachment {
    pub fn new(environment: Arc<Environment>, entry: Arc<Entry>, creator: bool) -> Self {
        let handle = registry::next_handle();
        let waker = environment.items_waker(handle);
        let outlet = Mutex::new(Outlet::new(&entry.channel, environment.may_wait()));
        let inlet = Mutex::new(Inlet::new(&entry.channel, waker, environment.may_wait()));
        Attachment { handle, environment, entry, creator, outlet, inlet }
    }

    pub fn give_credit_back(&self) {
        lock(&self.outlet).credit.give_back();
    }

    /// Everything that it holds goes back.
    pub fn end(&self) {
        lock(&self.outlet).end();
        lock(&self.inlet).end();
        self.entry.detach();
    }
}

//! Ways into a system: one for each environment that sends.

use std::sync::Arc;

use millrace_core::system::Port as CorePort;
use millrace_core::{Items, Overflow};
use napi_derive::napi;

use crate::environment::Environment;
use crate::error::Result;
use crate::registry;
use crate::send::DroppedItems;

/// A port, and the environment that hears of the sends that wait there.
#[allow(clippy::struct_field_names, reason = "the one in it is the core's")]
pub struct Port {
    pub port: CorePort<Items, Items>,
    pub environment: Arc<Environment>,
    pub dropped: DroppedItems,
}

impl Port {
    pub fn new(port: CorePort<Items, Items>, environment: Arc<Environment>) -> Self {
        Port { port, environment, dropped: DroppedItems::default() }
    }
}

/// Opens a way into a system for an environment other than the one that made it.
#[napi(catch_unwind)]
pub fn open_port(environment: u32, system: u32) -> Result<u32> {
    let environment = registry::environment(environment)?;
    let port = registry::system(system)?.system.port();
    let handle = registry::next_handle();
    registry::add_port(handle, Arc::new(Port::new(port, environment)));
    Ok(handle)
}

#[napi(catch_unwind)]
pub fn close_port(port: u32) {
    registry::remove_port(port);
}

/// Before a consumer's handler waits for room: whether it may.
#[napi(catch_unwind)]
pub fn begin_wait(port: u32) -> Result<bool> {
    let port = registry::port(port)?;
    // Where nothing waits for room, nobody can wait for ever.
    Ok(port.port.overflow() != Overflow::Wait || port.port.begin_wait())
}

/// While it waits: whether nobody is left to make room. Then it counts no more as one that waits.
#[napi(catch_unwind)]
pub fn end_wait_if_stuck(port: u32) -> Result<bool> {
    Ok(registry::port(port)?.port.end_wait_if_stuck())
}

#[napi(catch_unwind)]
pub fn end_wait(port: u32) {
    if let Ok(port) = registry::port(port) {
        port.port.end_wait();
    }
}

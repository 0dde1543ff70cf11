//! The life of a system.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_core::system::{Handlers, Report, Sources, System};
use millrace_core::{Collect, Items};
use napi_derive::napi;

use crate::attempts::Attempts;
use crate::consume::Callback;
use crate::environment::{Environment, Notices};
use crate::error::{NativeFailure, Result, failure_error, state_error};
use crate::items::{NativeItems, in_parts};
use crate::leased::Leased;
use crate::outcome::{Replies, Results};
use crate::port::Port;
use crate::registry;
use crate::spec::SystemSpec;
use crate::stats::SystemStats;

/// A system, and what JavaScript holds of it. Its own environment sends through the port of the same handle. The mutexes are for the types: one environment uses them.
pub struct Entry {
    pub system: System<Items, Items>,
    pub environment: Arc<Environment>,
    pub callback: Mutex<Option<Callback>>,
    pub leased: Mutex<Option<Leased>>,
    pub attempts: Arc<Attempts>,
    pub results: Mutex<Option<Results>>,
    pub replies: Mutex<Replies>,
}

/// What came of a system.
#[napi(object)]
pub struct NativeReport {
    pub stats: SystemStats,
    pub unprocessed: Vec<NativeItems>,
    pub detached: Vec<String>,
    pub source_failure: Option<NativeFailure>,
}

impl From<Report<Items>> for NativeReport {
    fn from(report: Report<Items>) -> Self {
        let mut unprocessed = Items::default();
        report.unprocessed.into_iter().for_each(|items| unprocessed.append(items));
        NativeReport {
            stats: report.stats.into(),
            unprocessed: in_parts(unprocessed),
            detached: report.detached,
            source_failure: report.source_failure.map(NativeFailure::from),
        }
    }
}

#[napi(catch_unwind)]
pub fn create_system(environment: u32, spec: SystemSpec) -> Result<u32> {
    let environment = registry::environment(environment)?;
    let handle = registry::next_handle();
    let options = spec.options();
    let channel = spec.order.options(spec.capacity);
    let sources = Sources::try_from(spec.source)?;
    let handlers = Handlers::try_from(spec.handler)?;
    let external = matches!(handlers, Handlers::External);
    let letters_limit = spec.dead_letters;
    let one_by_one = external && spec.leased;
    let attempts = Arc::default();
    let notices = Notices::new(Arc::clone(&environment), handle, Arc::clone(&attempts));
    let system = System::with_channel(options, &channel, sources, handlers, notices)
        .map_err(|failure| failure_error(&failure))?;
    if let Some(limit) = letters_limit {
        system.limit_dead_letters(limit as usize);
    }
    let callback = (external && !one_by_one).then(|| Callback::new(system.external_consumer(), &environment, handle));
    let leased = one_by_one.then(|| Leased::new(system.leased_consumer(), &environment, handle));
    let entry = Entry {
        system,
        environment,
        callback: Mutex::new(callback),
        leased: Mutex::new(leased),
        attempts,
        results: Mutex::default(),
        replies: Mutex::default(),
    };
    let port = Port::new(entry.system.port(), Arc::clone(&entry.environment));
    registry::add_port(handle, Arc::new(port));
    registry::add_system(handle, Arc::new(entry));
    Ok(handle)
}

#[napi(catch_unwind)]
pub fn drop_system(system: u32) {
    registry::remove_port(system);
    registry::remove_system(system);
}

#[napi(catch_unwind)]
pub fn start_system(system: u32) -> Result<()> {
    registry::system(system)?.system.start().map_err(state_error)
}

#[napi(catch_unwind)]
pub fn start_failure(system: u32) -> Result<Option<NativeFailure>> {
    let outcome = registry::system(system)?.system.start_outcome();
    Ok(outcome.and_then(std::result::Result::err).map(NativeFailure::from))
}

#[napi(catch_unwind)]
pub fn pause_system(system: u32) -> Result<()> {
    registry::system(system)?.system.pause().map_err(state_error)
}

#[napi(catch_unwind)]
pub fn resume_system(system: u32) -> Result<()> {
    registry::system(system)?.system.resume().map_err(state_error)
}

#[napi(catch_unwind)]
pub fn stop_system(system: u32, timeout: Option<f64>) -> Result<()> {
    let timeout = timeout.map(|ms| Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX));
    registry::system(system)?.system.stop(timeout);
    Ok(())
}

#[napi(catch_unwind)]
pub fn abort_system(system: u32, failure: NativeFailure) -> Result<()> {
    registry::system(system)?.system.abort(failure.into());
    Ok(())
}

#[napi(catch_unwind)]
pub fn system_stats(system: u32) -> Result<SystemStats> {
    Ok(registry::system(system)?.system.stats().into())
}

#[napi(catch_unwind)]
pub fn watch_idle(system: u32) -> Result<()> {
    registry::system(system)?.system.watch_idle();
    Ok(())
}

#[napi(catch_unwind)]
pub fn source_ended(system: u32, failure: Option<NativeFailure>) -> Result<()> {
    registry::system(system)?.system.source_ended(failure.map(Into::into));
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_report(system: u32) -> Result<Option<NativeReport>> {
    Ok(registry::system(system)?.system.take_report().map(NativeReport::from))
}

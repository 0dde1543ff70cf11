//! Attempts that failed, on their way to who listens for them.

#![allow(clippy::struct_field_names, reason = "an attempt's number is called so everywhere")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use millrace_core::system::FailedAttempt;
use millrace_core::{Failure, Items};
use napi_derive::napi;

use crate::environment::lock;
use crate::error::{NativeFailure, Result};
use crate::items::{NativeItems, in_parts};
use crate::registry;

/// How many are kept for JavaScript: where its event loop is busy for long, the oldest go.
const KEPT: usize = 1000;

/// Attempts that failed and that JavaScript has not heard of.
#[derive(Default)]
pub struct Attempts(Mutex<VecDeque<Attempt>>);

struct Attempt {
    item: Items,
    failure: Failure,
    attempt: u32,
    retry: Option<Duration>,
}

/// An attempt that failed; `delay` in ms where there will be another.
#[napi(object)]
pub struct NativeAttempt {
    pub items: Vec<NativeItems>,
    pub failure: NativeFailure,
    pub attempt: u32,
    pub delay: Option<f64>,
}

impl Attempts {
    /// Says whether it is the first to be told of.
    pub fn add(&self, attempt: &FailedAttempt<'_>) -> bool {
        let Some(item) = attempt.item.downcast_ref::<Items>() else { return false };
        let mut attempts = lock(&self.0);
        if attempts.len() == KEPT {
            attempts.pop_front();
        }
        attempts.push_back(Attempt {
            item: item.clone(),
            failure: attempt.failure.clone(),
            attempt: attempt.attempt,
            retry: attempt.retry,
        });
        attempts.len() == 1
    }
}

/// Whether attempts that fail are kept, to be taken after `Notice.Attempts`.
#[napi(catch_unwind)]
pub fn watch_attempts(system: u32, watched: bool) -> Result<()> {
    registry::system(system)?.system.watch_attempts(watched);
    Ok(())
}

#[napi(catch_unwind)]
pub fn take_attempts(system: u32) -> Result<Vec<NativeAttempt>> {
    let attempts = std::mem::take(&mut *lock(&registry::system(system)?.attempts.0));
    let native = |Attempt { item, failure, attempt, retry }| NativeAttempt {
        items: in_parts(item),
        failure: failure.into(),
        attempt,
        delay: retry.map(|delay| delay.as_secs_f64() * 1000.0),
    };
    Ok(attempts.into_iter().map(native).collect())
}

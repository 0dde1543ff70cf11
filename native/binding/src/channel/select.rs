//! One of several sends and receives, on channels of this environment.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use millrace_core::channel::{Case, ReceivingCase, Selector, SendingCase};
use millrace_core::{Items, ReceiveError, SendError};
use napi::bindgen_prelude::{Either, Float64ArraySlice, Uint8Array};
use napi_derive::napi;

use super::Entry;
use crate::environment::{Environment, Ready, lock};
use crate::error::Result;
use crate::large::Large;
use crate::registry;
use crate::send::items_of;

/// In place of an item's kind, for a case that receives.
const RECEIVES: u8 = 255;

/// What a begun select says where it has no number, because it does not wait.
const HAPPENED: i64 = 0;
const NOTHING: i64 = -1;

/// What happened. Shared with src/binding.ts.
const RECEIVED: u8 = 0;
const SENT: u8 = 1;
const ENDED: u8 = 2;
const CLOSED: u8 = 3;
const ABORTED: u8 = 4;

/// The selects of one environment that wait.
#[derive(Default)]
pub struct Selects {
    last: u32,
    waiting: HashMap<u32, Select>,
    /// The bytes of the item that was received last, where they did not fit the chunk.
    large: Large,
}

struct Select {
    selector: Selector,
    cases: Vec<NativeCase>,
    /// What happened, where a cancel found that it had.
    over: Option<usize>,
}

enum NativeCase {
    Receives(ReceivingCase<Items>, Arc<Entry>),
    Sends(SendingCase<Items>),
}

impl Select {
    fn with_cases<T>(&mut self, call: impl FnOnce(&mut Selector, &mut [&mut dyn Case]) -> T) -> T {
        let mut cases: Vec<_> = self
            .cases
            .iter_mut()
            .map(|case| match case {
                NativeCase::Receives(case, _) => case as &mut dyn Case,
                NativeCase::Sends(case) => case as &mut dyn Case,
            })
            .collect();
        call(&mut self.selector, &mut cases)
    }

    fn poll(&mut self, waker: &Waker) -> Poll<usize> {
        if let Some(index) = self.over {
            return Poll::Ready(index);
        }
        self.with_cases(|selector, cases| selector.poll(cases, &mut Context::from_waker(waker)))
    }

    /// Hands over what happened: the case, and how it ended, in the first two places of `row`; an item in the chunk.
    fn tell(&mut self, index: usize, environment: &Environment, row: &mut [f64]) {
        let what = match &mut self.cases[index] {
            NativeCase::Receives(case, entry) => match case.held_outcome() {
                Some(Ok(held)) => {
                    let items = held.hand_over();
                    let large = environment.with_chunk(|mut chunk| {
                        let large = chunk.add_owned(items);
                        chunk.finish(0);
                        large
                    });
                    lock(&environment.selects).large = large;
                    RECEIVED
                }
                Some(Err(end)) => {
                    entry.unpin_if_ended();
                    if end == ReceiveError::Closed { ENDED } else { ABORTED }
                }
                None => unreachable!("what happened has an outcome"),
            },
            NativeCase::Sends(case) => match case.outcome() {
                Some(Ok(())) => SENT,
                Some(Err(SendError::Closed(_))) => CLOSED,
                Some(Err(SendError::Aborted(_))) => ABORTED,
                None => unreachable!("what happened has an outcome"),
            },
        };
        row[0] = index as f64;
        row[1] = f64::from(what);
    }
}

struct SelectWaker {
    environment: Arc<Environment>,
    select: u32,
}

impl Wake for SelectWaker {
    fn wake(self: Arc<Self>) {
        self.environment.notify(Ready::Select(self.select));
    }
}

fn waker(environment: &Arc<Environment>, select: u32) -> Waker {
    Waker::from(Arc::new(SelectWaker { environment: Arc::clone(environment), select }))
}

/// Lets one case happen that is ready; with `wait`, else returns the number of a select that waits. Case `i` is of
/// `channels[i]` and sends item `i` of the columns, unless that has no kind.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "columns cross as arguments of their own")]
pub fn begin_select(
    environment: u32,
    channels: &[u32],
    kinds: &[u8],
    ends: &[u32],
    bytes: &[u8],
    wait: bool,
    mut outcome: Float64ArraySlice,
) -> Result<i64> {
    let environment = registry::environment(environment)?;
    let mut cases = Vec::with_capacity(channels.len());
    let mut begin = 0;
    for ((channel, kind), end) in channels.iter().zip(kinds).zip(ends) {
        let attachment = registry::attachment(*channel)?;
        cases.push(if *kind == RECEIVES {
            NativeCase::Receives(attachment.entry.channel.receiving(1), Arc::clone(&attachment.entry))
        } else {
            let item = items_of(&[*kind], &[end - begin], &bytes[begin as usize..*end as usize], end - begin)?;
            NativeCase::Sends(lock(&attachment.outlet).sending(item))
        });
        begin = *end;
    }
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    let row = unsafe { outcome.as_mut() };
    let mut select = Select { selector: Selector::new(), cases, over: None };
    if let Some(index) = select.with_cases(Selector::try_now) {
        select.tell(index, &environment, row);
        return Ok(HAPPENED);
    }
    if !wait {
        return Ok(NOTHING);
    }
    let number = {
        let mut selects = lock(&environment.selects);
        selects.last = selects.last.wrapping_add(1).max(1);
        selects.last
    };
    if let Poll::Ready(index) = select.poll(&waker(&environment, number)) {
        select.tell(index, &environment, row);
        return Ok(HAPPENED);
    }
    lock(&environment.selects).waiting.insert(number, select);
    Ok(i64::from(number))
}

/// Whether a select that waited is over: then it tells what happened. After an event.
#[napi(catch_unwind)]
pub fn poll_select(environment: u32, select: u32, mut outcome: Float64ArraySlice) -> Result<bool> {
    let environment = registry::environment(environment)?;
    // Taken out meanwhile: a look may run into code that notifies.
    let Some(mut waiting) = lock(&environment.selects).waiting.remove(&select) else { return Ok(false) };
    let Poll::Ready(index) = waiting.poll(&waker(&environment, select)) else {
        lock(&environment.selects).waiting.insert(select, waiting);
        return Ok(false);
    };
    // SAFETY: the array is ours, and JavaScript does nothing with it during this call.
    waiting.tell(index, &environment, unsafe { outcome.as_mut() });
    Ok(true)
}

/// Ends the wait of a select. False where a case had happened before: an event tells so.
#[napi(catch_unwind)]
pub fn cancel_select(environment: u32, select: u32) -> Result<bool> {
    let environment = registry::environment(environment)?;
    let Some(mut waiting) = lock(&environment.selects).waiting.remove(&select) else { return Ok(true) };
    waiting.over = waiting.with_cases(|selector, cases| selector.cancel(cases));
    if waiting.over.is_none() {
        return Ok(true);
    }
    lock(&environment.selects).waiting.insert(select, waiting);
    environment.notify(Ready::Select(select));
    Ok(false)
}

/// The bytes of the item that a select received last, where they did not fit the chunk.
#[napi(catch_unwind)]
pub fn take_large_selected(environment: u32) -> Result<Either<Uint8Array, Vec<Uint8Array>>> {
    Ok(lock(&registry::environment(environment)?.selects).large.take())
}

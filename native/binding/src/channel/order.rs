//! What decides which item of a channel is next.

use std::time::Duration;

use millrace_core::channel::{ChannelOptions, Rate};
use napi_derive::napi;

/// Lanes and a rate, as src/channel/order-options.ts has them; times in ms.
#[napi(object)]
pub struct NativeOrder {
    /// 0: none were asked for.
    pub priorities: u8,
    pub aging: Option<f64>,
    pub limit: Option<f64>,
    pub per: Option<f64>,
}

impl NativeOrder {
    pub fn options(&self, capacity: u32) -> ChannelOptions {
        let mut options = ChannelOptions::new(capacity as usize);
        options.lanes = self.priorities.max(1);
        if let Some(aging) = self.aging {
            options.aging = time(aging);
        }
        if let (Some(limit), Some(per)) = (self.limit, self.per) {
            options.rate = Some(Rate { limit: limit as u64, per: time(per) });
        }
        options
    }
}

/// Some time, where it is too short for the clock.
fn time(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX).max(Duration::from_nanos(1))
}

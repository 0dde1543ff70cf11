//! A system's figures, as src/stats.ts has them.

use std::time::Duration;

use millrace_core::system as core;
use napi_derive::napi;

#[napi(object)]
pub struct SystemStats {
    #[napi(ts_type = "'ready' | 'running' | 'paused' | 'draining' | 'stopped' | 'aborted'")]
    pub state: String,
    pub elapsed: f64,
    pub capacity: f64,
    pub queued: f64,
    pub peak_queued: f64,
    pub waiting_sends: f64,
    pub produced: f64,
    pub processed: f64,
    pub failed_attempts: f64,
    pub retrying: f64,
    pub dead_lettered: f64,
    pub discarded: f64,
    pub in_flight: f64,
    pub throughput: Throughput,
    pub waiting: Waiting,
    pub latency: Latency,
    pub producers: Vec<ThreadStats>,
    pub consumers: Vec<ThreadStats>,
}

#[napi(object)]
pub struct Throughput {
    pub current: f64,
    pub mean: f64,
}

#[napi(object)]
pub struct Waiting {
    pub producers: f64,
    pub consumers: f64,
}

#[napi(object)]
pub struct Latency {
    pub queued: Percentiles,
    pub handling: Percentiles,
}

#[napi(object)]
pub struct Percentiles {
    pub count: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

#[napi(object)]
pub struct ThreadStats {
    pub name: String,
    #[napi(ts_type = "'starting' | 'busy' | 'waiting' | 'ended' | 'detached'")]
    pub state: String,
    pub items: f64,
    pub failed: f64,
    pub busy: f64,
    pub waiting: f64,
}

impl From<core::SystemStats> for SystemStats {
    fn from(stats: core::SystemStats) -> Self {
        SystemStats {
            state: stats.state.name().to_owned(),
            elapsed: ms(stats.elapsed),
            capacity: stats.capacity as f64,
            queued: stats.queued as f64,
            peak_queued: stats.peak_queued as f64,
            waiting_sends: stats.waiting_sends as f64,
            produced: stats.produced as f64,
            processed: stats.processed as f64,
            failed_attempts: stats.failed_attempts as f64,
            retrying: stats.retrying as f64,
            dead_lettered: stats.dead_lettered as f64,
            discarded: stats.discarded as f64,
            in_flight: stats.in_flight as f64,
            throughput: Throughput { current: stats.current_throughput, mean: stats.mean_throughput },
            waiting: Waiting { producers: ms(stats.producers_waiting), consumers: ms(stats.consumers_waiting) },
            latency: Latency { queued: stats.queued_latency.into(), handling: stats.handling_latency.into() },
            producers: stats.producers.into_iter().map(ThreadStats::from).collect(),
            consumers: stats.consumers.into_iter().map(ThreadStats::from).collect(),
        }
    }
}

impl From<core::Percentiles> for Percentiles {
    fn from(of: core::Percentiles) -> Self {
        Percentiles { count: of.count as f64, p50: ms(of.p50), p90: ms(of.p90), p99: ms(of.p99), max: ms(of.max) }
    }
}

impl From<core::ThreadStats> for ThreadStats {
    fn from(row: core::ThreadStats) -> Self {
        ThreadStats {
            name: row.name,
            state: row.state.name().to_owned(),
            items: row.items as f64,
            failed: row.failed as f64,
            busy: ms(row.busy),
            waiting: ms(row.waiting),
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

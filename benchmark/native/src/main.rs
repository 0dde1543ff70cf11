//! One run of the hot path in a process of its own: `millrace-benchmark CONTESTANT PRODUCERS CONSUMERS CAPACITY ITEMS`.
//!
//! Every contestant moves the numbers from 0 to before ITEMS: each value is stored in memory before it is sent, and
//! read and summed after it was received. Prints one JSON object with the count and the sum that arrived and the time
//! from the start of the first thread to the end of the last.

mod contest;
mod ports;
mod system;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use millrace_core::Channel;

/// The size of a run.
#[derive(Debug, Clone, Copy)]
struct Shape {
    producers: usize,
    consumers: usize,
    capacity: usize,
    /// In all; a multiple of the producers.
    items: u64,
}

impl Shape {
    fn items_each(self) -> u64 {
        self.items / self.producers as u64
    }
}

/// What arrived.
#[derive(Debug, Clone, Copy, Default)]
struct Arrived {
    count: u64,
    sum: f64,
}

impl Arrived {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }

    fn and(self, other: Arrived) -> Arrived {
        Arrived { count: self.count + other.count, sum: self.sum + other.sum }
    }
}

/// The batch that millrace's sources use at a capacity of 1000.
const BATCH: usize = 125;

fn run(contestant: &str, shape: Shape) -> Result<(Arrived, Duration), String> {
    let start = Instant::now();
    let Shape { capacity, .. } = shape;
    // As many vectors as come to the same bound of items.
    let slots = capacity.div_ceil(BATCH);
    let arrived = match contestant {
        "millrace" => system::run(shape)?,
        "millrace-items" => own_items(shape)?,
        "crossbeam-items" => contest::items(shape, crossbeam_channel::bounded(capacity)),
        "kanal-items" => contest::items(shape, kanal::bounded(capacity)),
        "flume-items" => contest::items(shape, flume::bounded(capacity)),
        "std-items" => contest::items(shape, contest::std_bounded(capacity)),
        "crossbeam-batches" => contest::batches(shape, crossbeam_channel::bounded(slots)),
        "kanal-batches" => contest::batches(shape, kanal::bounded(slots)),
        "flume-batches" => contest::batches(shape, flume::bounded(slots)),
        // A bound of as many batches, not items.
        "crossbeam-batches-wide" => contest::batches(shape, crossbeam_channel::bounded(capacity)),
        other => return Err(format!("expected a contestant, got {other:?}")),
    };
    Ok((arrived, start.elapsed()))
}

/// Ours as a Rust library, item by item.
fn own_items(shape: Shape) -> Result<Arrived, String> {
    let channel = Channel::new(shape.capacity).map_err(|error| error.to_string())?;
    Ok(contest::items(shape, (channel.clone(), channel)))
}

fn parse(arguments: &[String]) -> Result<(&str, Shape), String> {
    let [contestant, numbers @ ..] = arguments else { return Err("expected a contestant".to_owned()) };
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|text| text.parse().ok().filter(|n| *n > 0).ok_or(format!("expected a positive integer, got {text:?}")))
        .collect::<Result<_, _>>()?;
    let [producers, consumers, capacity, items] = numbers[..] else {
        return Err(format!("expected PRODUCERS CONSUMERS CAPACITY ITEMS, got {} numbers", numbers.len()));
    };
    let shape = Shape {
        producers: producers as usize,
        consumers: consumers as usize,
        capacity: capacity as usize,
        items: items / producers * producers,
    };
    Ok((contestant, shape))
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program: this is its output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments).and_then(|(contestant, shape)| run(contestant, shape)) {
        Ok((arrived, elapsed)) => {
            let Arrived { count, sum } = arrived;
            println!(r#"{{"count":{count},"sum":{sum},"seconds":{}}}"#, elapsed.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("millrace-benchmark: {message}");
            ExitCode::from(2)
        }
    }
}

//! `sleep`: as long as drawn, and no longer once the system is aborted.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use millrace_core::tasks::Sleep;
use millrace_core::{Batch, Delay, Item, Items, Task, TaskContext};

#[test]
fn sleeps_at_least_as_long_as_the_results_say() {
    let batch = Items::from(vec![0.0; 20]);
    let mut results = Items::default();
    let mut task = Sleep::new(Delay::new("sleep", 0.5, 2.0).expect("valid")).task();
    let aborted = AtomicBool::new(false);
    for index in 0..batch.len() {
        let start = Instant::now();
        task.handle(&batch, index, Some(&mut results), &TaskContext::new(&aborted)).expect("no abort");
        let Item::Number(ms) = results.get(index) else { panic!("a number") };
        assert!((0.5..=2.0).contains(&ms));
        assert!(start.elapsed() >= Duration::from_secs_f64(ms / 1000.0));
    }
    let drawn = results.as_numbers().expect("numbers");
    assert!(drawn.iter().any(|ms| ms.to_bits() != drawn[0].to_bits()), "every draw is the same");
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_wakes_when_the_sleep_is_due() {
    let batch = Items::from(vec![0.0]);
    let aborted = AtomicBool::new(false);
    let mut task = Sleep::new(Delay::NONE).task();
    task.handle(&batch, 0, None, &TaskContext::new(&aborted)).expect("no abort");
    assert_eq!(rustix::thread::current_timer_slack(), Ok(1));
}

#[test]
fn an_abort_ends_the_sleep() {
    let batch = Items::from(vec![0.0]);
    let mut results = Items::default();
    let mut task = Sleep::new(Delay::new("sleep", Delay::MAX, Delay::MAX).expect("valid")).task();
    let aborted = AtomicBool::new(true);
    let failure = task.handle(&batch, 0, Some(&mut results), &TaskContext::new(&aborted)).expect_err("a failure");
    assert_eq!(failure.code, "ERR_MILLRACE_ABORTED");
    assert!(results.is_empty());
}

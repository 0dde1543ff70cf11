use std::thread;
use std::time::{Duration, Instant};

use super::{Channel, ReceiveError, TryReceiveError};

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3600);

fn channel(capacity: usize, items: &[i32]) -> Channel<Vec<i32>> {
    let channel = Channel::new(capacity).expect("a capacity in range");
    channel.send(items.to_vec()).expect("it is open");
    channel
}

#[test]
fn a_lease_given_back_for_later_comes_when_it_is_due_and_others_before() {
    let channel = channel(10, &[1, 2]);
    let begin = Instant::now();
    channel.try_lease(1).expect("an item").retry_after(SOON);
    assert_eq!(channel.stats().retrying, 1);
    assert_eq!(channel.lease(1).expect("the other").settle(), [2]);
    assert!(begin.elapsed() < SOON, "the other item waited too");
    let again = channel.lease(1).expect("the first again");
    assert!(begin.elapsed() >= SOON, "it came after {:?}", begin.elapsed());
    assert_eq!((again.attempt(), again.settle()), (2, vec![1]));
    assert_eq!(channel.stats().retrying, 0);
}

#[test]
fn what_is_due_comes_in_the_order_of_the_times_to_threads_that_sleep() {
    for _ in 0..3 {
        let channel = channel(10, &[1, 2, 3]);
        for delay in [300, 100, 200] {
            channel.try_lease(1).expect("an item").retry_after(Duration::from_millis(delay));
        }
        let sleeper = channel.clone();
        let received =
            thread::spawn(move || (0..3).map(|_| sleeper.receive(1).expect("an item")[0]).collect::<Vec<_>>());
        assert_eq!(received.join().expect("no panic"), [2, 3, 1]);
    }
}

#[test]
fn while_as_many_wait_as_fit_only_the_due_are_taken() {
    let channel = channel(2, &[1, 2]);
    channel.try_lease(1).expect("an item").retry_after(SOON);
    channel.try_lease(1).expect("an item").retry_after(NEVER);
    channel.send(vec![3]).expect("leases hold no permit");
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
    assert_eq!(channel.receive(1), Ok(vec![1]));
    assert_eq!(channel.receive(1), Ok(vec![3]));
}

#[test]
fn the_end_waits_for_what_is_not_due_and_an_abort_gives_it_back() {
    let ending = channel(2, &[1]);
    ending.try_lease(1).expect("an item").retry_after(SOON);
    ending.close();
    assert_eq!(ending.receive(1), Ok(vec![1]));
    assert_eq!(ending.receive(1), Err(ReceiveError::Closed));

    let aborted = channel(2, &[1, 2]);
    aborted.try_lease(1).expect("an item").retry_after(NEVER);
    let mut queued = aborted.abort().concat();
    queued.sort_unstable();
    assert_eq!(queued, [1, 2]);
    assert_eq!(aborted.stats().leased, 0);
}

#[test]
fn a_delay_past_the_clocks_range_is_long() {
    let channel = channel(2, &[1]);
    channel.try_lease(1).expect("an item").retry_after(Duration::MAX);
    assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty));
}

//! Sends and receives as futures: wakers, re-entry, and what is polled when it should not be.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use millrace_core::channel::{Cancelled, Producer};
use millrace_core::{Channel, ReceiveError, SendError};
use support::{Flag, block_on, finishes, poll};

#[test]
fn a_send_that_fits_is_over_before_it_is_polled() {
    let channel = Channel::new(2).expect("valid");
    let producer = channel.producer();
    let sending = producer.send(vec![1, 2]);
    assert_eq!(channel.try_receive(9), Ok(vec![1, 2]));
    assert!(!producer.is_waiting());
    assert_eq!(block_on(sending), Ok(()));
}

/// Notes what a producer's count of admitted items is when a receiver is woken.
struct Look {
    producer: Producer<Vec<u32>>,
    seen: AtomicU64,
}

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        self.seen.store(self.producer.admitted(), Ordering::Release);
    }
}

#[test]
fn whoever_is_woken_for_items_finds_them_counted_as_admitted() {
    let channel = Channel::new(10).expect("valid");
    for (sends, n) in [(false, 2), (true, 3)] {
        let look = Arc::new(Look { producer: channel.producer(), seen: AtomicU64::new(0) });
        let waker = Waker::from(Arc::clone(&look));
        let mut receiving = channel.receive_async(9);
        assert_eq!(poll(&mut receiving, &waker), Poll::Pending);
        if sends {
            assert_eq!(block_on(look.producer.send(vec![0; n])), Ok(()));
        } else {
            assert_eq!(look.producer.try_send(vec![0; n]), Ok(()));
        }
        assert_eq!(look.seen.load(Ordering::Acquire), n as u64);
        assert_eq!(poll(&mut receiving, &waker), Poll::Ready(Ok(vec![0; n])));
    }
}

#[test]
fn a_receive_takes_only_when_it_is_polled() {
    let channel = Channel::new(2).expect("valid");
    channel.send(vec![1]).expect("open");
    drop(channel.receive_async(1));
    let (woken, waker) = Flag::new();
    let mut one = channel.receive_async(1);
    assert_eq!(poll(&mut one, &waker), Poll::Ready(Ok(vec![1])));
    assert!(poll(&mut one, &waker).is_pending(), "polled again it receives again");
    channel.send(vec![2]).expect("open");
    assert!(woken.is_set());
    drop(one);
    assert_eq!(channel.try_receive(1), Ok(vec![2]), "woken is not taken");
}

#[test]
fn the_latest_waker_is_the_one_that_is_called() {
    let channel = Channel::new(1).expect("valid");
    let ((old_woken, old), (new_woken, new)) = (Flag::new(), Flag::new());
    let mut receiving = channel.receive_async(1);
    assert!(poll(&mut receiving, &old).is_pending());
    assert!(poll(&mut receiving, &new).is_pending());
    channel.send(vec![1]).expect("open");
    assert!(new_woken.is_set() && !old_woken.is_set());
    assert_eq!(block_on(receiving), Ok(vec![1]));

    let ((old_woken, old), (new_woken, new)) = (Flag::new(), Flag::new());
    let mut sending = channel.producer().send(vec![2, 3]);
    assert!(poll(&mut sending, &old).is_pending());
    assert!(poll(&mut sending, &new).is_pending());
    assert_eq!(channel.receive(1), Ok(vec![2]));
    assert!(new_woken.is_set() && !old_woken.is_set());
    assert_eq!(block_on(sending), Ok(()));
}

#[test]
fn futures_that_are_over_are_dropped_without_a_trace() {
    let channel = Channel::new(1).expect("valid");
    let producer = channel.producer();
    let (mut sent, waits) = (producer.send(vec![1]), producer.send(vec![2]));
    let (_, waker) = Flag::new();
    assert_eq!(poll(&mut sent, &waker), Poll::Ready(Ok(())));
    drop(sent);
    assert_eq!(channel.receive(1), Ok(vec![1]));
    drop(waits);
    assert_eq!(channel.receive(1), Ok(vec![2]), "it was over when it was dropped");
    let mut end = channel.receive_async(1);
    channel.close();
    assert_eq!(poll(&mut end, &waker), Poll::Ready(Err(ReceiveError::Closed)));
    drop(end);
}

#[test]
fn a_send_polled_or_cancelled_after_its_outcome_panics() {
    let channel = Channel::new(1).expect("valid");
    let (_, waker) = Flag::new();
    let mut sending = channel.producer().send(vec![1]);
    assert_eq!(poll(&mut sending, &waker), Poll::Ready(Ok(())));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut sending, &waker))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| sending.cancel())).is_err());
    // A send that was refused at once still has its outcome to give.
    channel.close();
    assert_eq!(channel.producer().send(vec![2]).cancel(), Cancelled::Over(Err(SendError::Closed(vec![2]))));
}

/// A waker that calls the channel back at once, from wherever it is woken.
struct Reenters {
    channel: Channel<Vec<u32>>,
    received: Mutex<Vec<u32>>,
}

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        let _ = self.channel.stats();
        let _ = self.channel.try_send(vec![0]);
        while let Ok(batch) = self.channel.try_receive(1) {
            self.received.lock().expect("no panic").extend(batch);
        }
        drop(self.channel.receive_async(1));
        drop(self.channel.producer().send(vec![0; 3]));
    }
}

#[test]
fn a_waker_may_call_the_channel() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        let reenters = Arc::new(Reenters { channel: channel.clone(), received: Mutex::default() });
        let waker = Waker::from(Arc::clone(&reenters));
        let mut receiving = channel.receive_async(1);
        assert!(poll(&mut receiving, &waker).is_pending());
        channel.send(vec![1]).expect("open");
        assert_eq!(reenters.received.lock().expect("no panic").first(), Some(&1));
        let mut sending = channel.producer().send(vec![2, 3, 4]);
        assert!(poll(&mut sending, &waker).is_pending());
        while channel.try_receive(1).is_ok() {}
        assert_eq!(block_on(sending), Ok(()));
        assert!(poll(&mut receiving, &waker).is_pending());
        channel.close();
        assert_eq!(block_on(receiving), Err(ReceiveError::Closed));
    });
}

/// A waker whose last clone drops a task that waits on the channel too.
struct OwnsTask(#[expect(dead_code, reason = "held for its drop")] Mutex<Option<Box<dyn std::any::Any + Send>>>);

impl Wake for OwnsTask {
    fn wake(self: Arc<Self>) {}
}

fn owns(task: impl std::any::Any + Send) -> Waker {
    Waker::from(Arc::new(OwnsTask(Mutex::new(Some(Box::new(task))))))
}

#[test]
fn a_waker_that_is_replaced_may_drop_a_task_of_the_channel() {
    finishes(|| {
        let channel = Channel::new(1).expect("valid");
        let (_, waker) = Flag::new();
        let waiting_receive = || {
            let mut receiving = channel.receive_async(1);
            assert!(poll(&mut receiving, &waker).is_pending());
            receiving
        };
        let mut receiving = channel.receive_async(1);
        assert!(poll(&mut receiving, &owns(waiting_receive())).is_pending());
        assert!(poll(&mut receiving, &owns(waiting_receive())).is_pending());
        drop(receiving);

        let producer = channel.producer();
        let mut sending = producer.send(vec![1, 2]);
        assert!(poll(&mut sending, &owns(channel.producer().send(vec![3]))).is_pending());
        assert!(poll(&mut sending, &waker).is_pending());
        assert_eq!(channel.stats().waiting_sends, 1);
        assert!(poll(&mut sending, &owns(channel.producer().send(vec![4]))).is_pending());
        assert_eq!(sending.cancel(), Cancelled::Rest(vec![2]));
        assert_eq!(channel.stats().waiting_sends, 0);
    });
}

#[test]
fn a_batch_of_sends_tells_of_each() {
    let channel = Channel::new(2).expect("valid");
    let producer = channel.producer();
    let mut sends = producer.send_each(vec![0, 1, 2, 3, 4, 5]);
    assert_eq!((sends.admitted(), channel.stats().waiting_sends), (2, 4));
    for received in 0..3 {
        let (woken, waker) = Flag::new();
        assert_eq!(poll(&mut sends, &waker), Poll::Pending);
        assert_eq!(channel.receive(1), Ok(vec![received]));
        assert!(woken.is_set(), "some were admitted");
        assert_eq!((sends.admitted(), channel.stats().waiting_sends), (3 + received, 3 - received));
    }
    let (woken, waker) = Flag::new();
    assert_eq!(poll(&mut sends, &waker), Poll::Pending);
    assert_eq!(channel.receive(1), Ok(vec![3]));
    assert!(woken.is_set());
    assert_eq!(poll(&mut sends, &waker), Poll::Ready(Ok(())));
    assert_eq!(channel.stats().waiting_sends, 0);
}

#[test]
fn a_batch_of_sends_that_is_cancelled_or_aborted_leaves_no_count() {
    for abort in [false, true] {
        let channel = Channel::new(1).expect("valid");
        let producer = channel.producer();
        let sends = producer.send_each(vec![0, 1, 2, 3]);
        let other = producer.send(vec![4, 5]);
        assert_eq!(channel.stats().waiting_sends, 4);
        assert_eq!(channel.receive(1), Ok(vec![0]));
        assert_eq!(sends.admitted(), 2);
        if abort {
            channel.abort();
            assert_eq!(sends.cancel(), Cancelled::Over(Err(SendError::Aborted(vec![2, 3]))));
            assert_eq!(block_on(other), Err(SendError::Aborted(vec![4, 5])));
        } else {
            assert_eq!(sends.cancel(), Cancelled::Rest(vec![2, 3]));
            assert_eq!(channel.stats().waiting_sends, 1);
            drop(other);
        }
        assert_eq!(channel.stats().waiting_sends, 0);
    }
}

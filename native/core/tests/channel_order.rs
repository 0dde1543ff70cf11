//! First in, first out for each producer, as each receiver sees it; each item once.

mod support;

use std::thread;

use millrace_core::Channel;
use support::{assert_each_once, block_on, finishes, rounds};

/// Fails unless the items of each producer come in order.
#[derive(Default)]
struct InOrder {
    last: Vec<Option<usize>>,
}

impl InOrder {
    fn see(&mut self, producer: usize, item: usize) {
        if self.last.len() <= producer {
            self.last.resize(producer + 1, None);
        }
        let last = self.last[producer].replace(item);
        assert!(last < Some(item), "producer {producer}: item {item} after {last:?}");
    }
}

#[test]
fn each_receiver_sees_each_producer_in_order() {
    rounds(20, |rng| {
        const PRODUCERS: usize = 4;
        let per_producer = 1500;
        let channel = Channel::<Vec<(usize, usize)>>::new(rng.usize(1..150)).expect("valid");
        let seen = thread::scope(|scope| {
            let receivers: Vec<_> = [1, 3, 64, 3]
                .into_iter()
                .enumerate()
                .map(|(number, max)| {
                    let channel = &channel;
                    scope.spawn(move || {
                        let (mut order, mut seen) = (InOrder::default(), Vec::new());
                        let as_future = number == 3;
                        loop {
                            let received =
                                if as_future { block_on(channel.receive_async(max)) } else { channel.receive(max) };
                            let Ok(batch) = received else { return seen };
                            assert!((1..=max).contains(&batch.len()));
                            for (producer, item) in batch {
                                order.see(producer, item);
                                seen.push(producer * per_producer + item);
                            }
                        }
                    })
                })
                .collect();
            let senders: Vec<_> = (0..PRODUCERS)
                .map(|producer| {
                    let mut rng = rng.fork();
                    let channel = &channel;
                    scope.spawn(move || {
                        let tasks = channel.producer();
                        let mut item = 0;
                        while item < per_producer {
                            let n = rng.usize(1..=100).min(per_producer - item);
                            let batch: Vec<_> = (item..item + n).map(|item| (producer, item)).collect();
                            item += n;
                            if producer % 2 == 0 {
                                channel.send(batch).expect("open");
                            } else if rng.bool() {
                                block_on(tasks.send(batch)).expect("open");
                            } else if let Err(full) = tasks.try_send(batch) {
                                block_on(tasks.send(full.into_inner())).expect("open");
                            }
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic");
            }
            channel.close();
            receivers.into_iter().flat_map(|receiver| receiver.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_each_once(seen, PRODUCERS * per_producer);
    });
}

#[test]
fn sends_of_one_producer_that_wait_are_admitted_in_order_part_by_part() {
    rounds(200, |rng| {
        let channel = Channel::new(rng.usize(1..10)).expect("valid");
        let producers = [channel.producer(), channel.producer()];
        let mut next = [0; 2];
        let mut sends = Vec::new();
        for _ in 0..30 {
            let of = rng.usize(0..2);
            let n = rng.usize(1..15);
            sends.push(producers[of].send((next[of]..next[of] + n).map(|item| (of, item)).collect::<Vec<_>>()));
            next[of] += n;
        }
        channel.close();
        let mut order = InOrder::default();
        let mut received = 0;
        while let Ok(batch) = channel.receive(rng.usize(1..20)) {
            received += batch.len();
            for (producer, item) in batch {
                order.see(producer, item);
            }
        }
        assert_eq!(received, next.iter().sum::<usize>());
        for send in sends {
            assert_eq!(block_on(send), Ok(()));
        }
    });
}

#[test]
fn try_send_does_not_overtake_an_earlier_send_of_its_producer() {
    finishes(|| {
        let channel = Channel::new(2).expect("valid");
        let (one, other) = (channel.producer(), channel.producer());
        let waits = one.send(vec![1, 2, 3]);
        assert!(one.is_waiting());
        assert_eq!(channel.try_receive(1), Ok(vec![1]));
        // Item 3 was admitted by that receive, so nothing of `one` waits any more.
        assert!(!one.is_waiting());
        let waits_again = one.send(vec![4]);
        assert!(one.try_send(vec![5]).is_err());
        assert_eq!(channel.try_receive(2), Ok(vec![2]));
        assert_eq!(channel.try_receive(2), Ok(vec![3]));
        assert_eq!(one.try_send(vec![5]), Ok(()));
        assert!(other.try_send(vec![6]).is_err(), "4 and 5 fill it");
        assert_eq!(block_on(waits), Ok(()));
        assert_eq!(block_on(waits_again), Ok(()));
        assert_eq!(channel.try_receive(1), Ok(vec![4]));
        assert_eq!(channel.try_receive(1), Ok(vec![5]));
    });
}

#[test]
fn what_is_left_of_a_batch_comes_before_later_ones() {
    let channel = Channel::new(10).expect("valid");
    channel.send(vec![1, 2, 3, 4]).expect("open");
    channel.send(vec![5]).expect("open");
    assert_eq!(channel.try_receive(1), Ok(vec![1]));
    assert_eq!(channel.try_receive(2), Ok(vec![2, 3]));
    assert_eq!(channel.try_receive(9), Ok(vec![4]));
    assert_eq!(channel.try_receive(9), Ok(vec![5]));
}

#[test]
fn an_empty_batch_takes_no_place_and_is_never_received() {
    let channel = Channel::new(1).expect("valid");
    let producer = channel.producer();
    channel.send(vec![]).expect("open");
    channel.send(vec![1]).expect("open");
    let waits = producer.send(vec![2]);
    assert_eq!(channel.send(vec![]), Ok(()), "nothing to wait for");
    assert_eq!(block_on(producer.send(vec![])), Ok(()));
    channel.close();
    assert_eq!(channel.receive(9), Ok(vec![1]));
    assert_eq!(channel.receive(9), Ok(vec![2]));
    assert!(channel.receive(9).is_err());
    assert_eq!(block_on(waits), Ok(()));
}

//! Fairness: who waits is overtaken up to a bound, and then the next permits, or items, are its own.

use std::task::Poll;
use std::time::Duration;

use millrace_core::TryReceiveError;
use millrace_core::channel::OVERTAKING;

use crate::support::{channel, full, model, poll_once, spawn};

#[test]
fn a_sender_that_waits_is_overtaken_by_so_many_items_and_no_more() {
    model(2, || {
        let channel = full();
        let sender = spawn(&channel, |channel| channel.send(vec![2]));
        let waits = channel.stats().waiting_sends == 1;
        assert_eq!(channel.receive(1), Ok(vec![1]));
        let mut overtaken = 0;
        for item in [3, 4] {
            if channel.try_send(vec![item]).is_ok() {
                overtaken += usize::from(channel.receive(1) == Ok(vec![item]));
            }
        }
        assert!(!waits || overtaken <= OVERTAKING, "overtaken by {overtaken}");
        if overtaken == 2 {
            assert_eq!(channel.receive(1), Ok(vec![2]));
        }
        assert_eq!(sender.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_task_that_receives_and_was_overtaken_has_an_item_kept_for_it() {
    model(2, || {
        let channel = channel(2);
        let mut receiving = channel.receive_async(1);
        assert!(poll_once(&mut receiving).is_pending());
        let rival = spawn(&channel, |channel| {
            [(); 2].map(|()| channel.receive_timeout(1, Duration::ZERO).is_ok()).iter().filter(|got| **got).count()
        });
        channel.send(vec![1]).expect("open");
        channel.send(vec![2]).expect("open");
        let overtaken = rival.join().expect("no panic");
        // Where it came before the first of them, there is no room.
        let _ = channel.try_send(vec![3]);
        if overtaken == 2 {
            assert_eq!(channel.try_receive(1), Err(TryReceiveError::Empty), "it is due");
        }
        assert!(matches!(poll_once(&mut receiving), Poll::Ready(Ok(_))));
    });
}

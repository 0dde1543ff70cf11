//! Bound: never more than the capacity, and all of it is anyone's.

use crate::support::{channel, model, spawn};

#[test]
fn two_senders_never_pass_a_bound_of_one() {
    model(3, || {
        let channel = channel(1);
        let other = spawn(&channel, |channel| channel.try_send(vec![1]).is_ok());
        let mine = channel.try_send(vec![2]).is_ok();
        assert!(mine != other.join().expect("no panic"), "exactly one fits");
        assert_eq!(channel.stats().peak, 1);
    });
}

#[test]
fn two_waiting_senders_share_one_permit() {
    model(2, || {
        let channel = channel(1);
        let senders = [1, 2].map(|item| spawn(&channel, move |channel| channel.send(vec![item])));
        let sum = channel.receive(1).expect("an item")[0] + channel.receive(1).expect("an item")[0];
        assert_eq!(sum, 3);
        for sender in senders {
            assert_eq!(sender.join().expect("no panic"), Ok(()));
        }
        assert_eq!(channel.stats().peak, 1);
    });
}

#[test]
fn a_batch_that_is_sent_in_parts_never_passes_the_bound() {
    model(2, || {
        let channel = channel(2);
        let sender = spawn(&channel, |channel| channel.send(vec![1, 2, 3]));
        let expected = 3 + usize::from(channel.try_send(vec![4]).is_ok());
        let received: usize = (0..expected).map(|_| channel.receive(1).expect("one more").len()).sum();
        assert_eq!(received, expected);
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert!(channel.stats().peak <= 2 && channel.is_empty());
    });
}

#[test]
fn what_is_leased_and_given_back_takes_no_room_from_a_send() {
    model(3, || {
        let channel = channel(1);
        channel.send(vec![1]).expect("open");
        let lease = channel.lease(1).expect("an item");
        let sender = spawn(&channel, |channel| channel.try_send(vec![2]));
        lease.retry();
        assert_eq!(sender.join().expect("no panic"), Ok(()));
        assert_eq!(channel.stats().peak, 1);
        assert_eq!(channel.receive(1).expect("an item")[0] + channel.receive(1).expect("an item")[0], 3);
    });
}

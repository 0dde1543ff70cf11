//! What became of each item of a round, item by item: the check that none was lost and none came twice.

use crate::tally::{Fault, Tally};

/// How many faults of a kind are described one by one.
const DESCRIBED: usize = 3;

/// The item number `n` of a stream. Ids stay below 2^53, so that an `f64` can carry them.
pub fn id(stream: usize, n: usize) -> u64 {
    ((stream as u64) << 32) | n as u64
}

/// Which stream made an item, and its number there.
pub fn parts(id: u64) -> (usize, usize) {
    ((id >> 32) as usize, (id & u64::from(u32::MAX)) as usize)
}

/// What the sender of an item knows about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Its send said so.
    Admitted,
    /// It came back to its sender.
    Refused,
    /// Its send was dropped or left to itself. How many of these were admitted is known, but not which.
    Unknown,
}

/// What one producer sent, in order.
#[derive(Debug)]
pub struct Stream {
    pub number: usize,
    sent: Vec<Sent>,
    /// Of the items of which the sender does not know, how many were admitted.
    pub unknown_admitted: usize,
}

impl Stream {
    pub fn new(number: usize) -> Self {
        Stream { number, sent: Vec::new(), unknown_admitted: 0 }
    }

    /// How many items were made.
    pub fn made(&self) -> usize {
        self.sent.len()
    }

    /// Makes `n` more items, of which nothing is known yet. Gives the number of the first.
    pub fn make(&mut self, n: usize) -> usize {
        let first = self.sent.len();
        self.sent.resize(first + n, Sent::Unknown);
        first
    }

    /// The first of the `n` items from `first` on were admitted, and `rest` came back: they have to be the others.
    pub fn settle(&mut self, first: usize, n: usize, rest: &[u64], tally: &mut Tally) {
        let back = first + n - rest.len().min(n);
        if !rest.iter().copied().eq((back..first + n).map(|n| id(self.number, n))) {
            let expected = format!("expected the last of {n} items from {:#x} on", id(self.number, first));
            tally.fault(Fault::Wrong, 1, || format!("a send gave back {rest:x?}, {expected}"));
        }
        self.sent[first..back].fill(Sent::Admitted);
        self.sent[back..first + n].fill(Sent::Refused);
    }

    /// Of `n` items in all, the first `admitted` were admitted.
    pub fn admit_first(&mut self, n: usize, admitted: usize) {
        self.sent = vec![Sent::Refused; n];
        self.sent[..admitted].fill(Sent::Admitted);
    }

    pub fn count(&self, sent: Sent) -> usize {
        self.sent.iter().filter(|other| **other == sent).count()
    }
}

/// The streams of a round, and where their items were seen.
#[derive(Debug)]
pub struct Ledger {
    streams: Vec<Stream>,
    /// For each item, the places where it was seen, and how often in all.
    seen: Vec<Vec<(u8, u8)>>,
    places: Vec<&'static str>,
}

impl Ledger {
    /// # Panics
    /// Where a stream is not in the place of its number.
    pub fn new(streams: Vec<Stream>) -> Self {
        assert!(streams.iter().enumerate().all(|(at, stream)| stream.number == at), "streams are in their order");
        let seen = streams.iter().map(|stream| vec![(0, 0); stream.sent.len()]).collect();
        Ledger { streams, seen, places: Vec::new() }
    }

    /// How many items were admitted, as far as their senders know.
    pub fn admitted(&self) -> usize {
        self.streams.iter().map(|stream| stream.count(Sent::Admitted) + stream.unknown_admitted).sum()
    }

    /// These items were seen in `place`, where each of them is to be found once, and nowhere else.
    pub fn see(&mut self, place: &'static str, ids: &[u64], tally: &mut Tally) {
        let bit = 1
            << self.places.iter().position(|other| *other == place).unwrap_or_else(|| {
                self.places.push(place);
                self.places.len() - 1
            });
        for id in ids {
            let (stream, n) = parts(*id);
            let Some((places, times)) = self.seen.get_mut(stream).and_then(|seen| seen.get_mut(n)) else {
                tally.fault(Fault::Wrong, 1, || format!("item {id:#x} was {place}, and never made"));
                continue;
            };
            *places |= bit;
            *times = times.saturating_add(1);
            if *times > 1 {
                let places = names(&self.places, *places);
                tally.fault(Fault::Duplicated, 1, || format!("item {id:#x} was {places}, {times} times in all"));
            } else if self.streams[stream].sent[n] == Sent::Refused {
                tally.fault(Fault::Duplicated, 1, || format!("item {id:#x} was {place}, and went back to its sender"));
            }
        }
    }

    /// Every admitted item was seen, but for `discarded` of them.
    pub fn close(&self, discarded: u64, tally: &mut Tally) {
        let mut missing = Vec::new();
        let (mut seen, mut admitted) = (0, 0);
        for (stream, places) in self.streams.iter().zip(&self.seen) {
            for (n, (sent, (_, times))) in stream.sent.iter().zip(places).enumerate() {
                match sent {
                    Sent::Admitted if *times == 0 => missing.push(id(stream.number, n)),
                    Sent::Unknown => seen += usize::from(*times > 0),
                    Sent::Admitted | Sent::Refused => {}
                }
            }
            admitted += stream.unknown_admitted;
        }
        if seen > admitted {
            tally.fault(Fault::Wrong, 1, || format!("{seen} items of dropped sends were seen, {admitted} admitted"));
        }
        let all = (missing.len() + admitted.saturating_sub(seen)) as u64;
        if all > discarded {
            missing.truncate(DESCRIBED);
            tally.fault(Fault::Lost, all - discarded, || {
                format!("{all} items are nowhere, such as {missing:x?}, and {discarded} count as discarded")
            });
        } else if all < discarded {
            tally.fault(Fault::Wrong, 1, || format!("{discarded} items count as discarded, and {all} are nowhere"));
        }
    }
}

fn names(places: &[&str], bits: u8) -> String {
    let names: Vec<_> =
        places.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, name)| *name).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two streams of 5 items. Of the second one's, number 3 went back, and 4 was dropped with its send.
    fn streams() -> Vec<Stream> {
        let mut tally = Tally::default();
        let (mut one, mut two) = (Stream::new(0), Stream::new(1));
        assert_eq!((one.make(5), two.make(4), two.make(1)), (0, 0, 4));
        one.settle(0, 5, &[], &mut tally);
        two.settle(0, 4, &[id(1, 3)], &mut tally);
        assert!(tally.faults().is_empty());
        vec![one, two]
    }

    fn all() -> Vec<u64> {
        (0..5).map(|n| id(0, n)).chain((0..3).map(|n| id(1, n))).collect()
    }

    fn faults(received: &[u64], returned: &[u64], discarded: u64) -> Vec<(Fault, u64)> {
        let mut tally = Tally::default();
        let mut ledger = Ledger::new(streams());
        ledger.see("received", received, &mut tally);
        ledger.see("returned", returned, &mut tally);
        ledger.close(discarded, &mut tally);
        tally.faults()
    }

    #[test]
    fn a_history_in_which_each_item_is_seen_once_is_right() {
        assert_eq!(faults(&all(), &[], 0), []);
        assert_eq!(faults(&all()[..6], &all()[6..], 0), []);
        assert_eq!(faults(&all()[..6], &all()[7..], 1), []);
    }

    #[test]
    fn a_lost_item_is_found() {
        assert_eq!(faults(&all()[1..], &[], 0), [(Fault::Lost, 1)]);
        assert_eq!(faults(&all()[..2], &[], 4), [(Fault::Lost, 2)]);
    }

    #[test]
    fn a_doubled_item_is_found_wherever_it_is_seen_again() {
        assert_eq!(faults(&[all(), vec![id(0, 2)]].concat(), &[], 0), [(Fault::Duplicated, 1)]);
        assert_eq!(faults(&all(), &[id(1, 1), id(1, 2)], 0), [(Fault::Duplicated, 2)]);
    }

    #[test]
    fn an_item_lost_and_another_one_doubled_do_not_make_up_for_each_other() {
        let wrong = [all()[1..].to_vec(), vec![id(0, 1)]].concat();
        assert_eq!(faults(&wrong, &[], 0), [(Fault::Duplicated, 1), (Fault::Lost, 1)]);
    }

    #[test]
    fn an_item_that_went_back_to_its_sender_is_nobody_elses() {
        assert_eq!(faults(&[all(), vec![id(1, 3)]].concat(), &[], 0), [(Fault::Duplicated, 1)]);
    }

    #[test]
    fn an_item_that_nobody_made_is_found() {
        assert_eq!(faults(&[all(), vec![id(1, 5)]].concat(), &[], 0), [(Fault::Wrong, 1)]);
        assert_eq!(faults(&[all(), vec![id(2, 0)]].concat(), &[], 0), [(Fault::Wrong, 1)]);
    }

    #[test]
    fn more_discarded_than_missing_is_found() {
        assert_eq!(faults(&all(), &[], 1), [(Fault::Wrong, 1)]);
    }

    #[test]
    fn of_dropped_sends_the_number_admitted_is_what_counts() {
        let run = |admitted, received: &[u64]| {
            let mut tally = Tally::default();
            let mut streams = streams();
            streams[1].unknown_admitted = admitted;
            let mut ledger = Ledger::new(streams);
            ledger.see("received", received, &mut tally);
            ledger.close(0, &mut tally);
            tally.faults()
        };
        let with_it = [all(), vec![id(1, 4)]].concat();
        assert_eq!(run(1, &with_it), []);
        assert_eq!(run(1, &all()), [(Fault::Lost, 1)]);
        assert_eq!(run(0, &with_it), [(Fault::Wrong, 1)]);
    }

    #[test]
    fn a_send_that_gives_back_other_items_than_its_last_is_found() {
        for rest in [vec![id(0, 0)], vec![id(1, 2)], vec![id(0, 1), id(0, 0)], vec![id(0, 2); 4]] {
            let mut tally = Tally::default();
            let mut stream = Stream::new(0);
            stream.make(3);
            stream.settle(0, 3, &rest, &mut tally);
            assert_eq!(tally.faults(), [(Fault::Wrong, 1)], "{rest:x?}");
        }
    }
}

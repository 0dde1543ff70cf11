//! The check of the order: first in, first out for each producer and lane, as a single receiver sees it.

use crate::ledger::parts;
use crate::load::Marks;
use crate::tally::{Fault, Tally};

/// What the only receiver of a channel has got last of each producer, lane and key.
///
/// An item whose key is out is passed by those without one, so keys have an order of their own.
#[derive(Debug)]
pub struct Order {
    marks: Marks,
    /// The number that comes next, at the earliest.
    next: Vec<usize>,
}

impl Order {
    pub fn new(marks: Marks, streams: usize) -> Self {
        Order { marks, next: vec![0; streams * marks.kinds()] }
    }

    /// `id` was delivered for the first time.
    pub fn deliver(&mut self, id: u64, tally: &mut Tally) {
        let (stream, n) = parts(id);
        let Some(next) = self.next.get_mut(stream * self.marks.kinds() + self.marks.kind(id)) else { return };
        if n < *next {
            let after = *next - 1;
            tally.fault(Fault::Wrong, 1, || format!("item {id:#x} came after number {after:#x} of its lane"));
        }
        *next = (*next).max(n + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::id;

    fn faults(marks: Marks, ids: &[u64]) -> Vec<(Fault, u64)> {
        let mut tally = Tally::default();
        let mut order = Order::new(marks, 2);
        for id in ids {
            order.deliver(*id, &mut tally);
        }
        tally.faults()
    }

    #[test]
    fn producers_may_come_in_any_order_among_each_other_and_leave_items_out() {
        assert_eq!(faults(Marks::NONE, &[id(1, 0), id(0, 0), id(0, 3), id(1, 1), id(0, 4)]), []);
    }

    #[test]
    fn an_item_that_comes_late_is_found() {
        assert_eq!(faults(Marks::NONE, &[id(0, 0), id(0, 2), id(0, 1), id(0, 3)]), [(Fault::Wrong, 1)]);
        assert_eq!(faults(Marks::NONE, &[id(1, 5), id(1, 5)]), [(Fault::Wrong, 1)]);
    }

    #[test]
    fn each_lane_has_an_order_of_its_own() {
        let marks = Marks { lanes: 2, ..Marks::NONE };
        let of = |lane| (0..100).map(|n| id(0, n)).filter(move |id| marks.lane(*id) == lane).collect::<Vec<_>>();
        let (low, high) = (of(0), of(1));
        assert_eq!(faults(marks, &[high.clone(), low.clone()].concat()), []);
        assert_eq!(faults(marks, &[vec![high[1]], low, vec![high[0]]].concat()), [(Fault::Wrong, 1)]);
    }
}

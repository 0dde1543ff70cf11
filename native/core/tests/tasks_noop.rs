//! `noop`: every item is read, none gives a value.

use std::sync::atomic::AtomicBool;

use millrace_core::tasks::Noop;
use millrace_core::{Batch, FileDigest, Item, Items, Task, TaskContext};

#[test]
fn numbers_are_summed() {
    let numbers = (1..=1000).map(f64::from).collect::<Vec<_>>();
    let expected = numbers.iter().sum::<f64>();
    let batch = Items::from(numbers);
    let aborted = AtomicBool::new(false);
    let mut task = Noop.task();
    for index in 0..batch.len() {
        task.handle(&batch, index, None, &TaskContext::new(&aborted)).expect("nothing to fail");
    }
    assert_eq!(task.sum().to_bits(), expected.to_bits());
}

#[test]
fn each_item_of_any_kind_gives_undefined() {
    let file = FileDigest { digest: b"00", path: b"a", raw: false };
    let batch = [
        Item::Undefined,
        Item::Null,
        Item::Boolean(true),
        Item::Number(1.0),
        Item::Text(b"text"),
        Item::Text16(b"t\0"),
        Item::Latin1(b"t"),
        Item::Bytes(b""),
        Item::Value(b"v"),
        Item::Packed(b"p"),
        Item::FileDigest(file),
    ]
    .into_iter()
    .collect::<Items>();
    let aborted = AtomicBool::new(false);
    let mut results = Items::default();
    let mut task = Noop.task();
    for index in 0..batch.len() {
        task.handle(&batch, index, Some(&mut results), &TaskContext::new(&aborted)).expect("nothing to fail");
    }
    assert_eq!(results, std::iter::repeat_n(Item::Undefined, batch.len()).collect::<Items>());
}

#[test]
fn a_batch_is_handled_from_where_it_was_left() {
    let aborted = AtomicBool::new(false);
    let numbers = Items::from((0..103).map(f64::from).collect::<Vec<_>>());
    let mixed = numbers.iter().chain([Item::Null]).collect::<Items>();
    for (batch, wanted) in [(&numbers, false), (&numbers, true), (&mixed, false), (&mixed, true)] {
        let mut task = Noop.task();
        let mut results = Items::default();
        let mut done = 3;
        task.handle_batch(batch, &mut done, wanted.then_some(&mut results), &TaskContext::new(&aborted))
            .expect("nothing to fail");
        assert_eq!(done, batch.len());
        assert_eq!(task.sum().to_bits(), (3..103).map(f64::from).sum::<f64>().to_bits());
        assert_eq!(results.len(), if wanted { batch.len() - 3 } else { 0 });
    }
}

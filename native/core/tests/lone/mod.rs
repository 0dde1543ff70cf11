//! Items one by one, as other libraries send them, in either kind of batch that carries one.
#![allow(dead_code, reason = "each test file uses a part of it")]

use millrace_core::{Batch, Channel};

/// A batch of one item.
pub trait Lone: Batch + PartialEq + std::fmt::Debug {
    type Item;

    fn of(item: Self::Item) -> Self;
    fn item(self) -> Self::Item;
}

impl<T: Send + PartialEq + std::fmt::Debug + 'static> Lone for Vec<T> {
    type Item = T;

    fn of(item: T) -> Self {
        vec![item]
    }

    fn item(mut self) -> T {
        assert_eq!(self.len(), 1);
        self.remove(0)
    }
}

impl<T: Send + PartialEq + std::fmt::Debug + 'static> Lone for Option<T> {
    type Item = T;

    fn of(item: T) -> Self {
        Some(item)
    }

    fn item(self) -> T {
        self.expect("an item")
    }
}

/// A channel in which the items of `range` are.
pub fn holding<B: Lone<Item = usize>>(capacity: usize, range: std::ops::Range<usize>) -> Channel<B> {
    let channel = Channel::new(capacity).expect("valid");
    for item in range {
        channel.send(B::of(item)).expect("open");
    }
    channel
}

/// Receives up to the end.
pub fn iterate<B: Lone>(channel: &Channel<B>) -> impl Iterator<Item = B::Item> {
    std::iter::from_fn(|| channel.receive(1).ok()).map(B::item)
}

/// Makes each of these functions, which are generic over the batch, a test for vectors and one for single items.
#[macro_export]
macro_rules! for_each_kind_of_batch {
    ($($case:ident),* $(,)?) => {
        mod single_items {
            $(#[test]
            fn $case() {
                super::$case::<Option<usize>>();
            })*
        }

        mod vectors {
            $(#[test]
            fn $case() {
                super::$case::<Vec<usize>>();
            })*
        }
    };
}

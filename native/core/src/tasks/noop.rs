//! Reads items and does nothing with them: what the rest costs.

use std::hint::black_box;

use crate::batch::Batch;
use crate::failure::Failure;
use crate::items::{Item, Items};
use crate::task::{Task, TaskContext};

/// Reads every item to the last byte; the result is `undefined`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Noop;

impl Noop {
    /// A task for one consumer thread.
    pub fn task(&self) -> NoopTask {
        NoopTask::default()
    }
}

/// One consumer's [`Noop`].
#[derive(Debug, Default)]
pub struct NoopTask {
    /// The numbers, summed. Four sums, because an addition waits for the one before it in the same sum.
    sums: [f64; 4],
}

impl NoopTask {
    /// The sum of the numbers handled so far.
    pub fn sum(&self) -> f64 {
        self.sums.iter().sum()
    }

    fn sum_all(&mut self, values: &[f64]) {
        let (fours, rest) = values.as_chunks::<4>();
        for four in fours {
            for (sum, value) in self.sums.iter_mut().zip(four) {
                *sum += value;
            }
        }
        for (sum, value) in self.sums.iter_mut().zip(rest) {
            *sum += value;
        }
    }
}

impl Task<Items, Items> for NoopTask {
    /// Reading an item takes nanoseconds, so that there is no wait behind another one's handling to speak of.
    fn prefetch(&self) -> usize {
        64
    }

    #[inline]
    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        results: Option<&mut Items>,
        _: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        match batch.get(index) {
            Item::Number(value) => self.sums[index % 4] += value,
            Item::Text(bytes)
            | Item::Text16(bytes)
            | Item::Latin1(bytes)
            | Item::Bytes(bytes)
            | Item::Value(bytes)
            | Item::Packed(bytes) => {
                read(bytes);
            }
            Item::FileDigest(file) => {
                read(file.digest);
                read(file.path);
            }
            Item::Undefined | Item::Null | Item::Boolean(_) => {}
        }
        if let Some(results) = results {
            results.push(Item::Undefined);
        }
        Ok(())
    }

    fn handle_batch(
        &mut self,
        batch: &Items,
        done: &mut usize,
        mut results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        if results.is_none()
            && let Some(values) = batch.as_numbers()
        {
            self.sum_all(&values[*done..]);
            *done = values.len();
            return Ok(());
        }
        while *done < batch.len() {
            self.handle(batch, *done, results.as_deref_mut(), context)?;
            *done += 1;
        }
        Ok(())
    }
}

fn read(bytes: &[u8]) {
    black_box(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
}

impl Drop for NoopTask {
    fn drop(&mut self) {
        // Or else a compiler that sees the whole life of a task could leave the sums out.
        black_box(self.sums);
    }
}

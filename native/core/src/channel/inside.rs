//! What the models call of the crate's own: they stand outside it.

use super::Channel;
use crate::batch::Batch;

/// See the methods of the same names of a [`Channel`].
#[derive(Debug)]
pub struct Inside<'a, B: Batch>(pub &'a Channel<B>);

impl<B: Batch> Inside<'_, B> {
    /// Hands nothing out until it is called again with `false`.
    pub fn hold(&self, held: bool) {
        self.0.hold(held);
    }

    /// Who takes from it works for long on that.
    pub fn expect_long_work(&self) {
        self.0.expect_long_work();
    }

    /// There is nothing left to work on.
    pub fn ask_for_more(&self) {
        self.0.ask_for_more();
    }

    /// Lifts the bound.
    pub fn lift(&self) {
        self.0.lift();
    }

    /// Aborts, and keeps what gets in later.
    pub fn abort_and_keep(&self) -> Vec<B> {
        self.0.abort_and_keep()
    }

    /// Gives what got in after the abort.
    pub fn take_late(&self) -> Vec<B> {
        self.0.take_late()
    }
}

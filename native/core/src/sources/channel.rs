//! A channel as a source: the end of one system feeds the next.

use crate::channel::{Channel, ReceiveTimeoutError};
use crate::failure::Failure;
use crate::items::Items;
use crate::source::{Emitter, Halt, STOP_CHECK, Source};

/// Receives the items of a channel until its end. Where the system stops before that, what it did not take stays in the
/// channel, or goes back.
#[derive(Debug, Clone)]
pub struct ChannelSource {
    channel: Channel<Items>,
}

impl ChannelSource {
    /// A source of what comes through `channel`.
    pub fn new(channel: Channel<Items>) -> Self {
        ChannelSource { channel }
    }
}

impl Source<Items> for ChannelSource {
    #[expect(clippy::result_large_err, reason = "what is not admitted comes back whole")]
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        loop {
            out.check()?;
            match self.channel.lease_timeout(out.room(), STOP_CHECK) {
                // Leased until they are in: then the channel does not end before, and what can't get in goes back.
                Ok(lease) => lease.pass_on(|items| out.forward(items))?,
                Err(ReceiveTimeoutError::Timeout) => {}
                Err(ReceiveTimeoutError::Closed) => return Ok(()),
                Err(ReceiveTimeoutError::Aborted) => {
                    return Err(Failure::aborted("the channel that the items come from was aborted").into());
                }
            }
        }
    }
}

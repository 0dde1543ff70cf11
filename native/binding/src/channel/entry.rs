//! A channel of the process: found by its handle, for those who have its token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use millrace_core::channel::ChannelOptions;
use millrace_core::{Channel, Items, Label, Lease, OptionError};

use super::NativeToken;
use crate::environment::lock;
use crate::registry;

/// It lives while anyone is attached, and while it is pinned. Then it is aborted, so that nothing waits for ever.
pub struct Entry {
    pub handle: u32,
    pub channel: Channel<Items>,
    pub max_waiting: f64,
    /// 0: none were asked for.
    pub priorities: u8,
    /// The environment that made it.
    pub creator: u32,
    /// Random, so that only those who were given a token can attach.
    id: String,
    life: Mutex<Life>,
    abort_message: OnceLock<String>,
    last_item_id: AtomicU64,
}

#[derive(Default)]
struct Life {
    attachments: usize,
    /// The creator has read the token, which may be on its way to anyone.
    pinned: bool,
    over: bool,
}

impl Entry {
    pub fn new(
        creator: u32,
        id: String,
        (options, priorities): (&ChannelOptions, u8),
        max_waiting: f64,
    ) -> Result<Arc<Self>, OptionError> {
        Ok(Arc::new(Entry {
            handle: registry::next_handle(),
            channel: Channel::with_options(options)?,
            max_waiting,
            priorities,
            creator,
            id,
            // The creator's attachment.
            life: Mutex::new(Life { attachments: 1, ..Life::default() }),
            abort_message: OnceLock::new(),
            last_item_id: AtomicU64::new(0),
        }))
    }

    /// Whether `id` is the channel's, which is not over. Counts one attachment more if so.
    pub fn admits(&self, id: &str) -> bool {
        let mut life = lock(&self.life);
        let admitted = !life.over && self.id == id;
        life.attachments += usize::from(admitted);
        admitted
    }

    pub fn detach(&self) {
        self.change(|life| life.attachments -= 1);
        self.unpin_if_ended();
    }

    pub fn pin(&self) {
        if !self.channel.is_ended() {
            self.change(|life| life.pinned = true);
        }
    }

    pub fn unpin(&self) {
        self.change(|life| life.pinned = false);
    }

    /// To be called by whoever may have brought about the end.
    pub fn unpin_if_ended(&self) {
        if self.channel.is_ended() {
            self.unpin();
        }
    }

    fn change(&self, change: impl FnOnce(&mut Life)) {
        let mut life = lock(&self.life);
        change(&mut life);
        let over = life.attachments == 0 && !life.pinned;
        if !over || std::mem::replace(&mut life.over, true) {
            return;
        }
        drop(life);
        registry::remove_channel(self.handle);
        self.abort("no handle of the channel is left".to_owned());
    }

    pub fn token(&self) -> NativeToken {
        NativeToken { handle: self.handle, id: self.id.clone() }
    }

    pub fn abort(&self, message: String) -> Vec<Items> {
        // Before the channel says so: whoever finds it aborted finds the message too. The first caller's stays.
        let _ = self.abort_message.set(message);
        self.channel.abort()
    }

    pub fn abort_message(&self) -> Option<String> {
        self.abort_message.get().cloned()
    }

    /// The label of a leased item, with an id that is the same for all of its attempts.
    pub fn label(&self, leased: &mut Lease<Items>) -> Arc<Label> {
        let known = leased.label(0).cloned().unwrap_or_default();
        if known.id.is_some() || known.number != 0 {
            return known;
        }
        let number = self.last_item_id.fetch_add(1, Ordering::Relaxed) + 1;
        let label = Arc::new(Label { number, ..Label::clone(&known) });
        leased.batch_mut().set_label(0, Arc::clone(&label));
        label
    }
}

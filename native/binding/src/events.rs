//! What an environment is told when it answers the doorbell. The numbers are shared with src/binding.ts.

use millrace_core::system::Notice;

/// Numbers in a row: the kind, and three that depend on it.
pub const WIDTH: usize = 4;

/// One event as JavaScript reads it.
pub enum Row {
    /// A send that waited is over.
    Sent { send: i64, admission: i64, accepted: usize },
    /// A system has something to tell.
    Notice { system: u32, bits: u32 },
    /// A callback consumer may find items.
    Items { system: u32 },
    /// A reader may find results.
    Results { system: u32 },
    /// A case of a select may be ready.
    Select { select: u32 },
}

impl Row {
    pub fn write(&self, out: &mut [f64]) {
        let row = match *self {
            Row::Sent { send, admission, accepted } => [0.0, send as f64, admission as f64, accepted as f64],
            Row::Notice { system, bits } => [1.0, f64::from(system), f64::from(bits), 0.0],
            Row::Items { system } => [2.0, f64::from(system), 0.0, 0.0],
            Row::Results { system } => [3.0, f64::from(system), 0.0, 0.0],
            Row::Select { select } => [4.0, f64::from(select), 0.0, 0.0],
        };
        out.copy_from_slice(&row);
    }
}

/// The bit for attempts that failed, of which the core tells by itself.
pub const ATTEMPTS: u32 = 128;

/// A notice as a bit.
pub fn bit(notice: Notice) -> u32 {
    match notice {
        Notice::Started => 1,
        Notice::Idle => 2,
        Notice::Replies => 4,
        Notice::DeadLetters => 8,
        Notice::Draining => 16,
        Notice::BrokenOff => 32,
        Notice::Finished => 64,
    }
}

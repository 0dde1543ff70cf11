//! Stands for work that takes time and no CPU.

use fastrand::Rng;

use crate::delay::{Delay, from_ms};
use crate::failure::Failure;
use crate::items::Items;
use crate::task::{Task, TaskContext};

/// Sleeps for each item; the result is how long, in ms, as it was drawn.
#[derive(Debug, Clone, Copy)]
pub struct Sleep {
    delay: Delay,
}

impl Sleep {
    /// A task that sleeps for `delay`, drawn anew for each item.
    pub fn new(delay: Delay) -> Self {
        Sleep { delay }
    }

    /// A task for one consumer thread.
    pub fn task(&self) -> SleepTask {
        SleepTask { delay: self.delay, random: Rng::new(), exact: false }
    }
}

/// One consumer's [`Sleep`].
#[derive(Debug)]
pub struct SleepTask {
    delay: Delay,
    random: Rng,
    exact: bool,
}

impl Task<Items, Items> for SleepTask {
    fn handle(
        &mut self,
        _: &Items,
        _: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        if !self.exact {
            wake_exactly();
            self.exact = true;
        }
        let ms = self.delay.draw(&mut self.random);
        context.sleep(from_ms(ms))?;
        if let Some(results) = results {
            results.push_number(ms);
        }
        Ok(())
    }
}

/// Has Linux end the sleeps of this thread when they are due. By default it may add 50 µs to each.
fn wake_exactly() {
    #[cfg(target_os = "linux")]
    {
        // Where it is refused, sleeps are a little longer and nothing else is different.
        let _ = rustix::thread::set_current_timer_slack(Some(std::num::NonZeroU64::MIN));
    }
}

//! Who gets in, who waits, and who is dropped.

use std::collections::VecDeque;

use millrace_core::channel::Overflow;
use millrace_core::system::State;

use super::{Item, Line, Model, Refusal, Sent, WaitingSend, ids};

impl Model {
    fn refusal(&self) -> Option<Refusal> {
        match self.state {
            _ if self.broken_off => Some(Refusal::Aborted),
            State::Draining | State::Stopped => Some(Refusal::Closed),
            _ => None,
        }
    }

    fn port_waits(&self, port: usize) -> bool {
        self.waiting.iter().any(|line| line.port == port)
    }

    fn enter(&mut self, items: impl IntoIterator<Item = Item>) {
        let before = self.queue.len();
        self.queue.extend(items);
        self.counts.produced += (self.queue.len() - before) as u64;
    }

    pub fn try_send(&mut self, port: usize, items: &[Item]) -> Sent {
        let refusal =
            self.refusal().or_else(|| (self.port_waits(port) || items.len() > self.room()).then_some(Refusal::Full));
        if let Some(refusal) = refusal {
            return Sent::Refused(refusal, ids(items));
        }
        self.enter(items.iter().copied());
        Sent::All
    }

    /// What is free is taken at once; the rest waits as send `number`.
    pub fn send(&mut self, port: usize, items: &[Item], number: usize) -> Sent {
        if let Some(refusal) = self.refusal() {
            return Sent::Refused(refusal, ids(items));
        }
        let n = if self.port_waits(port) { 0 } else { self.room().min(items.len()) };
        self.enter(items[..n].iter().copied());
        if n == items.len() {
            return Sent::All;
        }
        let items: VecDeque<Item> = items[n..].iter().copied().collect();
        let lanes = items.iter().fold(0, |lanes, item| lanes | 1 << self.lane(item));
        let send = WaitingSend { number, items, lanes };
        let before = |line: &Line| line.port == port && line.sends.iter().any(|earlier| earlier.lanes & lanes != 0);
        if self.setup.lanes == 1
            && let Some(line) = self.waiting.iter_mut().find(|line| before(line))
        {
            line.sends.push_back(send);
            return Sent::Waits;
        }
        // A send in several lanes waits as one with all that have a lane of its own.
        let (joined, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().partition(before);
        self.waiting = others;
        let mut sends: Vec<_> = joined.into_iter().flat_map(|line| line.sends).collect();
        sends.sort_by_key(|send| send.number);
        sends.push(send);
        self.waiting.push(Line { port, sends: sends.into() });
        Sent::Waits
    }

    pub fn offer(&mut self, port: usize, items: &[Item], dropped: &mut Vec<u64>) -> Sent {
        if let Some(refusal) = self.refusal() {
            return Sent::Refused(refusal, ids(items));
        }
        let mut rest: VecDeque<Item> = items.iter().copied().collect();
        if !self.port_waits(port) {
            let n = self.room().min(rest.len());
            let now: Vec<_> = rest.drain(..n).collect();
            self.enter(now);
            while self.setup.overflow == Overflow::DropOldest
                && let Some(new) = rest.front().copied()
                && let Some(at) = self.oldest(self.lane(&new))
            {
                dropped.extend(self.queue.remove(at).map(|item| self.drop_item(&item)));
                self.enter(rest.pop_front());
            }
        }
        match self.setup.overflow {
            _ if rest.is_empty() => Sent::All,
            Overflow::Wait | Overflow::Reject => Sent::Refused(Refusal::Full, ids(&rest)),
            Overflow::DropNewest | Overflow::DropOldest => {
                for item in &rest {
                    self.counts.produced += 1;
                    dropped.push(self.drop_item(item));
                }
                Sent::All
            }
        }
    }

    /// The oldest item of the lowest lane that has any, none above `most`.
    fn oldest(&self, most: u8) -> Option<usize> {
        (0..=most).find_map(|lane| self.queue.iter().position(|item| self.lane(item) == lane))
    }

    fn drop_item(&mut self, item: &Item) -> u64 {
        self.counts.discarded += 1;
        self.reply(item, Err("ERR_MILLRACE_FULL"));
        item.id
    }

    /// Gives back what was not admitted.
    pub fn cancel(&mut self, number: usize) -> Option<Vec<u64>> {
        for at in 0..self.waiting.len() {
            let sends = &mut self.waiting[at].sends;
            let Some(nth) = sends.iter().position(|send| send.number == number) else { continue };
            let cancelled = sends.remove(nth)?;
            if sends.is_empty() {
                self.waiting.remove(at);
            }
            return Some(ids(&cancelled.items));
        }
        None
    }

    /// Sends that wait get in while there is room: of the highest lane; and ports by turns.
    pub(super) fn admit(&mut self) {
        while self.room() > 0 && !self.waiting.is_empty() {
            let rank = |at: &usize| self.lane(&self.waiting[*at].sends[0].items[0]);
            let at = if self.setup.lanes == 1 { 0 } else { (0..self.waiting.len()).max_by_key(rank).unwrap_or(0) };
            let mut line = self.waiting.remove(at);
            let n = self.room().min(line.sends[0].items.len());
            let now: Vec<_> = line.sends[0].items.drain(..n).collect();
            self.enter(now);
            self.stay(line, self.waiting.len());
        }
    }

    /// A line whose first send went on has its place at `at`, if anything of it still waits.
    pub(super) fn stay(&mut self, mut line: Line, at: usize) {
        if line.sends[0].items.is_empty() {
            line.sends.pop_front();
        }
        if !line.sends.is_empty() {
            self.waiting.insert(at, line);
        }
    }
}

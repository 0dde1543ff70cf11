//! A system as lists and rules, one step after the other: what a step gives follows from the steps before it. It knows
//! neither threads nor permits, locks or wakers.

mod ends;
mod receives;
mod results;
mod sends;
mod settlements;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use millrace_core::channel::Overflow;
use millrace_core::system::State;
use millrace_core::{Batch, Collect};

/// So long that no program ever sees the end of it.
pub const LONG: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Workers that may die, or else one consumer outside that leases.
    pub workers: bool,
    pub consumers: usize,
    pub capacity: usize,
    pub lanes: u8,
    pub overflow: Overflow,
    pub attempts: u32,
    pub deaths: u32,
    pub delay: Duration,
    pub results: bool,
    pub starts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// From 1, in the order of the calls.
    pub id: u64,
    pub lane: u8,
    pub key: u64,
    pub tagged: bool,
}

impl Item {
    /// Whether its handler gives a result.
    pub fn has_result(&self) -> bool {
        self.tagged || !self.id.is_multiple_of(3)
    }

    pub fn result(&self) -> u64 {
        self.id * 10
    }
}

/// A batch that is marked, or tagged, only where its items are: one without goes another way through the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load(pub Vec<Item>);

impl Load {
    pub fn ids(&self) -> Vec<u64> {
        ids(&self.0)
    }
}

pub fn ids<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<u64> {
    items.into_iter().map(|item| item.id).collect()
}

impl Batch for Load {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn tag(&self, index: usize) -> u64 {
        if self.0[index].tagged { self.0[index].id } else { 0 }
    }

    fn is_tagged(&self) -> bool {
        self.0.iter().any(|item| item.tagged)
    }

    fn lane(&self, index: usize) -> u8 {
        self.0[index].lane
    }

    fn key(&self, index: usize) -> u64 {
        self.0[index].key
    }

    fn is_marked(&self) -> bool {
        self.0.iter().any(|item| item.lane > 0 || item.key > 0)
    }

    fn split_off(&mut self, at: usize) -> Self {
        Load(self.0.split_off(at))
    }
}

impl Collect for Load {
    fn with_capacity(items: usize) -> Self {
        Load(Vec::with_capacity(items))
    }

    fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Why a send took nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Full,
    Closed,
    Aborted,
}

/// What became of a send.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    All,
    Waits,
    /// With the items that were not sent.
    Refused(Refusal, Vec<u64>),
}

/// What a consumer that asks for items is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Items(Vec<u64>),
    Nothing,
    Closed,
    Aborted,
}

/// Where what was given comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Returned,
    Delayed,
    Queue(usize),
    Waiting(usize),
    /// From behind what a worker has ahead.
    Ahead(usize, usize),
    Nowhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: u64,
    pub code: String,
    pub attempts: u32,
    pub deaths: u32,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    pub queued: u64,
    pub waiting_sends: u64,
    pub produced: u64,
    pub processed: u64,
    pub failed_attempts: u64,
    pub retrying: u64,
    pub dead_lettered: u64,
    pub discarded: u64,
    pub in_flight: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct History {
    attempts: u32,
    deaths: u32,
}

#[derive(Debug)]
struct WaitingSend {
    number: usize,
    items: VecDeque<Item>,
    lanes: u32,
}

/// Sends of one port, of which only the first may be admitted.
#[derive(Debug)]
struct Line {
    port: usize,
    sends: VecDeque<WaitingSend>,
}

#[derive(Debug)]
struct Delayed {
    item: Item,
    /// Between these two moments it is due.
    earliest: Instant,
    latest: Instant,
}

#[derive(Debug, Default)]
struct Place {
    /// Tells the workers apart that have this place, one after the other.
    worker: usize,
    ahead: VecDeque<Item>,
    started: VecDeque<Item>,
    /// Claims that the system was not told of.
    untold: usize,
}

#[derive(Debug)]
struct Waiter {
    place: usize,
    due: usize,
    kept: bool,
}

/// What was left when the system broke off.
#[derive(Debug, Default, Clone)]
struct Left {
    returned: Vec<u64>,
    delayed: Vec<u64>,
    queued: Vec<u64>,
}

impl Left {
    /// Whether these are the items, in an order that they may have: when somebody looked for what was due decides how
    /// the two kinds of retries mix.
    fn is(&self, items: &[u64]) -> bool {
        let retrying = self.returned.len() + self.delayed.len();
        let Some((mixed, queued)) = items.split_at_checked(retrying) else { return false };
        let only = |of: &[u64]| mixed.iter().copied().filter(|id| of.contains(id)).collect::<Vec<_>>();
        queued == self.queued && only(&self.returned) == self.returned && only(&self.delayed) == self.delayed
    }
}

/// The results on their way to their reader: a channel of their own, in which each worker is a producer.
#[derive(Debug, Default)]
struct Results {
    queue: VecDeque<u64>,
    waiting: Vec<(usize, VecDeque<VecDeque<u64>>)>,
}

#[derive(Debug)]
pub struct Model {
    pub setup: Setup,
    pub state: State,
    pub expired: bool,
    pub broken_off: bool,
    /// A consumer was given the end.
    closed: bool,
    queue: VecDeque<Item>,
    waiting: Vec<Line>,
    returned: VecDeque<Item>,
    delayed: VecDeque<Delayed>,
    places: Vec<Place>,
    waiters: Vec<Waiter>,
    given: usize,
    out: HashSet<u64>,
    history: HashMap<u64, History>,
    results: Results,
    workers_made: usize,
    counts: Figures,
    pub letters: Vec<Letter>,
    pub replies: Vec<(u64, Result<u64, String>)>,
    /// Attempts that failed: the item, which attempt it was, and whether there will be another.
    pub failures: Vec<(u64, u32, bool)>,
    /// What an abort found.
    unprocessed: Left,
    /// Dead letters of a time-out whose order is open, from that one on, and replies.
    open: Option<(usize, usize, Left)>,
}

impl Model {
    pub fn new(setup: Setup) -> Self {
        Model {
            setup,
            state: State::Ready,
            expired: false,
            broken_off: false,
            closed: false,
            queue: VecDeque::new(),
            waiting: Vec::new(),
            returned: VecDeque::new(),
            delayed: VecDeque::new(),
            places: (0..setup.consumers).map(|_| Place::default()).collect(),
            waiters: Vec::new(),
            given: 0,
            out: HashSet::new(),
            history: HashMap::new(),
            results: Results::default(),
            workers_made: 0,
            counts: Figures::default(),
            letters: Vec::new(),
            replies: Vec::new(),
            failures: Vec::new(),
            unprocessed: Left::default(),
            open: None,
        }
    }

    fn lane(&self, item: &Item) -> u8 {
        item.lane.min(self.setup.lanes - 1)
    }

    fn is_free(&self, key: u64) -> bool {
        !self.out.contains(&key)
    }

    pub fn room(&self) -> usize {
        let ahead: usize = self.places.iter().map(|place| place.ahead.len()).sum();
        self.setup.capacity - self.queue.len() - ahead
    }

    pub fn figures(&self) -> Figures {
        Figures {
            queued: (self.setup.capacity - self.room()) as u64,
            waiting_sends: self.waiting.iter().map(|line| line.sends.len() as u64).sum(),
            retrying: (self.returned.len() + self.delayed.len()) as u64,
            in_flight: self.places.iter().map(|place| (place.started.len() - place.untold) as u64).sum(),
            ..self.counts.clone()
        }
    }

    /// Whether every item that was ever sent is settled.
    pub fn is_idle(&self) -> bool {
        let figures = self.figures();
        figures.queued + figures.waiting_sends + figures.retrying == 0
            && self.places.iter().all(|place| place.started.is_empty())
    }

    pub fn is_waiting_send(&self, number: usize) -> bool {
        self.waiting.iter().flat_map(|line| &line.sends).any(|send| send.number == number)
    }

    pub fn any_send_waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn untold(&self) -> u64 {
        self.places.iter().map(|place| place.untold as u64).sum()
    }

    pub fn started(&self, place: usize) -> &VecDeque<Item> {
        &self.places[place].started
    }

    pub fn has_ahead(&self, place: usize) -> bool {
        !self.places[place].ahead.is_empty()
    }

    pub fn attempt(&self, id: u64) -> u32 {
        self.history.get(&id).map_or(0, |history| history.attempts) + 1
    }

    pub fn is_suspect(&self, id: u64) -> bool {
        self.history.get(&id).is_some_and(|history| history.deaths > 0)
    }
}

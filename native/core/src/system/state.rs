//! The states of a system and the moves between them. Pure: no threads, no clocks.

use std::fmt;

/// What a system is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Built, not started. Sends queue.
    Ready,
    /// Producing and handling.
    Running,
    /// Nothing more is handed to handlers; sources go on until the channel is full.
    Paused,
    /// No more production; what there is gets settled.
    Draining,
    /// Everything is settled. Final.
    Stopped,
    /// Broken off. Final.
    Aborted,
}

/// What can happen to a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// `start` was called.
    Start,
    /// `pause` was called.
    Pause,
    /// `resume` was called.
    Resume,
    /// `stop` was called.
    Stop,
    /// `abort` was called.
    Abort,
    /// Every source has come to its end.
    Exhausted,
    /// Everything is settled and every consumer has ended.
    Settled,
}

/// A move that is not allowed, such as a start after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateError {
    /// The state the system was in.
    pub state: State,
    /// What was asked of it.
    pub event: Event,
}

/// A state, and whether the sources have ended, which a paused system acts on when it resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    pub(crate) state: State,
    pub(crate) exhausted: bool,
}

impl Lifecycle {
    pub(crate) const READY: Lifecycle = Lifecycle { state: State::Ready, exhausted: false };

    /// The lifecycle after `event`.
    pub(crate) fn after(self, event: Event) -> Result<Lifecycle, StateError> {
        use State::{Aborted, Draining, Paused, Ready, Running, Stopped};
        let exhausted = self.exhausted || event == Event::Exhausted;
        let state = match (self.state, event) {
            (Ready, Event::Start) | (Running, Event::Resume) => Running,
            (Running | Paused, Event::Pause) => Paused,
            (Paused, Event::Resume) => {
                if exhausted {
                    Draining
                } else {
                    Running
                }
            }
            (Running | Paused | Draining, Event::Stop) | (Running | Draining, Event::Exhausted) => Draining,
            // A stop before the start: nothing ran, so there is nothing to drain.
            (Draining, Event::Settled) | (Ready, Event::Stop) => Stopped,
            (Ready | Running | Paused | Draining, Event::Abort) => Aborted,
            // News that comes late, and calls that ask for what is so already.
            (state, Event::Exhausted) => state,
            (Stopped | Aborted, Event::Stop | Event::Abort | Event::Settled) => self.state,
            (state, event) => return Err(StateError { state, event }),
        };
        Ok(Lifecycle { state, exhausted })
    }
}

impl State {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Running => "running",
            State::Paused => "paused",
            State::Draining => "draining",
            State::Stopped => "stopped",
            State::Aborted => "aborted",
        }
    }

    /// Whether the system is over.
    pub fn is_final(self) -> bool {
        matches!(self, State::Stopped | State::Aborted)
    }
}

impl Event {
    fn verb(self) -> &'static str {
        match self {
            Event::Start => "start",
            Event::Pause => "pause",
            Event::Resume => "resume",
            Event::Stop => "stop",
            Event::Abort => "abort",
            Event::Exhausted => "exhaust",
            Event::Settled => "settle",
        }
    }
}

impl StateError {
    /// The states in which the move is allowed, for messages.
    pub fn expected(&self) -> &'static str {
        match self.event {
            Event::Start => "ready",
            Event::Pause | Event::Resume => "running or paused",
            Event::Settled => "draining",
            Event::Stop | Event::Abort | Event::Exhausted => "any",
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, state) = (self.event.verb(), self.state.name());
        write!(f, "cannot {verb} a system that is {state}: expected it to be {}", self.expected())
    }
}

impl std::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 6] =
        [State::Ready, State::Running, State::Paused, State::Draining, State::Stopped, State::Aborted];

    fn after(state: State, event: Event) -> Option<State> {
        Lifecycle { state, exhausted: false }.after(event).ok().map(|next| next.state)
    }

    #[test]
    fn every_move() {
        use State::{Aborted, Draining, Paused, Ready, Running, Stopped};
        let moves = [
            (Event::Start, [Some(Running), None, None, None, None, None]),
            (Event::Pause, [None, Some(Paused), Some(Paused), None, None, None]),
            (Event::Resume, [None, Some(Running), Some(Running), None, None, None]),
            (
                Event::Stop,
                [Some(Stopped), Some(Draining), Some(Draining), Some(Draining), Some(Stopped), Some(Aborted)],
            ),
            (Event::Abort, [Some(Aborted), Some(Aborted), Some(Aborted), Some(Aborted), Some(Stopped), Some(Aborted)]),
            (
                Event::Exhausted,
                [Some(Ready), Some(Draining), Some(Paused), Some(Draining), Some(Stopped), Some(Aborted)],
            ),
            (Event::Settled, [None, None, None, Some(Stopped), Some(Stopped), Some(Aborted)]),
        ];
        for (event, expected) in moves {
            for (state, expected) in STATES.into_iter().zip(expected) {
                assert_eq!(after(state, event), expected, "{state:?} on {event:?}");
            }
        }
    }

    #[test]
    fn a_paused_system_whose_sources_ended_drains_when_it_resumes() {
        let paused = Lifecycle { state: State::Paused, exhausted: false };
        let exhausted = paused.after(Event::Exhausted).expect("allowed");
        assert_eq!(exhausted, Lifecycle { state: State::Paused, exhausted: true });
        assert_eq!(exhausted.after(Event::Resume).expect("allowed").state, State::Draining);
    }

    #[test]
    fn final_states_stay() {
        for state in STATES.into_iter().filter(|state| state.is_final()) {
            for event in [Event::Stop, Event::Abort, Event::Exhausted, Event::Settled] {
                assert_eq!(after(state, event), Some(state));
            }
        }
    }

    #[test]
    fn an_illegal_move_says_what_was_expected() {
        let error = Lifecycle { state: State::Stopped, exhausted: true }.after(Event::Start).expect_err("illegal");
        assert_eq!(error.to_string(), "cannot start a system that is stopped: expected it to be ready");
    }
}

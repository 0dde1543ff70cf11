//! Converts between JavaScript and `millrace-core`, and delegates. It decides nothing.
//!
//! All functions are free ones that take integer handles: in napi each method call takes a lock that the whole
//! process shares. None of them blocks, but those of `channel::block` in worker threads, for a slice; and a panic in one becomes a JavaScript error.
//!
//! | module | what crosses |
//! |---|---|
//! | `environment` | the doorbell that calls into JavaScript, and the events behind it |
//! | `system` | the life of a system, its figures and its report |
//! | `send` | items from JavaScript |
//! | `consume` | items for a JavaScript function, and what became of them |
//! | `leased` | the same where each item is settled by itself |
//! | `worker` | the same for a handler in a worker, which may die |
//! | `port` | the ways into a system, one for each environment |
//! | `channel` | channels that JavaScript made, and items into and out of them |
//! | `outcome` | results, replies and dead letters of native consumers |
//! | `chunk`, `outbox` | the memory in which many items, or results, cross with one call |

#![cfg_attr(test, allow(dead_code, reason = "napi leaves its exports out of a test build, which only clippy makes"))]

mod attempts;
mod channel;
mod chunk;
mod consume;
mod environment;
mod error;
mod events;
mod items;
mod label;
mod large;
mod leased;
mod outbox;
mod outcome;
mod port;
mod registry;
mod send;
mod spec;
mod stats;
mod system;
mod worker;

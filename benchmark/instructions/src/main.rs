//! What callgrind counts, a path in a process of its own: `millrace-instructions PATH ITEMS`, or `--list` for the paths.
//!
//! Everything runs in one thread, so that the same binary executes the same instructions each time. What starting the
//! process and making the channel takes is in the count, too; whoever measures runs it for two numbers of items, and
//! takes the difference. Prints how often memory was allocated.

mod allocations;
mod channel;
mod codec;

use std::process::ExitCode;

/// Moves so many items along one path. Gives how many of them arrived, and panics where one is not what it should be.
type Path = fn(items: u64) -> u64;

fn path(name: &str) -> Option<Path> {
    channel::PATHS.iter().chain(codec::PATHS).find(|(known, _)| *known == name).map(|(_, path)| *path)
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--list"] {
        for (name, _) in channel::PATHS.iter().chain(codec::PATHS) {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let [name, items] = arguments.as_slice() else {
        eprintln!("expected a path and a number of items, or --list");
        return ExitCode::FAILURE;
    };
    let (Some(path), Ok(items)) = (path(name), items.parse()) else {
        eprintln!("expected one of --list and a number of items, got {name} and {items}");
        return ExitCode::FAILURE;
    };
    let arrived = path(items);
    if arrived != items {
        eprintln!("{name}: expected {items} items, got {arrived}");
        return ExitCode::FAILURE;
    }
    println!("{}", allocations::count());
    ExitCode::SUCCESS
}

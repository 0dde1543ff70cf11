//! A system whose channel drops: what is dropped is produced and discarded, and nobody waits for it.

mod common;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{Each, assert_conserved, options};
use millrace_core::system::{Handlers, Notice, Observer, Sources, System, SystemOptions};
use millrace_core::{Overflow, TrySendError};

struct Tell(mpsc::Sender<Notice>);

impl Observer for Tell {
    fn notify(&self, notice: Notice) {
        let _ = self.0.send(notice);
    }
}

fn system(overflow: Overflow) -> (System<Vec<u64>, Vec<u64>>, mpsc::Receiver<Notice>) {
    let (tell, told) = mpsc::channel();
    let options = SystemOptions { overflow, ..options(0, 1, 3) };
    let handlers = Handlers::native(|_| Each::new(Ok));
    (System::new(options, Sources::None, handlers, Tell(tell)).expect("valid"), told)
}

fn until(told: &mpsc::Receiver<Notice>, wanted: Notice) {
    while told.recv_timeout(Duration::from_secs(60)).expect("told in time") != wanted {}
}

#[test]
fn what_is_dropped_is_produced_and_discarded_and_idle_does_not_wait_for_it() {
    for (overflow, kept) in [(Overflow::DropNewest, [0, 1, 2]), (Overflow::DropOldest, [7, 8, 9])] {
        let (system, told) = system(overflow);
        let port = system.port();
        assert_eq!(port.overflow(), overflow);
        let mut dropped = Vec::new();
        // Before the start items queue.
        for item in 0..10 {
            assert_eq!(port.offer(vec![item], false, |items| dropped.extend(items)), Ok(()));
        }
        let stats = system.stats();
        assert_eq!((stats.produced, stats.discarded, stats.queued, stats.peak_queued), (10, 7, 3, 3), "{stats:?}");
        assert_conserved(&stats);
        let gone: Vec<_> = (0..10).filter(|item| !kept.contains(item)).collect();
        assert_eq!(dropped, gone);
        system.start().expect("ready");
        system.watch_idle();
        until(&told, Notice::Idle);
        system.stop(None);
        until(&told, Notice::Finished);
        let report = system.take_report().expect("finished");
        assert_conserved(&report.stats);
        assert_eq!((report.stats.processed, report.stats.discarded), (3, 7));
        assert_eq!(port.offer(vec![1], false, drop), Err(TrySendError::Closed(vec![1])));
    }
}

#[test]
fn what_is_refused_is_not_produced() {
    let (system, told) = system(Overflow::Reject);
    let port = Arc::new(system.port());
    assert_eq!(port.offer((0..5).collect(), false, drop), Err(TrySendError::Full(vec![3, 4])));
    let stats = system.stats();
    assert_eq!((stats.produced, stats.discarded, stats.queued), (3, 0, 3));
    system.start().expect("ready");
    system.stop(None);
    until(&told, Notice::Finished);
    let report = system.take_report().expect("finished");
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, 3);
}

//! Finding the files.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use ignore::{DirEntry, ParallelVisitor, ParallelVisitorBuilder, WalkBuilder, WalkState};

use super::Files;
use super::handover::Handover;
use crate::failure::Failure;

/// The walk of a [`Files`] plan. Whatever becomes of it, it closes the hand-over: producers never wait for nothing.
#[derive(Debug)]
pub(super) struct Walk {
    files: Files,
    handover: Arc<Handover>,
    threads: usize,
    running: Option<JoinHandle<()>>,
}

impl Walk {
    /// A walk for `producers`, in no more threads than that, or than there are cores.
    pub fn new(files: Files, handover: Arc<Handover>, producers: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Walk { files, handover, threads: producers.clamp(1, cores), running: None }
    }

    /// Starts the thread that runs the walk.
    pub fn start(&mut self) -> Result<(), Failure> {
        let close = CloseOnDrop(Arc::clone(&self.handover));
        let visitors = Visitors { files: self.files.clone(), close, built: 0 };
        let threads = self.threads;
        let running = thread::Builder::new()
            .name("millrace-walk".to_owned())
            .spawn(move || visitors.walk(threads))
            .map_err(|error| Failure::new("ERR_MILLRACE_THREAD", format!("no thread for the walk: {error}")))?;
        self.running = Some(running);
        Ok(())
    }

    /// Waits until the walk has ended; a stopped one ends with the directory that it reads. One that is broken is left to
    /// itself: threads of it that had nothing to do any more wait for those that never were.
    pub fn join(&mut self) -> Result<(), Failure> {
        match self.running.take().filter(|_| !self.handover.is_broken()).map(JoinHandle::join) {
            Some(Err(panic)) => Err(Failure::from_panic(&*panic)),
            _ => Ok(()),
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.handover.stop();
            // A panic of the walk has no one left to be reported to.
            let _ = self.join();
        }
        self.handover.close();
    }
}

struct CloseOnDrop(Arc<Handover>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Visitors {
    files: Files,
    close: CloseOnDrop,
    built: usize,
}

impl Visitors {
    fn walk(mut self, threads: usize) {
        let options = &self.files.options;
        let walk = WalkBuilder::new(&self.files.root)
            .standard_filters(false)
            .hidden(!options.hidden)
            .parents(options.ignore)
            .ignore(options.ignore)
            .git_ignore(options.ignore)
            .git_global(options.ignore)
            .git_exclude(options.ignore)
            .require_git(false)
            .threads(threads)
            .build_parallel();
        walk.visit(&mut self);
    }
}

impl<'s> ParallelVisitorBuilder<'s> for Visitors {
    fn build(&mut self) -> Box<dyn ParallelVisitor + 's> {
        self.built += 1;
        Box::new(Visitor {
            files: self.files.clone(),
            handover: Arc::clone(&self.close.0),
            // The first is for the root alone, and stays here.
            leaves: (self.built > 1).then(|| thread::current().id()),
        })
    }
}

struct Visitor {
    files: Files,
    handover: Arc<Handover>,
    /// The thread that it is to leave for one of its own.
    leaves: Option<ThreadId>,
}

impl Drop for Visitor {
    /// The walker takes it for granted that its threads start: others wait for one that did not, or that panicked, for ever. Those
    /// that still find something end by this, and every producer fails.
    fn drop(&mut self) {
        if thread::panicking() || self.leaves == Some(thread::current().id()) {
            let message = "the walk: expected each of its threads to start and to end, but one did not";
            self.handover.break_off(Failure::new("ERR_MILLRACE_THREAD", message));
        }
    }
}

impl ParallelVisitor for Visitor {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        let goes_on = match entry {
            Ok(entry) if self.wants(&entry) => {
                let kind = self.files.options.encoding.kind();
                self.handover.put(entry.path().as_os_str().as_bytes(), kind)
            }
            Ok(_) => !self.handover.stopped(),
            Err(error) => self.fail(error),
        };
        if goes_on { WalkState::Continue } else { WalkState::Quit }
    }
}

impl Visitor {
    fn wants(&self, entry: &DirEntry) -> bool {
        if !entry.file_type().is_some_and(|file_type| file_type.is_file()) {
            return false;
        }
        let Some(globs) = &self.files.globs else {
            return true;
        };
        let path = entry.path();
        globs.is_match(path.strip_prefix(&self.files.root).unwrap_or(path))
    }

    fn fail(&self, error: ignore::Error) -> bool {
        let path = path_of(&error).unwrap_or(&self.files.root).to_owned();
        let message = error.to_string();
        let failure = match error.into_io_error() {
            Some(error) => Failure::io(&error, &path),
            None => Failure::new("ERR_MILLRACE_IO", message),
        };
        self.handover.put_failed(path.into_os_string().into_encoded_bytes(), failure)
    }
}

/// The path that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Partial(errors) => errors.first().and_then(path_of),
        _ => None,
    }
}

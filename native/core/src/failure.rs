//! Why an item, or a source, failed.

use std::borrow::Cow;
use std::fmt;

/// The code of [`Failure::aborted`].
pub(crate) const ABORTED: &str = "ERR_MILLRACE_ABORTED";

/// The error of one attempt at an item, or of a source: a stable code, a message for people, and for errors that
/// came from JavaScript the error itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs: `ERR_MILLRACE_…`, or an operating system's `ENOENT`.
    pub code: Cow<'static, str>,
    /// For people: what was expected and what came.
    pub message: String,
    /// The error itself, as who reported it serialized it.
    pub value: Option<Box<[u8]>>,
    /// Whether another attempt would be in vain.
    pub unrecoverable: bool,
    /// The worker thread that died with the item in hand, as its consumer knows it.
    pub thread: Option<u32>,
}

impl Failure {
    /// A failure with `code` and `message`.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Failure { code: code.into(), message: message.into(), value: None, unrecoverable: false, thread: None }
    }

    /// The failure of an item whose handling was broken off by an abort or a stop past its time-out.
    pub fn aborted(message: impl Into<String>) -> Self {
        Failure::new(ABORTED, message)
    }

    /// The same failure, but another attempt would be in vain.
    #[must_use]
    pub fn unrecoverable(self) -> Self {
        Failure { unrecoverable: true, ..self }
    }

    /// The failure of an item whose worker died, on `thread`; `deaths` of them by now.
    pub(crate) fn died(thread: u32, deaths: u32) -> Self {
        let message = format!("expected the worker to survive the item, but {deaths} died while handling it");
        Failure { thread: Some(thread), ..Failure::new("ERR_MILLRACE_WORKER_DIED", message) }
    }

    /// The failure of an attempt that took longer than the system's limit.
    pub fn handler_timeout() -> Self {
        Failure::new("ERR_MILLRACE_HANDLER_TIMEOUT", "expected the attempt to end within handlerTimeout")
    }

    /// The failure behind a panic, with the panic's own message where it is text.
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        Failure::new("ERR_MILLRACE_PANIC", text)
    }

    /// The failure of a file operation on `path`: the system's error code, and a message that names the path.
    pub fn io(error: &std::io::Error, path: &std::path::Path) -> Self {
        let code = match error.raw_os_error() {
            Some(number) => errno_name(number),
            None => "ERR_MILLRACE_IO",
        };
        Failure::new(code, format!("{}: {error}", path.display()))
    }
}

fn errno_name(number: i32) -> &'static str {
    use rustix::io::Errno;
    match Errno::from_raw_os_error(number) {
        Errno::NOENT => "ENOENT",
        Errno::ACCESS => "EACCES",
        Errno::PERM => "EPERM",
        Errno::ISDIR => "EISDIR",
        Errno::NOTDIR => "ENOTDIR",
        Errno::LOOP => "ELOOP",
        Errno::MFILE => "EMFILE",
        Errno::NFILE => "ENFILE",
        Errno::NAMETOOLONG => "ENAMETOOLONG",
        Errno::IO => "EIO",
        Errno::NXIO => "ENXIO",
        _ => "ERR_MILLRACE_IO",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}

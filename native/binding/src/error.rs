//! Errors as JavaScript gets them: a `code` and a message.

use millrace_core::system::StateError;
use millrace_core::{ColumnsError, Failure, OptionError};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// A napi error whose status is our stable code: JavaScript sees it as `code`.
pub type Error = napi::Error<String>;
pub type Result<T> = napi::Result<T, String>;

pub fn error(code: &str, message: impl Into<String>) -> Error {
    Error::new(code.to_owned(), message.into())
}

pub fn option_error(refused: &OptionError) -> Error {
    error(OptionError::CODE, refused.to_string())
}

pub fn state_error(refused: StateError) -> Error {
    error("ERR_MILLRACE_INVALID_STATE", refused.to_string())
}

pub fn columns_error(refused: &ColumnsError) -> Error {
    error(refused.code(), refused.to_string())
}

pub fn failure_error(failure: &Failure) -> Error {
    error(&failure.code, failure.message.clone())
}

/// An error of napi's own, such as that of a closing environment.
pub fn napi_error(failed: &napi::Error) -> Error {
    error(failed.status.as_ref(), failed.reason.clone())
}

/// A failure that is data and is not thrown.
#[napi(object)]
pub struct NativeFailure {
    pub code: String,
    pub message: String,
    /// The JavaScript error, serialized, where it was one.
    pub error: Option<Uint8Array>,
    /// Whether another attempt would be in vain.
    pub unrecoverable: Option<bool>,
    /// The worker thread that died with the item in hand, as it attached.
    pub thread: Option<u32>,
}

impl From<Failure> for NativeFailure {
    fn from(failure: Failure) -> Self {
        NativeFailure {
            code: failure.code.into_owned(),
            message: failure.message,
            error: failure.value.map(|value| Uint8Array::from(value.to_vec())),
            unrecoverable: failure.unrecoverable.then_some(true),
            thread: failure.thread,
        }
    }
}

impl From<NativeFailure> for Failure {
    fn from(failure: NativeFailure) -> Self {
        let value = failure.error.map(|error| error.as_ref().into());
        let unrecoverable = failure.unrecoverable.unwrap_or_default();
        Failure { value, unrecoverable, ..Failure::new(failure.code, failure.message) }
    }
}

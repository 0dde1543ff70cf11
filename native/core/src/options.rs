//! The error of an option that can't be used.

use std::fmt;

use crate::failure::Failure;

/// An option that can't be used: which one, what was expected, and what came. It is found before any thread starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    option: &'static str,
    expected: String,
    got: String,
}

impl OptionError {
    /// The stable code of this error.
    pub const CODE: &'static str = "ERR_MILLRACE_INVALID_OPTION";

    /// The error of `option`, where `expected` was expected and `got` came.
    pub fn new(option: &'static str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        OptionError { option, expected: expected.into(), got: got.into() }
    }

    /// The name of the option.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What was expected.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What came.
    pub fn got(&self) -> &str {
        &self.got
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.option, self.expected, self.got)
    }
}

impl std::error::Error for OptionError {}

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        Failure::new(OptionError::CODE, error.to_string())
    }
}

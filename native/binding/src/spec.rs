//! What a system is to be made of: from JavaScript's plans to the core's.

use std::path::PathBuf;

use millrace_core::sources::{
    AnySource, ChannelSource, Files, FilesOptions, KeyColumn, Lines, LinesOptions, Sequence, SequenceItem,
    SequenceOptions,
};
use millrace_core::system::{Backoff, Handlers, Retry, Sources, SystemOptions};
use millrace_core::tasks::{Algorithm, AnyTask, Hash, HashFile, Noop, Sleep};
use millrace_core::{Delay, Encoding, Items, OptionError, Overflow};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::channel::NativeOrder;
use crate::chunk::from_ms;
use crate::error::{Result, error, option_error};
use crate::registry;

#[napi(object, object_to_js = false)]
pub struct SystemSpec {
    pub producers: u32,
    pub consumers: u32,
    pub capacity: u32,
    /// One of `Overflow`, as in src/binding.ts.
    pub overflow: u32,
    pub order: NativeOrder,
    pub source: SourceSpec,
    pub handler: HandlerSpec,
    pub retry: RetrySpec,
    /// In ms.
    pub handler_timeout: Option<f64>,
    /// Whether a JavaScript function settles each item by itself.
    pub leased: bool,
    /// Where consumers wait for room: how many dead letters may be kept.
    pub dead_letters: Option<u32>,
}

/// When an item that failed is tried again. Times are in ms; a `max` of 0 is none.
#[napi(object, object_to_js = false)]
pub struct RetrySpec {
    pub attempts: u32,
    pub deaths: u32,
    pub delay: f64,
    pub exponential: bool,
    pub max: f64,
    pub jitter: f64,
}

impl RetrySpec {
    fn retry(&self) -> Retry {
        let backoff = Backoff {
            delay: from_ms(self.delay),
            exponential: self.exponential,
            max: from_ms(self.max),
            jitter: self.jitter,
        };
        Retry { attempts: self.attempts, deaths: self.deaths, backoff }
    }
}

/// One of the sources by `kind`, which also says which of the other fields are there.
#[napi(object, object_to_js = false)]
pub struct SourceSpec {
    pub kind: String,
    pub of: Option<String>,
    pub size: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub limit: Option<f64>,
    pub paths: Option<Vec<Uint8Array>>,
    pub root: Option<Uint8Array>,
    pub globs: Option<Vec<String>>,
    pub hidden: Option<bool>,
    pub ignore: Option<bool>,
    pub encoding: Option<String>,
    /// The column that is a line's key, from 0, and the byte before and behind it.
    pub key_column: Option<u32>,
    pub key_delimiter: Option<u8>,
    pub key_by_directory: Option<bool>,
    /// The handle of an attachment to a channel.
    pub channel: Option<u32>,
}

/// One of the handlers by `kind`, which also says which of the other fields are there.
#[napi(object, object_to_js = false)]
pub struct HandlerSpec {
    pub kind: String,
    pub algorithm: Option<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub encoding: Option<String>,
}

impl SystemSpec {
    pub fn options(&self) -> SystemOptions {
        SystemOptions {
            producers: self.producers as usize,
            consumers: self.consumers as usize,
            capacity: self.capacity as usize,
            results: false,
            overflow: overflow(self.overflow),
            retry: self.retry.retry(),
            handler_timeout: self.handler_timeout.map(from_ms),
        }
    }
}

/// What a channel does without room, by its number in src/binding.ts.
pub fn overflow(number: u32) -> Overflow {
    match number {
        1 => Overflow::Reject,
        2 => Overflow::DropNewest,
        3 => Overflow::DropOldest,
        _ => Overflow::Wait,
    }
}

impl TryFrom<SourceSpec> for Sources<Items> {
    type Error = crate::error::Error;

    fn try_from(spec: SourceSpec) -> Result<Self> {
        let plan = match spec.kind.as_str() {
            "none" => return Ok(Sources::None),
            "external" => return Ok(Sources::External),
            "sequence" => AnySource::Sequence(spec.sequence()?),
            "lines" => AnySource::Lines(spec.lines()?),
            "files" => AnySource::Files(spec.files()?),
            "channel" => {
                let attachment = registry::attachment(spec.channel.unwrap_or_default())?;
                AnySource::Channel(ChannelSource::new(attachment.entry.channel.clone()))
            }
            other => return Err(unknown("source", other)),
        };
        Ok(plan.into())
    }
}

impl SourceSpec {
    fn sequence(self) -> Result<Sequence> {
        let of = match self.of.as_deref() {
            Some("name") => SequenceItem::Name,
            Some("number") => SequenceItem::Number,
            Some("bytes") => SequenceItem::Bytes,
            other => return Err(unknown("of", other.unwrap_or_default())),
        };
        let delay = delay(self.min, self.max)?;
        let options = SequenceOptions {
            of,
            size: self.size.unwrap_or_default() as usize,
            delay,
            limit: self.limit.map(|limit| limit as u64),
        };
        checked(Sequence::new(options))
    }

    fn lines(self) -> Result<Lines> {
        let key = self.key_column.zip(self.key_delimiter);
        let options = LinesOptions {
            encoding: encoding(self.encoding.as_deref())?,
            key: key.map(|(index, delimiter)| KeyColumn { index: index as usize, delimiter }),
            ..LinesOptions::default()
        };
        checked(Lines::new(self.paths.unwrap_or_default().iter().map(|path| path_of(path)), options))
    }

    fn files(self) -> Result<Files> {
        let options = FilesOptions {
            globs: self.globs.unwrap_or_default(),
            hidden: self.hidden.unwrap_or_default(),
            ignore: self.ignore.unwrap_or_default(),
            encoding: encoding(self.encoding.as_deref())?,
            key_by_directory: self.key_by_directory.unwrap_or_default(),
        };
        let root = self.root.as_deref().unwrap_or_default();
        checked(Files::new(path_of(root), options))
    }
}

impl TryFrom<HandlerSpec> for Handlers<Items, Items> {
    type Error = crate::error::Error;

    fn try_from(spec: HandlerSpec) -> Result<Self> {
        let algorithm = || checked(spec.algorithm.as_deref().unwrap_or_default().parse::<Algorithm>());
        let plan = match spec.kind.as_str() {
            "external" => return Ok(Handlers::External),
            "workers" => return Ok(Handlers::Workers),
            "sleep" => AnyTask::Sleep(Sleep::new(delay(spec.min, spec.max)?)),
            "hash" => AnyTask::Hash(Hash::new(algorithm()?)),
            "hashFile" => AnyTask::HashFile(HashFile::new(algorithm()?, encoding(spec.encoding.as_deref())?)),
            "noop" => AnyTask::Noop(Noop),
            other => return Err(unknown("handler", other)),
        };
        Ok(plan.into())
    }
}

fn checked<T>(outcome: std::result::Result<T, OptionError>) -> Result<T> {
    outcome.map_err(|refused| option_error(&refused))
}

fn delay(min: Option<f64>, max: Option<f64>) -> Result<Delay> {
    checked(Delay::new("delay", min.unwrap_or_default(), max.unwrap_or_default()))
}

fn encoding(name: Option<&str>) -> Result<Encoding> {
    match name {
        Some("utf8") => Ok(Encoding::Utf8),
        Some("buffer") => Ok(Encoding::Buffer),
        other => Err(unknown("encoding", other.unwrap_or_default())),
    }
}

fn unknown(option: &str, got: &str) -> crate::error::Error {
    error(OptionError::CODE, format!("{option}: expected a known name, got '{got}'"))
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

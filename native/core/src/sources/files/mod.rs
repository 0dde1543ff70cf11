//! The files below a directory.

mod handover;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use memchr::memrchr;
use rustix::fs::Access;

use crate::batch::{Batch, Collect};
use crate::items::{Encoding, Item, Items};
use crate::key::key_of;
use crate::options::OptionError;
use crate::source::{Emitter, Halt, STOP_CHECK, Source};

use handover::{Handover, Taken};
use walk::Walk;

/// What can be set about [`Files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesOptions {
    /// Which files: those whose path below the root matches one of these patterns. `*` and `?` don't match a `/`,
    /// `**` matches any number of directories, and a pattern without a `/` is matched against the file name alone.
    /// Default: none, which means all files.
    pub globs: Vec<String>,
    /// Whether files and directories whose name begins with a dot count. Default: yes.
    pub hidden: bool,
    /// Whether what `.gitignore`, `.ignore`, `.git/info/exclude` and git's global excludes name is left out, those of
    /// the directories above the root included, in a git repository or not. Default: no.
    pub ignore: bool,
    /// How a path reaches JavaScript. Default: as text.
    pub encoding: Encoding,
    /// Whether a file's directory is its key. Default: no.
    pub key_by_directory: bool,
}

impl Default for FilesOptions {
    fn default() -> Self {
        FilesOptions {
            globs: Vec::new(),
            hidden: true,
            ignore: false,
            encoding: Encoding::Utf8,
            key_by_directory: false,
        }
    }
}

/// The paths of the regular files below a directory, in no order, found by several threads at once.
///
/// By default these are exactly the files that `find -H ROOT -type f` prints, written as it writes them: symbolic
/// links are neither items nor followed, except for the root itself, and other file systems are crossed. A directory
/// that can't be read is rejected, as an item of its own, and the walk goes on.
///
/// A slow consumer slows the walk: about a thousand paths are found ahead, and the entries of one directory.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
    globs: Option<GlobSet>,
    options: FilesOptions,
}

impl Files {
    /// The files below `root`.
    pub fn new(root: impl Into<PathBuf>, options: FilesOptions) -> Result<Self, OptionError> {
        let mut root = root.into();
        check_root(&root)?;
        if root == Path::new("-") {
            // The walker takes a lone "-" for the standard input.
            root = PathBuf::from("./-");
        }
        let globs = if options.globs.is_empty() { None } else { Some(compile(&options.globs)?) };
        Ok(Files { root, globs, options })
    }

    /// One source for each of `count` producers. The first of them runs the walk, in threads of its own.
    pub fn sources(&self, count: usize) -> Vec<FilesSource> {
        let handover = Arc::new(Handover::new());
        let mut walk = Some(Walk::new(self.clone(), Arc::clone(&handover), count));
        (0..count)
            .map(|_| FilesSource {
                handover: Arc::clone(&handover),
                walk: walk.take(),
                encoding: self.options.encoding,
                key_by_directory: self.options.key_by_directory,
            })
            .collect()
    }
}

fn check_root(root: &Path) -> Result<(), OptionError> {
    let unusable =
        |what: String| OptionError::new("root", "a directory that can be read", format!("{}: {what}", root.display()));
    let metadata = root.metadata().map_err(|error| unusable(error.to_string()))?;
    if !metadata.is_dir() {
        return Err(unusable("not a directory".to_owned()));
    }
    rustix::fs::access(root, Access::READ_OK | Access::EXEC_OK)
        .map_err(|error| unusable(std::io::Error::from(error).to_string()))
}

fn compile(globs: &[String]) -> Result<GlobSet, OptionError> {
    let unusable = |glob: &str, what: &str| {
        OptionError::new("glob", "a pattern of paths below the root", format!("{glob:?}: {what}"))
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if glob.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(unusable(glob, "no such path can match it"));
        }
        let anywhere = if glob.contains('/') { glob.clone() } else { format!("**/{glob}") };
        let compiled = GlobBuilder::new(&anywhere)
            .literal_separator(true)
            .empty_alternates(true)
            .build()
            .map_err(|error| unusable(glob, &error.kind().to_string()))?;
        set.add(compiled);
    }
    set.build().map_err(|error| unusable(&globs.join(", "), &error.kind().to_string()))
}

/// One producer's part of [`Files`].
#[derive(Debug)]
pub struct FilesSource {
    handover: Arc<Handover>,
    /// With the first producer only.
    walk: Option<Walk>,
    encoding: Encoding,
    key_by_directory: bool,
}

impl Source<Items> for FilesSource {
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        if let Some(walk) = &mut self.walk {
            walk.start()?;
        }
        let result = self.pass_on(out);
        if result.is_err() {
            self.handover.stop();
        }
        if let Some(walk) = &mut self.walk {
            walk.join()?;
        }
        result
    }
}

impl FilesSource {
    /// Sends what the walk hands over until it ends.
    fn pass_on(&self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        loop {
            match self.handover.take(out.room()) {
                Taken::Paths(mut paths) => {
                    if self.key_by_directory {
                        set_directories_as_keys(&mut paths);
                    }
                    out.emit(|batch| batch.append(paths))?;
                }
                Taken::Failed { path, failure } => {
                    out.check()?;
                    out.reject(|batch| batch.push_with(self.encoding.kind(), |bytes| bytes.extend(path)), failure);
                }
                Taken::Broken(failure) => return Err(failure.into()),
                Taken::Nothing => {
                    out.flush()?;
                    self.handover.wait(STOP_CHECK);
                }
                Taken::End => return Ok(()),
            }
        }
    }
}

fn set_directories_as_keys(paths: &mut Items) {
    for index in 0..paths.len() {
        let (Item::Text(path) | Item::Bytes(path)) = paths.get(index) else { continue };
        let directory = &path[..memrchr(b'/', path).unwrap_or(0)];
        let key = key_of(directory);
        paths.set_key(index, key);
    }
}

//! Opening files that may turn out to be anything.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::failure::Failure;

/// Opens `path` for reading and says what it is. Never waits: not for a writer of a FIFO, and not for a device.
pub(crate) fn open(path: &Path) -> io::Result<(OwnedFd, Stat)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    Ok((file, stat))
}

/// Says whether an end before `size` bytes is where it may be: files in /sys are shorter than they say.
pub(crate) fn check_end(file: &OwnedFd, path: &Path, size: u64) -> Result<(), Failure> {
    let stat = rustix::fs::fstat(file).map_err(|error| Failure::io(&error.into(), path))?;
    let found = stat.st_size as u64;
    if found < size {
        return Err(changed(path, &format!("{size} bytes as at first, got {found}")));
    }
    Ok(())
}

/// The failure of a file that is no longer what it was.
pub(crate) fn changed(path: &Path, what: &str) -> Failure {
    Failure::new("ERR_MILLRACE_FILE_CHANGED", format!("{} changed while it was read: expected {what}", path.display()))
}

/// The type of a file.
pub(crate) fn type_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// What people call a file of this type.
pub(crate) fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Unknown => "a file of unknown type",
    }
}

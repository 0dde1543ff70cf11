//! The hash algorithms, behind one face.

use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3;

use crate::options::OptionError;

/// A hash algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, 64 hex digits: what `sha256sum` prints.
    Sha256,
    /// BLAKE3 with 256 bits, 64 hex digits: what `b3sum` prints.
    Blake3,
    /// XXH3 with 64 bits, 16 hex digits, the highest first: what `xxhsum -H3` prints. Not for security.
    Xxh3,
}

impl Algorithm {
    /// Every algorithm and its name.
    pub const ALL: [(&'static str, Algorithm); 3] =
        [("sha256", Algorithm::Sha256), ("blake3", Algorithm::Blake3), ("xxh3", Algorithm::Xxh3)];

    /// A hasher that can be used again and again.
    pub(super) fn hasher(self) -> Hasher {
        match self {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Blake3 => Hasher::Blake3(Box::default()),
            Algorithm::Xxh3 => Hasher::Xxh3(Box::default()),
        }
    }
}

impl FromStr for Algorithm {
    type Err = OptionError;

    fn from_str(name: &str) -> Result<Self, OptionError> {
        let known = Algorithm::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, algorithm)| *algorithm).ok_or_else(|| {
            let names = Algorithm::ALL.map(|(known, _)| format!("'{known}'"));
            OptionError::new("algorithm", format!("one of {}", names.join(", ")), format!("'{name}'"))
        })
    }
}

/// A hash in the making.
pub(super) enum Hasher {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
    Xxh3(Box<Xxh3>),
}

/// A finished hash, in lowercase hex digits.
pub(super) struct Hex {
    digits: [u8; 64],
    length: usize,
}

impl Hasher {
    /// Starts over, whatever was hashed before.
    pub fn reset(&mut self) {
        match self {
            Hasher::Sha256(hasher) => hasher.reset(),
            Hasher::Blake3(hasher) => {
                hasher.reset();
            }
            Hasher::Xxh3(hasher) => hasher.reset(),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Hasher::Xxh3(hasher) => hasher.update(bytes),
        }
    }

    /// The hash of all that came since [`reset`](Hasher::reset).
    pub fn finish(&mut self) -> Hex {
        match self {
            Hasher::Sha256(hasher) => Hex::new(&hasher.finalize_reset()),
            Hasher::Blake3(hasher) => Hex::new(hasher.finalize().as_bytes()),
            Hasher::Xxh3(hasher) => Hex::new(&hasher.digest().to_be_bytes()),
        }
    }
}

impl Hex {
    fn new(hash: &[u8]) -> Self {
        let mut hex = Hex { digits: [0; 64], length: hash.len() * 2 };
        hex::encode_to_slice(hash, &mut hex.digits[..hex.length]).expect("room for the longest hash, of 32 bytes");
        hex
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

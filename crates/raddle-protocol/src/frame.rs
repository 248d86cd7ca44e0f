//! How values are laid on a pipe or in a file: a little-endian `u32` byte count, then the value in postcard's format.
//!
//! A frame without a value ([`ALIVE`]) says no more than that the writer is at work.

#[cfg(test)]
mod tests;

use serde::{Serialize, de::DeserializeOwned};

/// The frame without a value. No value that is sent takes no bytes.
pub const ALIVE: [u8; 4] = [0; 4];

/// Bytes of one frame for `value`.
///
/// # Panics
/// When the value takes more than 4 GiB.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let body = postcard::to_allocvec(value).expect("plain data can always be written to memory");
    let length = u32::try_from(body.len()).expect("a message is far smaller than 4 GiB");
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// Takes the frames without a value off the beginning of `bytes`.
pub fn skip_alive(bytes: &mut Vec<u8>) {
    let alive = bytes.chunks_exact(ALIVE.len()).take_while(|chunk| *chunk == ALIVE).count();
    bytes.drain(..alive * ALIVE.len());
}

/// Takes the first whole frame off `bytes`; `Ok(None)` when more bytes are needed.
///
/// # Errors
/// When the frame does not hold a `T` and nothing else: the two sides are of different versions, or the writer's memory was damaged.
pub fn decode<T: DeserializeOwned>(bytes: &mut Vec<u8>) -> Result<Option<T>, Malformed> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let end = 4 + u32::from_le_bytes(*length) as usize;
    if bytes.len() < end {
        return Ok(None);
    }
    let (value, surplus) = postcard::take_from_bytes(&bytes[4..end]).map_err(|_| Malformed)?;
    if !surplus.is_empty() {
        return Err(Malformed);
    }
    bytes.drain(..end);
    Ok(Some(value))
}

/// The bytes are not a value of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("bytes that are not in this version's format")
    }
}

impl core::error::Error for Malformed {}

//! `/proc/PID/maps`: what lies where in a process's memory.

use std::path::PathBuf;

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// Address behind the last.
    pub end: u64,
    /// Whether its bytes can be executed.
    pub executable: bool,
    /// Offset in the file.
    pub offset: u64,
    /// The file, or a name in brackets such as `[stack]`; empty for anonymous memory.
    pub name: String,
}

impl Mapping {
    /// The file that is mapped; not when it has been deleted.
    pub fn file(&self) -> Option<PathBuf> {
        (self.name.starts_with('/') && !self.name.ends_with(" (deleted)")).then(|| PathBuf::from(&self.name))
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// Reads the lines.
pub fn maps(bytes: &[u8]) -> Vec<Mapping> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(mapping).collect()
}

fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?;
    let offset = words.next()?;
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        executable: rights.as_bytes().get(2) == Some(&b'x'),
        offset: u64::from_str_radix(offset, 16).ok()?,
        name: words.nth(2).unwrap_or("").trim_start().to_owned(),
    })
}

/// The mapping of an address; `maps` is ordered as the kernel orders it.
pub fn at(maps: &[Mapping], address: u64) -> Option<&Mapping> {
    let index = maps.partition_point(|mapping| mapping.end <= address);
    maps.get(index).filter(|mapping| mapping.contains(address))
}

//! The files that a process has loaded, their unwind tables, and a quick way from an address to a name.

use super::{Frame, UNKNOWN, VDSO};
use crate::procfs::maps::{self, Mapping};
use framehop::{ExplicitModuleSectionInfo, Module, Unwinder};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A map is not read again within so many seconds.
const REST: f64 = 0.04;
/// Largest symbol table that is read while watching goes on, in symbols.
const MOST_SYMBOLS: usize = 300_000;

type Bytes = Arc<[u8]>;

/// The unwinder of this processor, and its cache.
#[cfg(target_arch = "x86_64")]
pub(super) type Unwind = framehop::x86_64::UnwinderX86_64<Bytes>;
#[cfg(target_arch = "x86_64")]
pub(super) type Cache = framehop::x86_64::CacheX86_64;
#[cfg(target_arch = "aarch64")]
pub(super) type Unwind = framehop::aarch64::UnwinderAarch64<Bytes>;
#[cfg(target_arch = "aarch64")]
pub(super) type Cache = framehop::aarch64::CacheAarch64;

/// A file as it is needed for unwinding.
#[derive(Debug)]
struct File {
    /// Segments: address, offset in the file, length in the file.
    segments: Vec<(u64, u64, u64)>,
    eh_frame: Option<(u64, Bytes)>,
    eh_frame_hdr: Option<(u64, Bytes)>,
    debug_frame: Option<Bytes>,
    /// Functions and variables by address: start, size, name. Filled when first asked for.
    functions: Option<Vec<(u64, u64, String)>>,
    variables: Option<Vec<(u64, u64, String)>>,
}

/// What one process has loaded.
pub(super) struct Loaded {
    maps: Vec<Mapping>,
    /// Code: start, end, file, and what has to be taken from an address to get the file's own.
    code: Vec<(u64, u64, u32, u64)>,
    pub(super) unwinder: Unwind,
    read: f64,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("code", &self.code).finish_non_exhaustive()
    }
}

/// All files of all processes.
#[derive(Default)]
pub(super) struct Modules {
    numbers: HashMap<PathBuf, Option<u32>>,
    files: Vec<(PathBuf, File)>,
    loaded: HashMap<i32, Loaded>,
    pub(super) cache: Cache,
}

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modules").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

impl Modules {
    /// Reads what a process has loaded, unless that was done a moment ago.
    pub(super) fn meet(&mut self, pid: i32, now: f64) {
        if self.loaded.get(&pid).is_some_and(|loaded| now - loaded.read < REST) {
            return;
        }
        let Ok(bytes) = std::fs::read(format!("/proc/{pid}/maps")) else { return };
        let maps = maps::maps(&bytes);
        if self.loaded.get(&pid).is_some_and(|loaded| loaded.maps == maps) {
            self.loaded.get_mut(&pid).expect("it is there").read = now;
            return;
        }
        let mut loaded = Loaded { code: Vec::new(), unwinder: Unwind::new(), maps: Vec::new(), read: now };
        for mapping in maps.iter().filter(|mapping| mapping.executable) {
            let Some(path) = mapping.file() else { continue };
            let Some(number) = self.file(&path) else { continue };
            let file = &self.files[number as usize].1;
            let Some(bias) = bias(&file.segments, mapping) else { continue };
            loaded.code.push((mapping.start, mapping.end, number, bias));
            let (hdr, eh) = (&file.eh_frame_hdr, &file.eh_frame);
            let range = |section: &Option<(u64, Bytes)>| {
                section.as_ref().map(|(start, bytes)| *start..*start + bytes.len() as u64)
            };
            let sections = ExplicitModuleSectionInfo {
                base_svma: 0,
                eh_frame_hdr_svma: range(hdr),
                eh_frame_hdr: hdr.as_ref().map(|(_, bytes)| Arc::clone(bytes)),
                eh_frame_svma: range(eh),
                eh_frame: eh.as_ref().map(|(_, bytes)| Arc::clone(bytes)),
                debug_frame: file.debug_frame.clone(),
                ..Default::default()
            };
            let name = path.display().to_string();
            loaded.unwinder.add_module(Module::new(name, mapping.start..mapping.end, bias, sections));
        }
        loaded.maps = maps;
        self.loaded.insert(pid, loaded);
    }

    /// Forgets what a process has loaded.
    pub(super) fn forget(&mut self, pid: i32) {
        self.loaded.remove(&pid);
    }

    /// What is known of a process, and the cache that unwinding uses.
    pub(super) fn of(&mut self, pid: i32) -> Option<(&Loaded, &mut Cache)> {
        Some((self.loaded.get(&pid)?, &mut self.cache))
    }

    /// Whether code is known at an address.
    pub(super) fn has_code(&self, pid: i32, address: u64) -> bool {
        self.loaded.get(&pid).is_some_and(|loaded| loaded.code_at(address).is_some())
    }

    /// The place of an address.
    pub(super) fn frame(&self, pid: i32, address: u64) -> Frame {
        let code = self.loaded.get(&pid).and_then(|loaded| loaded.code_at(address));
        match code {
            Some((_, _, module, bias)) => Frame { module, address: address.wrapping_sub(bias) },
            None => {
                let maps = self.loaded.get(&pid).map_or(&[][..], |loaded| &loaded.maps);
                let vdso = maps::at(maps, address).is_some_and(|mapping| mapping.name == "[vdso]");
                Frame { module: if vdso { VDSO } else { UNKNOWN }, address }
            }
        }
    }

    /// Name of a function, from the symbol table alone.
    pub(super) fn quick_name(&mut self, frame: Frame) -> Option<String> {
        let (path, file) = self.files.get_mut(frame.module as usize)?;
        if file.functions.is_none() {
            file.functions = Some(table(path, SymbolKind::Text).unwrap_or_default());
        }
        lookup(file.functions.as_ref()?, frame.address).map(super::symbols::demangle)
    }

    /// The variable that lies at an address.
    pub(super) fn variable(&mut self, pid: i32, now: f64, address: u64) -> Option<String> {
        self.meet(pid, now);
        let loaded = self.loaded.get(&pid)?;
        let mapping = maps::at(&loaded.maps, address)?;
        // Zeroed variables lie in anonymous memory right behind the file's own.
        let before = loaded.maps.iter().rev().find(|other| other.end <= address && other.file().is_some());
        let path = mapping.file().or_else(|| before.filter(|before| before.end == mapping.start)?.file())?;
        let (_, _, number, bias) =
            *loaded.code.iter().find(|(_, _, number, _)| self.files[*number as usize].0 == path)?;
        let (path, file) = &mut self.files[number as usize];
        if file.variables.is_none() {
            file.variables = Some(table(path, SymbolKind::Data).unwrap_or_default());
        }
        lookup(file.variables.as_ref()?, address.wrapping_sub(bias)).map(super::symbols::demangle)
    }

    /// Whether a place lies in a Python interpreter.
    pub(super) fn is_interpreter(&self, frame: Frame) -> bool {
        let file = self.files.get(frame.module as usize).and_then(|(path, _)| path.file_name());
        file.is_some_and(|file| super::python::is_interpreter(&file.to_string_lossy()))
    }

    /// Paths of all files, by number.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    fn file(&mut self, path: &PathBuf) -> Option<u32> {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let number = read(path).map(|file| {
            self.files.push((path.clone(), file));
            self.files.len() as u32 - 1
        });
        self.numbers.insert(path.clone(), number);
        number
    }
}

impl Loaded {
    fn code_at(&self, address: u64) -> Option<(u64, u64, u32, u64)> {
        let index = self.code.partition_point(|(_, end, ..)| *end <= address);
        self.code.get(index).filter(|(start, ..)| *start <= address).copied()
    }
}

/// What has to be taken from an address in a mapping to get the file's own.
fn bias(segments: &[(u64, u64, u64)], mapping: &Mapping) -> Option<u64> {
    const PAGE: u64 = 4096;
    // A segment begins in the page in which its predecessor ends, so the beginning decides; only for a mapping that is
    // part of a segment does the range.
    let begins = segments.iter().find(|(_, offset, _)| offset / PAGE * PAGE == mapping.offset && mapping.offset != 0);
    let holds =
        segments.iter().rev().find(|(_, offset, size)| (offset / PAGE * PAGE..offset + size).contains(&mapping.offset));
    let (address, offset, _) = begins.or(holds)?;
    Some(mapping.start.wrapping_sub(mapping.offset).wrapping_sub(address.wrapping_sub(*offset)))
}

fn read(path: &PathBuf) -> Option<File> {
    let cache = ReadCache::new(std::fs::File::open(path).ok()?);
    let object = object::File::parse(&cache).ok()?;
    let section = |name: &str| {
        let section = object.section_by_name(name)?;
        let bytes = section.data().ok().filter(|bytes| !bytes.is_empty())?;
        Some((section.address(), Bytes::from(bytes)))
    };
    Some(File {
        segments: object
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (segment.address(), offset, size)
            })
            .collect(),
        eh_frame: section(".eh_frame"),
        eh_frame_hdr: section(".eh_frame_hdr"),
        debug_frame: section(".debug_frame").map(|(_, bytes)| bytes),
        functions: None,
        variables: None,
    })
}

fn table(path: &PathBuf, kind: SymbolKind) -> Option<Vec<(u64, u64, String)>> {
    let cache = ReadCache::new(std::fs::File::open(path).ok()?);
    let object = object::File::parse(&cache).ok()?;
    let mut symbols: Vec<(u64, u64, String)> = object
        .symbols()
        .chain(object.dynamic_symbols())
        .filter(|symbol| symbol.kind() == kind && symbol.address() != 0)
        .take(MOST_SYMBOLS)
        .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?.to_owned())))
        .collect();
    symbols.sort();
    symbols.dedup_by_key(|symbol| symbol.0);
    Some(symbols)
}

fn lookup(table: &[(u64, u64, String)], address: u64) -> Option<&str> {
    let index = table.partition_point(|(start, ..)| *start <= address).checked_sub(1)?;
    let (start, size, name) = &table[index];
    // Hand-written assembly often has no size.
    (address < start + size || *size == 0 && address < start + 4096).then_some(name)
}

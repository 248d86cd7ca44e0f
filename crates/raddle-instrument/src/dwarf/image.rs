//! One ELF file with its debug information and symbols.

use super::types::Units;
use super::{named, variables};
use crate::names;
use crate::roles::sites::Tells;
use crate::symbols::{Origin, SourceFrame, Variable};
use addr2line::Context;
use gimli::{EndianArcSlice, LittleEndian, Section};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How sections are read. Shared ownership, because what was found in them points into them.
pub(super) type Reader = EndianArcSlice<LittleEndian>;

/// A symbol of the ELF symbol table.
struct Symbol {
    start: u64,
    size: u64,
    name: String,
}

/// Code and data symbols, each by address.
struct SymbolTable {
    code: Vec<Symbol>,
    data: Vec<Symbol>,
}

/// A file with its debug information.
pub(super) struct Image {
    dwarf: Arc<gimli::Dwarf<Reader>>,
    context: Context<Reader>,
    symbols: SymbolTable,
    statics: OnceCell<Vec<variables::Static>>,
    units: Units,
    tells: OnceCell<Tells>,
    path: PathBuf,
    code: OnceCell<Vec<(u64, Vec<u8>)>>,
}

impl Image {
    /// `None` when there is no such file (the kernel's own module has none), or it is no ELF file.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let data = std::fs::read(path).ok()?;
        let file = object::File::parse(&*data).ok()?;
        let section = |id: gimli::SectionId| -> Result<Reader, gimli::Error> {
            let content = file.section_by_name(id.name()).and_then(|section| section.uncompressed_data().ok());
            Ok(EndianArcSlice::new(Arc::from(content.as_deref().unwrap_or_default()), LittleEndian))
        };
        let dwarf = Arc::new(gimli::Dwarf::load(section).ok()?);
        let context = Context::from_arc_dwarf(dwarf.clone()).ok()?;
        let symbols = SymbolTable::read(&file);
        Some(Self {
            dwarf,
            context,
            symbols,
            statics: OnceCell::new(),
            units: Units::default(),
            tells: OnceCell::new(),
            path: path.to_owned(),
            code: OnceCell::new(),
        })
    }

    /// The activations at an address, innermost first, all of unknown origin yet.
    pub(super) fn frames(&self, address: u64) -> Vec<SourceFrame> {
        let mut frames = Vec::new();
        if let Ok(mut found) = self.context.find_frames(address).skip_all_loads() {
            while let Ok(Some(frame)) = found.next() {
                let location = frame.location;
                let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
                // Only lines are known of a function without debug information of its own.
                let Some(function) = name.map(|name| names::function(&name)).or_else(|| self.symbols.function(address))
                else {
                    continue;
                };
                frames.push(SourceFrame {
                    function: function.into(),
                    file: location.as_ref().and_then(|location| location.file).map(Into::into),
                    line: location.as_ref().and_then(|location| location.line).unwrap_or(0),
                    column: location.as_ref().and_then(|location| location.column).unwrap_or(0),
                    origin: Origin::Unknown,
                });
            }
        }
        if frames.is_empty() {
            frames.extend(self.symbols.function(address).map(named));
        }
        frames
    }

    /// The code from an address to the end of its section. Of most files nobody asks for any.
    pub(super) fn code(&self, address: u64) -> Option<&[u8]> {
        let sections = self.code.get_or_init(|| {
            let Ok(data) = std::fs::read(&self.path) else { return Vec::new() };
            let Ok(file) = object::File::parse(&*data) else { return Vec::new() };
            let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
            code.filter_map(|section| Some((section.address(), section.data().ok()?.to_vec()))).collect()
        });
        sections.iter().find_map(|(start, code)| code.get(usize::try_from(address.checked_sub(*start)?).ok()?..))
    }

    /// What functions there are. Those in question are generic, so the file has an instance of its own of each that it
    /// calls, inlined or not, with its name among the strings of the debug information.
    pub(super) fn tells(&self) -> Tells {
        *self.tells.get_or_init(|| {
            let strings = self.dwarf.debug_str.reader();
            let all = strings.bytes();
            let any = |name: &str, fits: fn(&[u8]) -> bool| {
                memchr::memmem::find_iter(all, name.as_bytes()).any(|at| {
                    let start = memchr::memrchr(0, &all[..at]).map_or(0, |end| end + 1);
                    let end = memchr::memchr(0, &all[at..]).map_or(all.len(), |end| at + end);
                    fits(&all[start..end])
                })
            };
            // The standard library itself tries some of its own locks, in other modules.
            let poison = |name: &[u8]| {
                ["6poison5mutex", "6poison6rwlock", "9nonpoison5mutex", "9nonpoison6rwlock"]
                    .iter()
                    .any(|module| memchr::memmem::find(name, module.as_bytes()).is_some())
            };
            Tells {
                counts: ["strong_count", "weak_count"].iter().any(|name| any(name, |_| true)),
                tries: ["8try_lock", "8try_read", "9try_write"].iter().any(|name| any(name, poison)),
            }
        })
    }

    /// The static variable at an address of the file; its `address` is of the file too.
    pub(super) fn static_at(&self, address: u64) -> Option<Variable> {
        let statics = self.statics.get_or_init(|| variables::statics(&self.dwarf));
        variables::static_at(statics, &self.dwarf, &self.units, address).or_else(|| {
            let symbol = find(&self.symbols.data, address)?;
            Some(Variable {
                name: names::function(&symbol.name),
                type_name: None,
                field: None,
                file: None,
                line: 0,
                address: symbol.start,
            })
        })
    }

    /// The local variable at `target`, an address of the process, in the frame that stands at `code`, an address of the
    /// file.
    pub(super) fn local_at(&self, code: u64, cfa: u64, target: u64) -> Option<Variable> {
        let unit = self.context.find_dwarf_and_unit(code).skip_all_loads()?;
        variables::local_at(unit, &self.units, variables::Frame { code, cfa }, target)
    }
}

impl SymbolTable {
    fn read(file: &object::File<'_>) -> Self {
        let of_kind = |kind: SymbolKind| {
            let defined = file.symbols().chain(file.dynamic_symbols()).filter(|symbol| symbol.is_definition());
            let mut symbols: Vec<Symbol> = defined
                .filter(|symbol| symbol.kind() == kind)
                .filter_map(|symbol| {
                    let name = symbol.name().ok()?.to_owned();
                    Some(Symbol { start: symbol.address(), size: symbol.size(), name })
                })
                .collect();
            symbols.sort_by_key(|symbol| symbol.start);
            symbols
        };
        Self { code: of_kind(SymbolKind::Text), data: of_kind(SymbolKind::Data) }
    }

    fn function(&self, address: u64) -> Option<String> {
        find(&self.code, address).map(|symbol| names::function(&symbol.name))
    }
}

/// The symbol that holds an address. One without a size (from assembly) reaches to the next.
fn find(symbols: &[Symbol], address: u64) -> Option<&Symbol> {
    let after = symbols.partition_point(|symbol| symbol.start <= address);
    let symbol = symbols[..after].last()?;
    (symbol.size == 0 || address - symbol.start < symbol.size).then_some(symbol)
}

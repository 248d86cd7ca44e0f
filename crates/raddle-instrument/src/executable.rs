//! What an executable file says about itself before it is run (ELF, System V ABI; x86-64 psABI).
//!
//! Everything but [`crate::unhooked`] is read from the symbol tables and the dynamic section. A file whose section headers have been taken away
//! shows neither; it counts as stripped and not instrumented.

use crate::error::{Error, Result, Unsupported};
use crate::unhooked::unhooked;
use object::elf;
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol};
use raddle_protocol::Unhooked;
use std::path::{Path, PathBuf};

/// The function of libtest that calls a test function and nothing else; an instance exists for each kind of test.
const TEST_ENTRY: &str = "test::__rust_begin_short_backtrace";

/// Functions with this prefix are the instrumentation's hooks.
const HOOK_PREFIX: &[u8] = b"__tsan_";

/// An executable file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// Its path.
    pub path: PathBuf,
    /// Hash of its content (BLAKE3, hexadecimal): equal for equal files only.
    pub fingerprint: String,
    /// Whether a dynamic loader is needed to start it (`PT_INTERP`), so that the runtime can be loaded into it.
    pub dynamic: bool,
    /// Whether the symbol table of its functions was removed.
    pub stripped: bool,
    /// Names of the shared libraries it asks for (`DT_NEEDED`).
    pub needed: Vec<String>,
    /// Whether it calls the instrumentation's hooks.
    pub instrumented: bool,
    /// Addresses, as in the file, of the functions that lead straight into a libtest test function; for
    /// `raddle_protocol::Entry::Code`. Empty when it holds no such tests.
    pub test_entries: Vec<u64>,
    /// Instructions that order memory and have no hook.
    pub unhooked: Vec<Unhooked>,
}

impl Executable {
    /// Reads an executable file.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it is no 64-bit ELF file for x86-64, [`Error::File`] when it cannot be read,
    /// [`Error::Malformed`] when it contradicts itself.
    pub fn read(path: &Path) -> Result<Self> {
        let data = std::fs::read(path).map_err(Error::file("read", path))?;
        if data.get(..4) != Some(&elf::ELFMAG) {
            return Err(refuse(path, "is not an ELF executable (a script has to be run by naming its interpreter)"));
        }
        let wrong = |error: object::Error| Error::malformed(path, error);
        let Ok(file) = ElfFile64::<Endianness>::parse(&*data) else {
            return Err(refuse(path, "is not a 64-bit executable"));
        };
        let (header, endian) = (file.elf_header(), file.endian());
        if header.e_machine(endian) != elf::EM_X86_64 {
            return Err(refuse(path, "is not for x86-64 processors"));
        }
        let segments = header.program_headers(endian, &*data).map_err(wrong)?;
        let dynamic = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
        let needed = needed(&file, &data).map_err(wrong)?;
        let instrumented = file
            .dynamic_symbols()
            .any(|symbol| symbol.is_undefined() && symbol.name_bytes().is_ok_and(|name| name.starts_with(HOOK_PREFIX)));
        let stripped = !file.symbols().any(|symbol| symbol.kind() == object::SymbolKind::Text);
        Ok(Self {
            path: path.to_path_buf(),
            fingerprint: blake3::hash(&data).to_hex().to_string(),
            dynamic,
            stripped,
            needed,
            instrumented,
            test_entries: test_entries(&file),
            unhooked: unhooked(&file),
        })
    }

    /// Whether the runtime can take charge of it when it is loaded in advance.
    ///
    /// # Errors
    /// [`Unsupported`] when the executable is static, when it was not linked with the runtime, or when nothing in it was
    /// instrumented.
    pub fn require_runtime(&self) -> Result<(), Unsupported> {
        let name = self.path.display();
        let refuse = |sentence: String, remedy: &str| Err(Unsupported { sentence, remedy: remedy.into() });
        if !self.dynamic {
            return refuse(
                format!("`{name}` is statically linked, so Raddle's runtime cannot be loaded into it"),
                "link it dynamically; for Rust that means a target with glibc and without `-C target-feature=+crt-static`",
            );
        }
        if !self.instrumented || !self.needed.iter().any(|library| library == raddle_protocol::RUNTIME_LIBRARY) {
            return refuse(
                format!("`{name}` was not built for Raddle: it does not call {}", raddle_protocol::RUNTIME_LIBRARY),
                "build it with `cargo raddle test` or `cargo raddle run`, or, for C and C++, compile with `-fsanitize=thread` and link with the runtime library",
            );
        }
        Ok(())
    }
}

fn refuse(path: &Path, detail: &str) -> Error {
    Unsupported {
        sentence: format!("`{}` {detail}", path.display()),
        remedy: "give a dynamically linked x86-64 Linux program that was built for Raddle".into(),
    }
    .into()
}

fn needed(file: &ElfFile64<'_, Endianness>, data: &[u8]) -> object::Result<Vec<String>> {
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let Some((entries, link)) = sections.dynamic(endian, data)? else { return Ok(Vec::new()) };
    let strings = sections.strings(endian, data, link)?;
    let wanted = entries.iter().filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED);
    wanted.map(|entry| Ok(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned())).collect()
}

fn test_entries(file: &ElfFile64<'_, Endianness>) -> Vec<u64> {
    let is_entry = |name: &str| {
        // Cheap question first: tables hold tens of thousands of names.
        name.contains("__rust_begin_short_backtrace") && {
            let path = format!("{:#}", rustc_demangle::demangle(name));
            path.strip_prefix(TEST_ENTRY).is_some_and(|rest| rest.is_empty() || rest.starts_with("::<"))
        }
    };
    let functions = file.symbols().filter(|symbol| symbol.is_definition() && symbol.name().is_ok_and(is_entry));
    let mut addresses: Vec<u64> = functions.map(|symbol| symbol.address()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

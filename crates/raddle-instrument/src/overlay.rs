//! A sysroot whose standard library is instrumented.
//!
//! The rlibs that rustup ships carry their LLVM bitcode (so that users can optimize across crates). rust-lld compiles that
//! bitcode again with the instrumentation passes; an rlib with the new object, among symbolic links to all else of the
//! toolchain, makes a sysroot that differs from the real one in nothing but the hooks. The crates' metadata and symbol
//! names are the same, so the compiler takes one for the other.
//!
//! It is made once for each toolchain (about five seconds) and kept in the user's cache directory, under a name that is a
//! hash of all it depends on. Two builds may want it at the same moment: the first takes a file lock, makes it in a
//! directory beside its final place and renames it; a process that dies midway leaves nothing that could be taken for a
//! whole one.

use crate::error::{Error, Result, Unsupported};
use crate::flags;
use crate::toolchain::{TOOLCHAIN_REMEDY, Toolchain};
use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Cursor};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates of the standard library that are instrumented.
///
/// `core` and `alloc` are there for the code that is not generic and not inlined into its callers (slices, strings,
/// formatting): they cost a quarter of the time of `std` and hold no thread primitives, but plain accesses made by them
/// on behalf of a program can race. `test`, `hashbrown` and `std_detect` hold copies of generic functions that programs use
/// too: the last owner of an `Arc` may free it by code that was compiled with the test harness. Left as they are:
/// `compiler_builtins` and `panic_unwind`, which the hooks themselves may need, and what only prints backtraces.
pub const INSTRUMENTED_CRATES: &[&str] = &["std", "alloc", "core", "test", "hashbrown", "std_detect"];

/// The section of an object file that holds its bitcode.
const BITCODE_SECTION: &str = ".llvmbc";

/// Marker of a finished overlay, and what it was made from.
const MARKER: &str = "raddle-overlay.json";

/// Content of the marker.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Origin {
    format: u32,
    sysroot: PathBuf,
    compiler: String,
}

/// Finds the instrumented sysroot of a toolchain, or makes it. `progress` is called once, before work that takes seconds.
///
/// # Errors
/// [`Error::Unsupported`] when the standard library carries no bitcode; [`Error::File`] when the cache directory cannot be
/// used; [`Error::Program`] when rust-lld fails.
pub fn ensure(toolchain: &Toolchain, progress: impl FnOnce()) -> Result<PathBuf> {
    ensure_in(&cache_directory()?, toolchain, progress)
}

/// Like [`ensure`], in a cache directory of one's own.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_in(cache: &Path, toolchain: &Toolchain, progress: impl FnOnce()) -> Result<PathBuf> {
    let rlibs = find_rlibs(toolchain)?;
    let key = key(toolchain, &rlibs)?;
    let place = cache.join(&key);
    if place.join(MARKER).is_file() {
        return Ok(place);
    }
    fs::create_dir_all(cache).map_err(Error::file("create the directory", cache))?;
    let lock_path = cache.join(format!("{key}.lock"));
    let lock = File::create(&lock_path).map_err(Error::file("create", &lock_path))?;
    lock.lock().map_err(Error::file("lock", &lock_path))?;
    if place.join(MARKER).is_file() {
        return Ok(place);
    }
    progress();
    // Whoever holds the lock is alone with this key: what lies here was left by a process that died.
    for name in entry_names(cache)?.iter().filter(|name| name.starts_with(&format!("{key}.making-"))) {
        let left = cache.join(name);
        fs::remove_dir_all(&left).map_err(Error::file("remove the unfinished", &left))?;
    }
    let making = tempfile::Builder::new()
        .prefix(&format!("{key}.making-"))
        .tempdir_in(cache)
        .map_err(Error::file("create a directory in", cache))?;
    make(making.path(), toolchain, &rlibs)?;
    if place.exists() {
        fs::remove_dir_all(&place).map_err(Error::file("remove the unfinished", &place))?;
    }
    fs::rename(making.path(), &place).map_err(Error::file("rename a directory to", &place))?;
    // Renamed: there is nothing left for the guard to remove.
    let _ = making.keep();
    remove_outdated(cache, &place, toolchain);
    Ok(place)
}

/// `$XDG_CACHE_HOME/raddle/sysroot`, by default `~/.cache/raddle/sysroot`.
fn cache_directory() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let Some(cache) = cache else {
        return Err(Unsupported {
            sentence: "there is no place to keep the instrumented standard library: neither XDG_CACHE_HOME nor HOME names a directory"
                .into(),
            remedy: "set XDG_CACHE_HOME to a directory that can be written".into(),
        }
        .into());
    };
    Ok(cache.join("raddle/sysroot"))
}

fn find_rlibs(toolchain: &Toolchain) -> Result<Vec<PathBuf>> {
    let directory = toolchain.library_directory();
    let names = entry_names(&directory)?;
    INSTRUMENTED_CRATES
        .iter()
        .map(|name| {
            let prefix = format!("lib{name}-");
            names
                .iter()
                .find(|file| file.starts_with(&prefix) && file.ends_with(".rlib"))
                .map(|file| directory.join(file))
                .ok_or_else(|| {
                    Error::from(Unsupported {
                        sentence: format!("there is no library `{prefix}*.rlib` in `{}`", directory.display()),
                        remedy: TOOLCHAIN_REMEDY.into(),
                    })
                })
        })
        .collect()
}

fn key(toolchain: &Toolchain, rlibs: &[PathBuf]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(&flags::OVERLAY_FORMAT.to_le_bytes());
    add(toolchain.verbose_version.as_bytes());
    add(toolchain.sysroot.as_os_str().as_encoded_bytes());
    add(flags::PASSES.as_bytes());
    let parts = [flags::LLVM_OPTIONS, flags::WITHOUT_HOOKS, flags::WITHOUT_PLAIN_HOOKS, flags::WITH_HOOKS_AFTER_ALL];
    parts.iter().flat_map(|list| list.iter()).for_each(|option| add(option.as_bytes()));
    for rlib in rlibs {
        let metadata = fs::metadata(rlib).map_err(Error::file("read", rlib))?;
        add(rlib.as_os_str().as_encoded_bytes());
        add(&metadata.len().to_le_bytes());
        add(&metadata.mtime().to_le_bytes());
        add(&metadata.mtime_nsec().to_le_bytes());
    }
    Ok(format!("{}-{}", toolchain.release, &hasher.finalize().to_hex()[..16]))
}

fn make(place: &Path, toolchain: &Toolchain, rlibs: &[PathBuf]) -> Result<()> {
    let rustlib = toolchain.sysroot.join("lib/rustlib");
    let library = place.join("lib/rustlib").join(&toolchain.host).join("lib");
    fs::create_dir_all(&library).map_err(Error::file("create the directory", &library))?;
    // The shared standard library is left out too: a crate that links to it would escape the instrumentation.
    let left_out = |name: &str| {
        rlibs.iter().any(|rlib| rlib.file_name().is_some_and(|file| file == name))
            || (name.starts_with("libstd-") && name.ends_with(".so"))
    };
    link_entries(&rustlib, &place.join("lib/rustlib"), |name| name == toolchain.host)?;
    let host = rustlib.join(&toolchain.host);
    link_entries(&host, &place.join("lib/rustlib").join(&toolchain.host), |name| name == "lib")?;
    link_entries(&host.join("lib"), &library, left_out)?;
    for rlib in rlibs {
        let name = rlib.file_name().expect("an rlib was found by its name");
        instrument(rlib, &library.join(name), toolchain, place)?;
    }
    let origin = Origin {
        format: flags::OVERLAY_FORMAT,
        sysroot: toolchain.sysroot.clone(),
        compiler: toolchain.verbose_version.clone(),
    };
    let marker = place.join(MARKER);
    let text = serde_json::to_vec(&origin).expect("three plain fields can be written as JSON");
    fs::write(&marker, text).map_err(Error::file("write", &marker))
}

/// Writes the instrumented twin of one rlib.
fn instrument(rlib: &Path, to: &Path, toolchain: &Toolchain, scratch: &Path) -> Result<()> {
    let data = fs::read(rlib).map_err(Error::file("read", rlib))?;
    let archive = ArchiveFile::parse(&*data).map_err(|error| Error::malformed(rlib, error))?;
    let mut members = Vec::new();
    let mut instrumented = 0;
    for member in archive.members() {
        let member = member.map_err(|error| Error::malformed(rlib, error))?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        let content = member.data(&*data).map_err(|error| Error::malformed(rlib, error))?;
        let content = match bitcode_of(&name, content) {
            Some((bitcode, functions)) => {
                instrumented += 1;
                recompile(bitcode, &functions, toolchain, scratch)?
            }
            None => content.to_vec(),
        };
        members.push(NewArchiveMember::new(content, &DEFAULT_OBJECT_READER, name));
    }
    if instrumented == 0 {
        return Err(no_bitcode(rlib, toolchain).into());
    }
    let mut written = Cursor::new(Vec::new());
    ar_archive_writer::write_archive_to_stream(&mut written, &members, ArchiveKind::Gnu, false, None)
        .map_err(Error::file("write", to))?;
    fs::write(to, written.into_inner()).map_err(Error::file("write", to))
}

/// The bitcode of an object file, and the names of the functions that are in it. The metadata of an rlib lies in an object
/// too, which has none.
fn bitcode_of<'data>(name: &str, content: &'data [u8]) -> Option<(&'data [u8], Vec<&'data str>)> {
    if !name.ends_with(".o") {
        return None;
    }
    let object = object::File::parse(content).ok()?;
    let bitcode = object.section_by_name(BITCODE_SECTION)?.data().ok()?;
    let functions = object.symbols().filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text);
    (!bitcode.is_empty()).then(|| (bitcode, functions.filter_map(|symbol| symbol.name().ok()).collect()))
}

fn recompile(bitcode: &[u8], functions: &[&str], toolchain: &Toolchain, scratch: &Path) -> Result<Vec<u8>> {
    let input = scratch.join("module.bc");
    let output = scratch.join("module.o");
    fs::write(&input, bitcode).map_err(Error::file("write", &input))?;
    let linker = &toolchain.linker;
    let run = Command::new(&linker.program)
        .args(linker.flavor)
        .args(flags::lld(&input, &output, functions))
        .output()
        .map_err(|error| Error::program(&linker.program, format!("cannot be run: {error}")))?;
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stderr);
        return Err(Error::program(
            &linker.program,
            format!("could not instrument the standard library of Rust {}: {}", toolchain.release, said.trim()),
        ));
    }
    let object = fs::read(&output).map_err(Error::file("read", &output))?;
    for path in [&input, &output] {
        fs::remove_file(path).map_err(Error::file("remove", path))?;
    }
    Ok(object)
}

fn no_bitcode(rlib: &Path, toolchain: &Toolchain) -> Unsupported {
    Unsupported {
        sentence: format!(
            "the standard library of this Rust {} (`{}`) carries no LLVM bitcode, so it cannot be instrumented",
            toolchain.release,
            rlib.display()
        ),
        remedy: TOOLCHAIN_REMEDY.into(),
    }
}

fn link_entries(from: &Path, to: &Path, left_out: impl Fn(&str) -> bool) -> Result<()> {
    for name in entry_names(from)?.iter().filter(|name| !left_out(name)) {
        let link = to.join(name);
        symlink(from.join(name), &link).map_err(Error::file("create the link", &link))?;
    }
    Ok(())
}

fn entry_names(directory: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    };
    read().map_err(Error::file("list the directory", directory))
}

/// Removes overlays of compilers that lay in the same sysroot before and have been replaced there: their links lead
/// nowhere any more. What cannot be removed does no harm.
fn remove_outdated(cache: &Path, current: &Path, toolchain: &Toolchain) {
    let Ok(names) = entry_names(cache) else { return };
    for name in &names {
        let place = cache.join(name);
        if place == current {
            continue;
        }
        let Ok(text) = fs::read(place.join(MARKER)) else { continue };
        let Ok(origin) = serde_json::from_slice::<Origin>(&text) else { continue };
        if origin.sysroot == toolchain.sysroot && origin.compiler != toolchain.verbose_version {
            let _ = fs::remove_dir_all(&place);
            let _ = fs::remove_file(cache.join(format!("{name}.lock")));
        }
    }
}

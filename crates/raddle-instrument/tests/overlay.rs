//! The instrumented standard library: made once, kept, and never seen half-made.

use object::read::archive::ArchiveFile;
use object::{File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind};
use raddle_instrument::Error;
use raddle_instrument::overlay;
use raddle_instrument::toolchain::Toolchain;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn a_standard_library_without_bitcode_is_refused_with_a_remedy() {
    let real = Toolchain::discover(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (sysroot, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let toolchain = Toolchain { sysroot: sysroot.path().into(), ..real };
    fs::create_dir_all(toolchain.library_directory()).unwrap();
    let refusal = |what: &str| match overlay::ensure_in(cache.path(), &toolchain, || ()).unwrap_err() {
        Error::Unsupported(refusal) => {
            assert!(refusal.sentence.contains(what), "{}", refusal.sentence);
            assert!(refusal.remedy.contains("rustup"), "{}", refusal.remedy);
        }
        other => panic!("{other:?}"),
    };
    refusal("there is no library `libstd-*.rlib`");
    for name in overlay::INSTRUMENTED_CRATES {
        // An archive without members.
        fs::write(toolchain.library_directory().join(format!("lib{name}-0.rlib")), "!<arch>\n").unwrap();
    }
    refusal("carries no LLVM bitcode");
    let left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name.to_str().unwrap().ends_with(".lock")), "{left:?}");
}

#[test]
fn two_that_want_it_at_once_get_one() {
    let toolchain = Toolchain::discover(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let made = AtomicU32::new(0);
    let count = || {
        made.fetch_add(1, Ordering::SeqCst);
    };
    let ensure = || overlay::ensure_in(cache.path(), &toolchain, count).unwrap();
    let places = std::thread::scope(|scope| {
        let threads = [scope.spawn(ensure), scope.spawn(ensure)];
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(places[0], places[1]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    assert_eq!(ensure(), places[0]);
    assert_eq!(made.load(Ordering::SeqCst), 1);

    let library = places[0].join("lib/rustlib").join(&toolchain.host).join("lib");
    for name in overlay::INSTRUMENTED_CRATES {
        let prefix = format!("lib{name}-");
        let files: Vec<_> = fs::read_dir(&library)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix))
            .collect();
        assert!(files.iter().any(|path| !path.is_symlink() && path.extension().unwrap() == "rlib"), "{files:?}");
        assert!(!files.iter().any(|path| path.extension().unwrap() == "so"), "{files:?}");
    }

    hooks_are_where_they_belong(&library);

    // A process that died midway: no marker. It is made anew, and what it left goes away.
    fs::remove_file(places[0].join("raddle-overlay.json")).unwrap();
    let left = cache.path().join(format!("{}.making-abc", places[0].file_name().unwrap().to_str().unwrap()));
    fs::create_dir(&left).unwrap();
    assert_eq!(ensure(), places[0]);
    assert_eq!(made.load(Ordering::SeqCst), 2);
    assert!(!left.exists());
}

/// What lies in the overlay's directory of libraries has hooks where a program can tell, and none elsewhere.
fn hooks_are_where_they_belong(library: &Path) {
    let is_std = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libstd-"));
    let rlib = fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path()).find(is_std).unwrap();
    let data = fs::read(rlib).unwrap();
    let archive = ArchiveFile::parse(&*data).unwrap();
    let objects = archive.members().map(|member| member.unwrap().data(&*data).unwrap());
    let hooks: Vec<(String, String)> = objects.filter_map(|data| File::parse(data).ok()).flat_map(hooks_in).collect();
    let of = |part: &str| -> Vec<&str> {
        hooks.iter().filter(|(function, _)| function.contains(part)).map(|(_, hook)| hook.as_str()).collect()
    };
    let is_plain = |hook: &&str| !hook.contains("atomic");
    assert!(of("3std4sync4mpmc").iter().any(is_plain), "an ordinary module has hooks at its plain accesses");
    assert_eq!(of("14stack_overflow"), [""; 0], "the table of guard pages has none at all");
    assert!(!of("3std6thread7current").is_empty() && !of("3std6thread7current").iter().any(is_plain));
    assert!(of("6Thread4name").iter().any(is_plain), "a handle lies in the program's memory");
    assert!(
        of("4core3ptr13drop_in_place").iter().any(is_plain),
        "generic code is not of the types that it is made for"
    );
    assert!(!of("3std3sys12thread_local").iter().any(is_plain), "{:?}", of("3std3sys12thread_local"));
}

/// Calls of hooks: in which function, and of which.
fn hooks_in(object: File<'_>) -> Vec<(String, String)> {
    let functions: Vec<_> = object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text).collect();
    let mut hooks = Vec::new();
    for section in object.sections() {
        for (offset, relocation) in section.relocations() {
            let RelocationTarget::Symbol(target) = relocation.target() else { continue };
            let target = object.symbol_by_index(target).unwrap();
            let Some(hook) = target.name().ok().filter(|name| name.starts_with("__tsan_")) else { continue };
            let holds = |symbol: &&object::Symbol<'_, '_>| {
                symbol.section_index() == Some(section.index())
                    && (symbol.address()..symbol.address() + symbol.size()).contains(&offset)
            };
            let function = functions.iter().find(holds).and_then(|symbol| symbol.name().ok()).unwrap_or_default();
            hooks.push((function.to_owned(), hook.to_owned()));
        }
    }
    hooks
}

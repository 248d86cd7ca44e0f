//! The one table of what is said to the compiler and the linker.
//!
//! The instrumentation is LLVM's ThreadSanitizer pass. Stable rustc does not offer it by name, but takes any LLVM pass
//! (`-C passes`) and any LLVM option (`-C llvm-args`): the pass `forceattrs` puts the attribute `sanitize_thread` on every
//! function, which `tsan-module` and `tsan` look for. Between them `dce` takes out instructions whose result nobody uses:
//! without optimization rustc reads all of a small enum where the program asks for the variant alone, and the part that
//! is thrown away may well be an atomic that others are changing.
//!
//! Of that pass's options, those that Raddle departs from:
//!
//! | option | here | why |
//! |---|---|---|
//! | `tsan-instrument-func-entry-exit` | off | call stacks are unwound when they are needed, which is almost never |
//! | `tsan-distinguish-volatile` | on | what is read as volatile may be meant to race, see `raddle_engine::race` |
//!
//! and those left as they are: accesses, atomics and `memcpy` are instrumented; of a
//! read followed by a write of the same place in one basic block only the write is announced; a local variable whose
//! address never leaves the function is not announced.
//!
//! The passes run once on each module, after its own optimization. Under link-time optimization across crates they would
//! have to run on bitcode of the instrumented standard library, of which there is none, so builds are made without it:
//! [`crate::compile`] turns `lto` off in the profile, whatever the manifest says.

use std::ffi::OsString;
use std::path::Path;

/// Changes whenever an instrumented standard library made by an older version must not be used any more.
pub(crate) const OVERLAY_FORMAT: u32 = 4;

/// The LLVM passes, in LLVM's own notation.
pub(crate) const PASSES: &str = "forceattrs,function(dce),tsan-module,function(tsan)";

/// The LLVM options.
pub(crate) const LLVM_OPTIONS: &[&str] =
    &["-force-attribute=sanitize_thread", "-tsan-instrument-func-entry-exit=0", "-tsan-distinguish-volatile=1"];

/// What the names of functions contain, as the standard library mangles them, that get no hooks at all, neither in their own
/// code nor in generic code that is made for their types.
///
/// The table of guard pages: a thread enters and deletes itself, under locks of the module's own. Nothing else uses what
/// lies there, the locks are never seen taken, since no thread is switched in between, and no thread learns of another by
/// them. That takes locks and table alike: with hooks in one and not in the other each entry would look like a race.
pub(crate) const WITHOUT_HOOKS: &[&str] = &["3std3sys3pal4unix14stack_overflow"];

/// The same for functions whose plain accesses get no hooks; their atomic operations do. So order between threads is as
/// ever, and what is given up is to see a race with one of their accesses. They are those that begin and end threads and
/// run the destructors of thread-local variables, in memory that a program cannot reach; closures and destructors are
/// compiled with the program, and have hooks.
pub(crate) const WITHOUT_PLAIN_HOOKS: &[&str] = &["3std6thread", "3std3sys6thread", "3std3sys12thread_local"];

/// Among those, what keeps all hooks: methods of `Thread`. A handle lies where the program keeps it, perhaps on a stack that
/// is gone when it is used.
pub(crate) const WITH_HOOKS_AFTER_ALL: &[&str] = &["3std6thread6thread"];

/// Crates whose generic functions are made for types of the ones above as well: not they are meant, but their arguments.
const GENERIC: &[&str] = &["4core", "5alloc"];

/// What rustc is told beyond the instrumentation. All of it comes after the user's flags and the profile's, so it wins.
const RUSTC_OPTIONS: &[&str] = &[
    // Call stacks are walked by frame pointer in the hot path, and local variables are named relative to it.
    "-Cforce-frame-pointers=yes",
    // Inlined frames and variables are named from the full debug information, in the executable itself.
    "-Cdebuginfo=2",
    "-Csplit-debuginfo=off",
    "-Cstrip=none",
    // Tells `Mutex<u64>::lock` from `Mutex<Vec<u8>>::lock`, and is how the standard library is mangled anyway.
    "-Csymbol-mangling-version=v0",
];

/// Functions of the C library that read and write memory, for which the runtime has one of its own: the pass knows nothing
/// of them.
const WRAPPED: &[&str] = &[
    "memcmp",
    "bcmp",
    "memchr",
    "memrchr",
    "memmem",
    "strlen",
    "strnlen",
    "strcmp",
    "strncmp",
    "strchr",
    "strrchr",
    "strstr",
    "strcpy",
    "stpcpy",
    "strncpy",
    "strcat",
    "strncat",
    "qsort",
    "read",
    "pread",
    "pread64",
    "readv",
    "recv",
    "recvfrom",
    "recvmsg",
    "write",
    "pwrite",
    "pwrite64",
    "writev",
    "send",
    "sendto",
    "sendmsg",
    "getrandom",
    "getentropy",
    "arc4random_buf",
    "strcasecmp",
    "strncasecmp",
    "strspn",
    "strcspn",
    "strpbrk",
    "stpncpy",
    "memccpy",
    "mempcpy",
    "strdup",
    "strndup",
    "strtok_r",
    "printf",
    "vprintf",
    "sprintf",
    "vsprintf",
    "snprintf",
    "vsnprintf",
    "asprintf",
    "vasprintf",
    "fprintf",
    "vfprintf",
    "dprintf",
    "vdprintf",
    "fread",
    "fwrite",
    "fgets",
    "fputs",
    "puts",
    "getline",
    "getdelim",
    "fgetc",
    "getc",
    "fputc",
    "putc",
    "fflush",
    "fclose",
    "preadv",
    "preadv64",
    "preadv2",
    "preadv64v2",
    "pwritev",
    "pwritev64",
    "pwritev2",
    "pwritev64v2",
    "getcwd",
    "realpath",
    "readlink",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "pipe",
    "pipe2",
    "socketpair",
];

/// rustc's flags for code under test. `runtime` is the path of the runtime library: it answers the instrumentation's
/// calls and must lie in the directory from which it is to be loaded.
pub(crate) fn rustc(sysroot: &Path, runtime: &Path) -> Vec<OsString> {
    let mut flags: Vec<OsString> = vec!["--sysroot".into(), sysroot.into(), format!("-Cpasses={PASSES}").into()];
    flags.extend(LLVM_OPTIONS.iter().map(|option| format!("-Cllvm-args={option}").into()));
    flags.extend(RUSTC_OPTIONS.iter().map(OsString::from));
    flags.extend(link(runtime).into_iter().map(|argument| joined("-Clink-arg=", &argument)));
    flags
}

/// rust-lld's arguments for compiling `bitcode` to `object` again, with the instrumentation as the whole of the
/// link-time optimizer's work. `functions` are those that it defines.
pub(crate) fn lld(bitcode: &Path, object: &Path, functions: &[&str]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-r".into(), bitcode.into(), "-o".into(), object.into()];
    arguments.push(format!("--lto-newpm-passes={PASSES}").into());
    for option in LLVM_OPTIONS {
        arguments.extend(["-mllvm".into(), option.into()]);
    }
    for function in functions {
        if let Some(option) = without(function) {
            arguments.extend(["-mllvm".into(), option.into()]);
        }
    }
    arguments
}

/// Whether a function of the standard library gets no hooks at all: what it does to memory is nobody's concern.
pub(crate) fn is_without_hooks(function: &str) -> bool {
    WITHOUT_HOOKS.iter().any(|part| function.contains(part))
}

/// Whether a function of the standard library gets hooks at its atomic operations only.
fn is_without_plain_hooks(function: &str) -> bool {
    let generic = GENERIC.iter().filter_map(|name| function.find(name)).min().unwrap_or(function.len());
    let own = &function[..generic];
    WITHOUT_PLAIN_HOOKS.iter().any(|part| own.contains(part))
        && !WITH_HOOKS_AFTER_ALL.iter().any(|part| own.contains(part))
}

/// The LLVM option that keeps hooks from a function, if it is one without. What has no attribute `sanitize_thread` has
/// hooks at its atomic operations all the same.
fn without(function: &str) -> Option<String> {
    if is_without_hooks(function) {
        Some(format!("-force-attribute={function}:disable_sanitizer_instrumentation"))
    } else if is_without_plain_hooks(function) {
        Some(format!("-force-remove-attribute={function}:sanitize_thread"))
    } else {
        None
    }
}

/// Flags with which gcc or clang compiles C or C++ as code under test.
pub fn c_compile() -> Vec<OsString> {
    ["-fsanitize=thread", "-fno-omit-frame-pointer", "-g"].map(OsString::from).to_vec()
}

/// Arguments with which gcc or clang links such objects: the runtime in the place of ThreadSanitizer's own. Not to be
/// given together with `-fsanitize=thread`.
pub fn link(runtime: &Path) -> Vec<OsString> {
    let directory = runtime.parent().unwrap_or(Path::new("."));
    let mut arguments = vec![runtime.into(), joined("-Wl,-rpath,", directory.as_os_str())];
    arguments.extend(WRAPPED.iter().map(|name| format!("-Wl,--wrap={name}").into()));
    arguments
}

fn joined(prefix: &str, rest: &std::ffi::OsStr) -> OsString {
    let mut whole = OsString::from(prefix);
    whole.push(rest);
    whole
}

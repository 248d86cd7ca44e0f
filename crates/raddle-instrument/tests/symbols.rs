//! Addresses of running programs, turned back into what their source says: functions, statics and locals, with and without
//! optimization, in Rust and in C.

mod support;

use raddle_instrument::compile::Goal;
use raddle_instrument::dwarf::Process;
use raddle_instrument::executable::Executable;
use raddle_instrument::flags;
use raddle_instrument::selection::Selection;
use raddle_instrument::symbols::{Origin, Symbols, Variable};
use std::path::Path;
use std::process::Command;
use support::Package;
use support::record::{self, Operation, Recording};

const PROGRAM: &str = r#"
use std::ffi::{CStr, c_char, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

unsafe extern "C" {
    fn raddle_test_address(name: *const c_char, address: *const c_void);
    fn raddle_test_mark(name: *const c_char);
}

#[inline(always)]
fn show<T>(name: &CStr, place: &T) {
    unsafe { raddle_test_address(name.as_ptr(), (&raw const *place).cast()) }
}

mod bank {
    use super::*;
    #[allow(dead_code)] pub struct Inner { pub padding: u32, pub state: AtomicU32 }
    pub struct Accounts { pub left: Mutex<Vec<u64>>, pub right: [AtomicU64; 2], pub nested: Inner }
    pub static ACCOUNTS: Accounts = Accounts {
        left: Mutex::new(Vec::new()),
        right: [const { AtomicU64::new(0) }; 2],
        nested: Inner { padding: 0, state: AtomicU32::new(0) },
    };
    impl Accounts {
        #[inline(always)]
        pub fn note(&self) { self.right[0].fetch_add(1, Ordering::SeqCst); }
    }
}

fn hits() -> u64 {
    static HITS: AtomicU64 = AtomicU64::new(0);
    show(c"static in a function", &HITS);
    HITS.fetch_add(1, Ordering::SeqCst)
}

#[inline(never)]
fn parent(child: fn(&Mutex<u64>)) {
    let lock = Mutex::new(1);
    child(&lock);
    *lock.lock().unwrap() += 1;
}

fn bump(count: &AtomicU64) {
    count.fetch_add(1, Ordering::SeqCst);
}

/// What is said to be a pointer to a function takes no room.
fn by_functions(first: impl Fn(&AtomicU64) + Sync, second: impl Fn(&AtomicU64) + Sync) {
    let counts = [AtomicU64::new(0), AtomicU64::new(0)];
    show(c"beside functions", &counts[0]);
    show(c"between functions", &counts[1]);
    std::thread::scope(|scope| {
        scope.spawn(|| first(&counts[0]));
        scope.spawn(|| second(&counts[1]));
    });
}

fn main() {
    show(c"field", &bank::ACCOUNTS.left);
    show(c"element", &bank::ACCOUNTS.right[1]);
    show(c"nested field", &bank::ACCOUNTS.nested.state);
    hits();
    let pair = (AtomicU64::new(0), AtomicU64::new(0));
    show(c"tuple", &pair.1);
    parent(|lock| show(c"caller's local", lock));
    by_functions(bump, bump);
    let boxed = Box::new(0u64);
    show(c"heap", &*boxed);
    unsafe { raddle_test_mark(c"call".as_ptr()) };
    bank::ACCOUNTS.note();
    unsafe { raddle_test_mark(c"".as_ptr()) };
    println!("{}", pair.0.load(Ordering::SeqCst));
}
"#;

fn record(release: bool) -> (Package, Recording) {
    let manifest =
        "[package]\nname = \"shown\"\nedition = \"2024\"\n[workspace]\n[profile.release]\ndebug = 0\nstrip = true";
    let package = Package::new(&[("Cargo.toml", manifest), ("src/main.rs", PROGRAM)]);
    let runtime = record::hooks(package.root());
    let selection = Selection { release, ..Selection::default() };
    let build = package.build_with(&runtime, Goal::Programs, selection).unwrap();
    let recording = record::run(&build.artifacts[0].executable);
    (package, recording)
}

fn find<'a>(recording: &'a Recording, name: &str) -> &'a Operation {
    recording.operations.iter().find(|operation| operation.name == name).expect(name)
}

/// The local variable in whichever frame holds it.
fn local(process: &Process, operation: &Operation) -> Option<Variable> {
    operation.stack.iter().find_map(|(pc, cfa)| process.local_at(*pc, *cfa, operation.address))
}

/// Line of the program on which this text first stands.
fn line_of(text: &str) -> u32 {
    let found = PROGRAM.lines().position(|line| line.contains(text));
    u32::try_from(found.expect(text)).unwrap() + 1
}

#[test]
fn variables_have_the_names_of_the_source() {
    for release in [false, true] {
        let (package, recording) = record(release);
        let process = Process::new(recording.modules.clone(), package.root(), &package.root().join("target"));
        let file = package.root().join("src/main.rs").to_str().unwrap().to_owned();

        for (name, variable, of_type, field, declared) in [
            ("field", "shown::bank::ACCOUNTS", "Accounts", Some("left"), "pub static ACCOUNTS"),
            ("element", "shown::bank::ACCOUNTS", "Accounts", Some("right[1]"), "pub static ACCOUNTS"),
            ("nested field", "shown::bank::ACCOUNTS", "Accounts", Some("nested.state"), "pub static ACCOUNTS"),
            ("static in a function", "shown::hits::HITS", "AtomicU64", None, "static HITS"),
        ] {
            let found = process.static_at(find(&recording, name).address).expect(name);
            assert_eq!((found.name.as_str(), found.field.as_deref()), (variable, field), "{name}, release: {release}");
            assert_eq!(found.file.as_deref(), Some(file.as_str()));
            assert_eq!(found.line, line_of(declared));
            // `AtomicU64` is a name for `Atomic<u64>`.
            let type_name = found.type_name.unwrap();
            assert!(type_name == of_type || type_name == "Atomic<u64>", "{type_name}");
        }

        let lock = find(&recording, "caller's local");
        let found = local(&process, lock).expect("the caller's local");
        assert_eq!((found.name.as_str(), found.type_name.as_deref()), ("lock", Some("Mutex<u64>")));
        assert_eq!((found.field, found.line, found.address), (None, line_of("let lock"), lock.address));
        for (name, field) in [("beside functions", "[0]"), ("between functions", "[1]")] {
            let found = local(&process, find(&recording, name)).expect(name);
            assert_eq!((found.name.as_str(), found.field.as_deref()), ("counts", Some(field)), "release: {release}");
        }
        let pair = local(&process, find(&recording, "tuple")).expect("the tuple");
        assert_eq!((pair.name.as_str(), pair.field.as_deref()), ("pair", Some("1")));

        let heap = find(&recording, "heap");
        assert_eq!((local(&process, heap), process.static_at(heap.address)), (None, None));
        assert_eq!(process.static_at(lock.address), None);
    }
}

#[test]
fn frames_tell_inlined_functions_apart() {
    for release in [false, true] {
        let (package, recording) = record(release);
        let process = Process::new(recording.modules.clone(), package.root(), &package.root().join("target"));
        let call = find(&recording, "call");
        let frames: Vec<_> = call.stack.iter().flat_map(|(pc, _)| process.frames(*pc)).collect();
        let users: Vec<_> = frames.iter().filter(|frame| frame.origin == Origin::User).collect();
        assert_eq!(&*users[0].function, "shown::bank::Accounts::note", "release: {release}");
        assert_eq!(users[0].line, line_of("pub fn note"));
        assert_eq!(&*users[1].function, "shown::main");
        assert_eq!(users[1].line, line_of("ACCOUNTS.note()"));
        assert!(users[0].column > 0);
        assert!(users[0].file.as_deref().is_some_and(|file| Path::new(file).is_file()));
        let first = &frames[0];
        assert_eq!((first.origin, first.function.starts_with("core::sync::atomic::")), (Origin::Standard, true));
        assert!(
            frames.iter().any(|frame| &*frame.function == "std::rt::lang_start_internal"),
            "frames inside std resolve"
        );
        assert!(process.frames(0x10).is_empty());
    }
}

#[test]
fn a_process_can_be_looked_at_on_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Process>();
}

#[test]
fn thousands_of_lookups_take_no_time() {
    let (package, recording) = record(false);
    let process = Process::new(recording.modules.clone(), package.root(), &package.root().join("target"));
    let field = find(&recording, "field");
    let begun = std::time::Instant::now();
    let mut resolved = 0;
    // Every byte of a stretch of code is a return address nobody has asked about before.
    for offset in 0..3000 {
        resolved += usize::from(!process.frames(field.stack[0].0 + offset).is_empty());
        assert!(process.static_at(field.address).is_some());
        let _ = process.local_at(field.stack[0].0 + offset, field.stack[0].1, field.stack[0].1 - 40);
    }
    assert!(resolved > 2500, "{resolved}");
    let elapsed = begun.elapsed();
    assert!(elapsed.as_secs() < 5, "3000 addresses took {elapsed:?}");
}

const C_PROGRAM: &str = r#"
#include <stdatomic.h>
extern void raddle_test_address(const char *name, void *address);
struct queue { long head; _Atomic long slots[4]; };
static struct queue pending;
struct queue *volatile escape;
int main(void) {
  struct queue local = {0};
  escape = &local;
  raddle_test_address("static", &pending.slots[2]);
  raddle_test_address("local", &local.slots[1]);
  atomic_fetch_add(&pending.slots[0], 1);
  return 0;
}
"#;

#[test]
fn programs_in_c_are_built_with_two_sets_of_flags() {
    let package = Package::new(&[("queue.c", C_PROGRAM)]);
    let runtime = record::hooks(package.root());
    let (object, program) = (package.root().join("queue.o"), package.root().join("queue"));
    let run = |command: &mut Command| assert!(command.current_dir(package.root()).status().unwrap().success());
    run(Command::new("cc").args(flags::c_compile()).args(["-c", "queue.c", "-o"]).arg(&object));
    run(Command::new("cc").arg(&object).arg("-o").arg(&program).args(flags::link(&runtime)));
    let file = Executable::read(&program).unwrap();
    file.require_runtime().unwrap();
    assert!(file.test_entries.is_empty());

    let recording = record::run(&program);
    let process = Process::new(recording.modules.clone(), package.root(), package.root());
    let pending = process.static_at(find(&recording, "static").address).unwrap();
    assert_eq!((pending.name.as_str(), pending.field.as_deref()), ("pending", Some("slots[2]")));
    assert_eq!(pending.type_name.as_deref(), Some("queue"));
    let local = local(&process, find(&recording, "local")).unwrap();
    assert_eq!((local.name.as_str(), local.field.as_deref()), ("local", Some("slots[1]")));
    let frames = process.frames(find(&recording, "local").stack[0].0);
    assert_eq!((&*frames[0].function, frames[0].origin), ("main", Origin::Unknown));

    let fixed = package.root().join("static");
    run(Command::new("cc").args(["-static", "-x", "c", "-o"]).arg(&fixed).arg("/dev/stdin").stdin({
        let source = package.root().join("empty.c");
        std::fs::write(&source, "int main(void) { return 0; }").unwrap();
        std::fs::File::open(source).unwrap()
    }));
    let refusal = Executable::read(&fixed).unwrap().require_runtime().unwrap_err();
    assert!(refusal.sentence.contains("statically linked"), "{}", refusal.sentence);
}

//! The library's constructor: reads the plan and takes charge, before anything of the program runs.

use crate::arch::syscall;
use crate::{arch, crash, entry, fault, state, sys};
use core::ffi::{CStr, c_char};
use raddle_protocol::{ENV_ANSWERS, ENV_PLAN, ENV_REPORT, Entry, Message, Plan, VERSION, frame};

#[unsafe(link_section = ".init_array")]
#[used]
static CONSTRUCTOR: extern "C" fn(i32, *const *const c_char, *const *const c_char) = construct;

/// `ADDR_NO_RANDOMIZE` of `personality(2)`.
const NO_RANDOMIZATION: u64 = 0x0004_0000;

/// Set in the environment once addresses have been asked to be fixed, so that it is tried only once.
const ENV_FIXED: &CStr = c"RADDLE_FIXED_ADDRESSES";

extern "C" fn construct(_argc: i32, argv: *const *const c_char, environment: *const *const c_char) {
    let Some(plan_descriptor) = descriptor(ENV_PLAN) else { return };
    let Some(report) = descriptor(ENV_REPORT) else { return };
    arch::probe();
    let fixed_addresses = fix_addresses(argv, environment);
    state::take_report(move_away(report));
    crate::sites::take_answers(descriptor(ENV_ANSWERS).map(move_away));
    fault::catch_panics();
    let mut bytes = sys::read_all(plan_descriptor);
    // SAFETY: a descriptor of our own.
    unsafe { syscall(libc::SYS_close, [plan_descriptor as u64, 0, 0, 0, 0, 0]) };
    let plan: Plan = match frame::decode(&mut bytes) {
        Ok(Some(plan)) => plan,
        _ => fault::die("the plan is not in this version's format: command and runtime library do not match"),
    };
    if plan.version != VERSION {
        fault::die(&format!("the plan is of version {}, this runtime of version {VERSION}", plan.version));
    }
    // SAFETY: plain prctl and setrlimit. This process ends when Raddle does; and a program that crashes hundreds of times
    // on purpose leaves no core files behind.
    unsafe {
        syscall(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as u64, libc::SIGKILL as u64, 0, 0, 0, 0]);
        let none = [0u64, 0];
        syscall(libc::SYS_setrlimit, [u64::from(libc::RLIMIT_CORE), none.as_ptr() as u64, 0, 0, 0, 0]);
    }
    clean_environment();
    leave_restartable_sequences();
    let code = match &plan.entry {
        Entry::Main => Vec::new(),
        Entry::Code(addresses) => addresses.clone(),
    };
    let unhooked = plan.unhooked.clone();
    if crate::interpose::raw::offered() {
        crate::vdso::replace();
    }
    state::take_charge(plan);
    crash::watch();
    if let Some(executable) = crate::modules::list().first() {
        crate::unhooked::arm(&unhooked, executable.base, (executable.start, executable.end));
        entry::arm(&code, executable.base);
    }
    // SAFETY: plain getpid.
    let pid = unsafe { syscall(libc::SYS_getpid, [0; 6]) } as u32;
    let hello =
        Message::Hello { version: VERSION, pid, fixed_addresses, sees_raw_syscalls: crate::interpose::raw::offered() };
    crate::explore::send(&hello);
}

/// The descriptor that an environment variable names.
fn descriptor(name: &str) -> Option<i32> {
    std::env::var(name).ok()?.parse().ok()
}

/// Makes the addresses of program, libraries and stack the same in every run, by starting the program once more without
/// address-space randomisation. Returns whether they are.
fn fix_addresses(argv: *const *const c_char, environment: *const *const c_char) -> bool {
    // SAFETY: personality only reads or sets a number; execve gets the process's own arguments.
    unsafe {
        let now = syscall(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]) as u64;
        if now & NO_RANDOMIZATION != 0 {
            return true;
        }
        if !libc::getenv(ENV_FIXED.as_ptr()).is_null() {
            return false;
        }
        if syscall(libc::SYS_personality, [now | NO_RANDOMIZATION, 0, 0, 0, 0, 0]) < 0 {
            return false;
        }
        let mut path = [0u8; 4096];
        let link = c"/proc/self/exe".as_ptr() as u64;
        let n = syscall(libc::SYS_readlink, [link, path.as_mut_ptr() as u64, path.len() as u64 - 1, 0, 0, 0]);
        if n <= 0 {
            return false;
        }
        let mut variables = Vec::new();
        let mut at = environment;
        while !(*at).is_null() {
            variables.push(*at);
            at = at.add(1);
        }
        let mark = c"RADDLE_FIXED_ADDRESSES=1";
        variables.push(mark.as_ptr());
        variables.push(core::ptr::null());
        syscall(libc::SYS_execve, [path.as_ptr() as u64, argv as u64, variables.as_ptr() as u64, 0, 0, 0]);
        false
    }
}

/// Moves a descriptor out of the way of programs that close all low ones.
pub fn move_away(descriptor: i32) -> i32 {
    const HIGH: u64 = 900;
    // SAFETY: plain fcntl and close on our own descriptor.
    unsafe {
        let high = syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_DUPFD_CLOEXEC as u64, HIGH, 0, 0, 0]);
        if high < 0 {
            return descriptor;
        }
        syscall(libc::SYS_close, [descriptor as u64, 0, 0, 0, 0, 0]);
        high as i32
    }
}

/// Ends the kernel's habit of writing the processor's number into the thread control block (rseq(2)): it would show up
/// in memory that is compared, and fail on memory that is protected.
fn leave_restartable_sequences() {
    const UNREGISTER: u64 = 1;
    const SIGNATURE: u64 = 0x5305_3053;
    // SAFETY: the C library says where its area lies; the kernel checks that it is the one registered.
    unsafe {
        let offset = libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_offset".as_ptr()) as *const isize;
        if offset.is_null() {
            return;
        }
        let area = arch::thread_pointer().wrapping_add_signed(*offset as i64);
        // The C library registers the size of the kernel's first version, or what the present one asks for.
        for size in [32, 28, 64] {
            if syscall(libc::SYS_rseq, [area, size, UNREGISTER, SIGNATURE, 0, 0]) == 0 {
                return;
            }
        }
    }
}

/// The program, and processes that it starts, see nothing of Raddle in their environment. Backtraces in panic messages
/// are off: reports carry stacks of their own, and an exploration panics often.
fn clean_environment() {
    for name in [ENV_PLAN, ENV_REPORT, ENV_ANSWERS, "RADDLE_FIXED_ADDRESSES", "LD_PRELOAD"] {
        // SAFETY: one thread, before main.
        unsafe { std::env::remove_var(name) };
    }
    // SAFETY: as above.
    unsafe { std::env::set_var("RUST_BACKTRACE", "0") };
}

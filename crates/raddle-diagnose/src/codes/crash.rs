//! RD0504: the process died of a signal.

use super::{Diagnosis, cause};
use crate::case::Case;
use crate::function;
use crate::panic::{self, Panic};
use crate::panicked;
use crate::words;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::{Crash, ThreadId};
use std::collections::BTreeMap;

/// A page: faults below this address come from a null pointer, or a field reached through one.
const FIRST_PAGE: u64 = 4096;

const NULL_POINTER: &str =
    "Publish a pointer only after what it points to has been set up, and test it where it may still be null.";

/// Describes a crash.
pub fn crashed(case: &Case<'_>, thread: ThreadId, signal: i32, address: u64, cause: Crash) -> Diagnosis {
    let mut diagnosis = Diagnosis { code: "RD0504", ..Diagnosis::default() };
    diagnosis.about.insert(thread);
    let who = case.threads.prose(thread);
    let (name, meaning) = words::signal(signal);
    let signal_name = if name == "a signal" { format!("signal {signal}") } else { name.to_owned() };
    let last = case.trace().threads.get(thread as usize).and_then(|thread| thread.last);
    let place = match cause {
        // Each abort is inside the standard library in the end.
        Crash::Abort => case.last_place_outside_std(thread),
        _ => case.innermost_place_of(last),
    };
    let at = case.at(place.as_ref());
    match cause {
        Crash::StackOverflow => overflow(case, thread, &mut diagnosis),
        Crash::Abort => abort(case, thread, &at, &mut diagnosis),
        Crash::Raised => {
            diagnosis.message = format!("crash: {who} sends {signal_name} to its own process{at}");
            diagnosis.reason.push(format!(
                "{} sent {signal_name} to its own process{at}; this signal ends a process that does not handle it.",
                words::capital(&who)
            ));
            diagnosis.fix.push("Find out from the interleaving what made it do so.".to_owned());
        }
        Crash::Signal => {
            diagnosis.message = format!("crash: {who} dies of {signal_name}{at}");
            diagnosis.reason.push(format!("{} died of {signal_name}{at}: {meaning}.", words::capital(&who)));
            memory(case, signal, address, &mut diagnosis);
        }
    }
    let label = match cause {
        Crash::StackOverflow => format!("{who} ran out of stack here"),
        Crash::Abort => format!("{who} aborted here"),
        Crash::Raised => format!("{who} sent {signal_name} here"),
        Crash::Signal => format!("{who} died of {signal_name} here"),
    };
    case.mark(&mut diagnosis.spans, place, label, true);
    let seen = case.reading.actions.iter().rev().find(|action| {
        action.thread == thread
            && case.sites.get(action.stack).user.is_some()
            && action.object.is_none_or(|object| !case.names.get(object).internal)
    });
    diagnosis.keys.extend(seen.map(|action| action.at));
    if case.context.passed > 0 {
        diagnosis.reason.push(format!(
            "Under other schedules it did not happen ({} passed so far).",
            words::count(case.context.passed, "execution")
        ));
    }
    cause::explain(case, &mut diagnosis);
    diagnosis
}

/// What is known about the faulting address.
fn memory(case: &Case<'_>, signal: i32, address: u64, diagnosis: &mut Diagnosis) {
    let faults = matches!(signal, 7 | 11);
    if faults && address < FIRST_PAGE {
        diagnosis.reason.push("The address is that of a null pointer, or of a field reached through one.".to_owned());
        diagnosis.fix.push(NULL_POINTER.to_owned());
        return;
    }
    let end = case.trace().position(case.trace().steps.len());
    let freed = case.trace().blocks.iter().rev().find(|block| {
        faults && (block.address..block.address + block.size.max(1)).contains(&address) && block.live.1 < end
    });
    if let Some(block) = freed {
        let place = block.allocated.and_then(|(_, stack)| case.place_of(Some(stack)));
        diagnosis.reason.push(format!(
            "The address lies in a heap block that had been freed{}.",
            match &place {
                Some(place) => format!("; it was allocated at {}", place.short()),
                None => String::new(),
            }
        ));
        case.mark(&mut diagnosis.spans, place, "the memory was allocated here, and freed since", false);
        diagnosis
            .fix
            .push("Keep the memory alive until every thread is done with it, for example with `Arc`.".to_owned());
        return;
    }
    diagnosis.fix.push(
        "Look at the last steps of the thread that died and at what other threads changed just before.".to_owned(),
    );
    diagnosis.notes.push(
        "Which earlier step damaged or freed what was used here, or whether it had ever been set, was not determined."
            .to_owned(),
    );
}

/// A call of `abort`, with the panic that led to it, if there was one.
fn abort(case: &Case<'_>, thread: ThreadId, at: &str, diagnosis: &mut Diagnosis) {
    let who = &case.threads.prose(thread);
    let output = String::from_utf8_lossy(&case.trace().output);
    let panics = panic::panics(&output);
    let Some(panic) = decisive(case, thread, &panics) else {
        let complaint = complaint(&output);
        let told = complaint.map_or_else(String::new, |said| format!(": {said}"));
        diagnosis.message = format!("crash: {who} aborts the process{}", if told.is_empty() { at } else { &told });
        diagnosis.reason.push(format!("{} called `abort`{at}{told}.", words::capital(who)));
        let fix = if is_out_of_memory(&output) { MORE_MEMORY } else { CHECK };
        diagnosis.fix.push(fix.to_owned());
        return;
    };
    let (place, said) = (panicked::place(case, panic), panic.headline());
    let said = said.trim_end_matches('.');
    diagnosis.message = format!("crash: {who} aborts the process: {said}");
    let at_thread_end = complaint(&output).is_some_and(|said| said.contains("thread local"));
    let is_final = output.contains(NON_UNWINDING) && !panics.iter().any(is_notice);
    let why = if at_thread_end {
        "was raised by the destructor of a thread-local variable, from where it cannot be unwound"
    } else if is_final {
        "is one that is never unwound, nor caught"
    } else {
        "could not be unwound, or a second one came while it was"
    };
    diagnosis.reason.push(format!("The panic at {}, `{said}`, {why}: the process was aborted{at}.", place.short()));
    if said.contains("null pointer") {
        diagnosis.fix.push(NULL_POINTER.to_owned());
    } else if at_thread_end {
        diagnosis.fix.push(AT_THREAD_END.to_owned());
    } else {
        diagnosis.fix.push("Find out from the interleaving which state the panic complains of.".to_owned());
        if !is_final {
            diagnosis.fix.push("Do not panic in `drop` while another panic unwinds the stack.".to_owned());
        }
    }
    if format!("{at} ").contains(&format!(" {} ", place.short())) {
        return;
    }
    let label = if panics.len() > 1 && *panic == panics[0] { "the first panic" } else { "the panic" };
    case.mark(&mut diagnosis.spans, Some(place), label, at.is_empty());
}

/// What the standard library says after a panic that it does not unwind, such as a check for undefined behaviour.
const NON_UNWINDING: &str = "thread caused non-unwinding panic";

/// Whether it is the standard library's own, which says that another one cannot be unwound.
fn is_notice(panic: &Panic) -> bool {
    let told = ["panic in a function that cannot unwind", "panic in a destructor during cleanup"];
    told.iter().any(|told| panic.message.starts_with(told))
}

/// The panic by which this thread has aborted the process: its last, unless that only says of an earlier one that it cannot be
/// unwound. Others may have been caught before.
fn decisive<'a>(case: &Case<'_>, thread: ThreadId, panics: &'a [Panic]) -> Option<&'a Panic> {
    let is_own = |panic: &&Panic| panicked::thread(case, panic).is_none_or(|of| of == thread);
    let own: Vec<&Panic> = panics.iter().filter(is_own).collect();
    match own.last() {
        Some(last) if is_notice(last) => own.first().copied(),
        Some(last) => Some(last),
        None => panics.first(),
    }
}

/// What is said to whoever finds that a destructor has panicked when its thread ended.
const AT_THREAD_END: &str = "Let the destructor of a thread-local variable do without the thread's other ones, which may be gone when it runs (`LocalKey::try_with` tells), and keep it from panicking.";

/// What is said to whoever finds that a check has aborted the process.
const CHECK: &str =
    "Find out from the interleaving which state led there; a check that aborts is usually right about it.";

/// What is said to whoever finds that an allocation was refused.
const MORE_MEMORY: &str = "An allocation was refused. Under Raddle the program's heap has a bound of its own, 4G unless `--heap` says otherwise, and memory that is never touched counts too. If the program may take so much, raise it: `--heap 16G`.";

/// Whether the standard library has aborted the process since there was no memory.
fn is_out_of_memory(output: &str) -> bool {
    let refused = |line: &str| line.starts_with("memory allocation of ") && line.ends_with(" bytes failed");
    output.lines().any(|line| refused(line.trim()))
}

/// What the standard library says before it aborts the process without a panic.
fn complaint(output: &str) -> Option<&str> {
    let line = output.lines().rev().find_map(|line| line.trim().strip_prefix("fatal runtime error: "))?;
    Some(line.trim_end_matches(", aborting"))
}

/// The recursion, if the frames show one.
fn overflow(case: &Case<'_>, thread: ThreadId, diagnosis: &mut Diagnosis) {
    let who = case.threads.prose(thread);
    let stack = case.trace().threads.get(thread as usize).and_then(|thread| thread.last);
    let frames = stack.map(|stack| case.sites.get(stack).frames.as_slice()).unwrap_or_default();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.origin == Origin::User) {
        *times.entry(function::plain(&frame.function)).or_default() += 1;
    }
    // Of equals, the one that is met first from the inside.
    let depth = |name: &String| frames.iter().position(|frame| function::plain(&frame.function) == *name);
    let recursive = times.iter().filter(|(_, times)| **times > 1);
    let recursive = recursive.max_by_key(|(name, times)| (**times, core::cmp::Reverse(depth(name))));
    match recursive {
        Some((name, times)) => {
            diagnosis.message =
                format!("crash: {who} overflows its stack, in recursive calls of `{}`", function::short(name));
            diagnosis.reason.push(format!(
                "{} used up its stack. The innermost frames that were recorded hold `{name}` {times} times: it calls itself, directly or through others, and does not come to an end in time.",
                words::capital(&who)
            ));
            diagnosis.fix.push(format!(
                "Give the recursion of `{}` a bound that also holds under this order of steps, or turn it into a loop.",
                function::short(name)
            ));
        }
        None => {
            diagnosis.message = format!("crash: {who} overflows its stack");
            diagnosis.reason.push(format!("{} used up its stack.", words::capital(&who)));
            diagnosis.fix.push("Keep large values on the heap, or give the thread a larger stack (`std::thread::Builder::stack_size`).".to_owned());
        }
    }
    diagnosis.notes.push(
        "The fault lies in the guard page below the thread's stack, so this is an overflow and no stray pointer."
            .to_owned(),
    );
}

//! Why: sentences with the numbers that the verdict rests on, and what else was noticed.

use super::Shares;
use crate::model::{Bottleneck, Measurement, Sentence, WaitLine};
use crate::state::State;
use crate::words::{bytes, count, counted, decimal, list, percent, seconds};

fn sentence(rule: &str, text: String) -> Sentence {
    Sentence { rule: rule.to_owned(), text }
}

/// What the verdict rests on, most important first.
pub(super) fn reasons(bottleneck: &Bottleneck, shares: &Shares<'_>) -> Vec<Sentence> {
    let m = shares.measurement;
    let mut all = Vec::new();
    match bottleneck {
        Bottleneck::NotEnough => return not_enough(m),
        Bottleneck::CpuSerial => {
            all.push(sentence(
                "cpu-serial",
                format!(
                    "{} of the time at least one thread computed or was ready to, and then {} of them on average: one \
                     chain of work, {}.",
                    percent(shares.computing()),
                    decimal(m.demand),
                    if m.machine.capacity < 1.0 {
                        format!("which could use one processor and may use {}", processors(m))
                    } else {
                        format!("for which one of the {} is enough", processors(m))
                    }
                ),
            ));
        }
        Bottleneck::CpuParallel => all.push(sentence(
            "cpu-parallel",
            format!(
                "{} of the time threads computed, {} of them at once on average, on {}.",
                percent(shares.computing()),
                decimal(m.demand),
                processors(m)
            ),
        )),
        Bottleneck::CpuOversubscribed => all.push(sentence(
            "cpu-oversubscribed",
            format!(
                "{} threads wanted a processor at once on average, and there are {}: threads of the program spent {} \
                 waiting for each other's processors, beside {} of computing.",
                decimal(m.demand),
                processors(m),
                seconds(m.own_queue),
                seconds(m.thread_time[State::Cpu])
            ),
        )),
        Bottleneck::Disk => all.push(waits_for(shares, State::Disk)),
        Bottleneck::Network => all.push(waits_for(shares, State::Network)),
        Bottleneck::Pipe => all.push(waits_for(shares, State::Pipe)),
        Bottleneck::Memory => all.push(memory(shares)),
        Bottleneck::Lock => all.extend(lock(shares)),
        Bottleneck::Scheduler => all.push(handovers(shares)),
        Bottleneck::Idle => all.push(idle(shares)),
        Bottleneck::Mixed(told) => {
            let parts: Vec<String> = told
                .iter()
                .filter(|(_, share)| *share >= 0.02)
                .map(|(state, share)| format!("{} {}", percent(*share), phrase(*state)))
                .collect();
            all.push(sentence("mixed", format!("No single thing dominates: {}.", list(&parts))));
        }
    }
    if let Some(state) = leading_wait(bottleneck, shares)
        && let Some(wait) = m.waits.iter().find(|wait| wait.state == state)
    {
        all.push(sentence("longest-wait", where_it_waits(wait, m)));
    }
    if shares.computing() >= 0.1
        && let Some(place) = m.running.first()
        && place.of >= 10
    {
        let function = place.stack.first().map_or("?", String::as_str);
        all.push(sentence(
            "hottest-place",
            format!(
                "Of {} of running threads, {} were in {}{}.",
                counted(place.of, "sample"),
                percent(place.seen as f64 / place.of as f64),
                code(function),
                place.stack.get(1).map_or_else(String::new, |caller| format!(", called by {}", code(caller)))
            ),
        ));
    }
    all
}

/// What else is worth knowing.
pub(super) fn remarks(bottleneck: &Bottleneck, shares: &Shares<'_>) -> Vec<Sentence> {
    let m = shares.measurement;
    let mut all = Vec::new();
    if *bottleneck == Bottleneck::NotEnough {
        return all;
    }
    let taken = m.taken_by_others / m.wall.max(1e-9);
    if taken >= 0.02 {
        all.push(sentence(
            "taken-by-others",
            format!(
                "Other programs had the processors for {} of the time ({}) in which this one was ready and did nothing \
                 else; the shares leave that out.",
                percent(taken),
                seconds(m.taken_by_others)
            ),
        ));
    }
    if m.machine.throttled > 0.0 {
        all.push(sentence(
            "throttled",
            format!(
                "The control group allows {} processors' worth of time and stopped the program {} for {} in all.",
                decimal(m.machine.quota.unwrap_or(m.machine.capacity)),
                counted(m.machine.throttled_times, "time"),
                seconds(m.machine.throttled)
            ),
        ));
    }
    if m.machine.stolen >= 0.02 {
        all.push(sentence(
            "stolen",
            format!(
                "The host of this virtual machine took {} of all processor time; it appears here as computing.",
                percent(m.machine.stolen)
            ),
        ));
    }
    let system = m.cpu.system / m.cpu.total().max(1e-9);
    if system >= 0.4 && m.cpu.total() >= 0.1 * shares.own && *bottleneck != Bottleneck::Memory {
        all.push(sentence(
            "system-time",
            format!(
                "{} of the processor time ({} of {}) was spent in the kernel, on system calls and page faults.",
                percent(system),
                seconds(m.cpu.system),
                seconds(m.cpu.total())
            ),
        ));
    }
    if m.cpu.unseen >= 0.1 * m.cpu.total() && m.cpu.unseen >= 0.05 {
        all.push(sentence(
            "short-lived",
            format!(
                "{} of the processor time ({}) was used by threads or processes that lived too short to be seen: \
                 starting so many costs more than the work that each does.",
                percent(m.cpu.unseen / m.cpu.total()),
                seconds(m.cpu.unseen)
            ),
        ));
    }
    let lock = shares.of(State::Lock);
    if lock >= 0.05 && *bottleneck != Bottleneck::Lock {
        let busiest = m.waits.iter().find(|wait| wait.state == State::Lock);
        all.push(sentence(
            "some-lock",
            format!(
                "{} of the time went to waiting for locks{}.",
                percent(lock),
                busiest.map_or_else(String::new, |wait| format!(", most of it for {}", wait.object))
            ),
        ));
    }
    if matches!(bottleneck, Bottleneck::CpuParallel | Bottleneck::CpuOversubscribed) {
        all.push(sentence(
            "useful-or-not",
            "Whether this work is useful or repeated cannot be seen from outside; --scale shows whether more processors \
             get more of it done."
                .to_owned(),
        ));
    }
    all
}

fn not_enough(m: &Measurement) -> Vec<Sentence> {
    let cpu = m.cpu.total();
    vec![
        sentence(
            "not-enough",
            format!(
                "The program was watched for {} and looked at {}; a verdict takes {} and {}.",
                seconds(m.wall),
                counted(m.sampling.ticks, "time"),
                seconds(super::ENOUGH_TIME),
                super::ENOUGH_LOOKS
            ),
        ),
        sentence(
            "counters",
            format!(
                "The kernel's counters say that it computed for {} ({} of that in the kernel){}.",
                seconds(cpu),
                percent(m.cpu.system / cpu.max(1e-9)),
                if cpu < 0.9 * m.wall { " and waited for the rest" } else { "" }
            ),
        ),
        sentence(
            "repeat",
            match m.subject.left_running.first() {
                Some(pid) => format!("What it has started runs on; watch that: raddle profile --pid {pid}"),
                None => format!(
                    "Watch many runs at once: raddle profile -- sh -c 'for i in $(seq 200); do {}; done'",
                    if m.subject.command.is_empty() { "COMMAND".to_owned() } else { m.subject.command.join(" ") }
                ),
            },
        ),
    ]
}

/// The waiting state that a verdict is about, or the largest of a mixed one.
fn leading_wait(bottleneck: &Bottleneck, shares: &Shares<'_>) -> Option<State> {
    match bottleneck {
        Bottleneck::Disk => Some(State::Disk),
        Bottleneck::Network => Some(State::Network),
        Bottleneck::Pipe => Some(State::Pipe),
        Bottleneck::Mixed(told) => told.iter().map(|(state, _)| *state).find(|state| state.is_blocked()),
        Bottleneck::Idle => shares.told().first().map(|(state, _)| *state),
        Bottleneck::CpuSerial | Bottleneck::CpuParallel => {
            shares.told().into_iter().find(|(state, share)| state.is_blocked() && *share >= 0.1).map(|(state, _)| state)
        }
        _ => None,
    }
}

fn waits_for(shares: &Shares<'_>, state: State) -> Sentence {
    let m = shares.measurement;
    let moved = match state {
        State::Disk => format!(
            " {} were read from storage and {} written to it.",
            bytes(m.counts.storage_read),
            bytes(m.counts.storage_written)
        ),
        State::Network if m.counts.connections_peak > 0 => {
            format!(" It had up to {} open.", counted(m.counts.connections_peak, "socket"))
        }
        _ => String::new(),
    };
    sentence(
        "waits",
        format!(
            "{} of the time went to waiting for {}; {} to computing.{moved}",
            percent(shares.of(state)),
            state.object(),
            percent(shares.computing())
        ),
    )
}

fn memory(shares: &Shares<'_>) -> Sentence {
    let m = shares.measurement;
    let waits = shares.of(State::PageFault);
    if waits >= super::DOMINANT {
        return sentence(
            "page-waits",
            format!(
                "{} of the time went to waiting for pages that had to be read; there were {}.",
                percent(waits),
                counted(m.counts.major_faults, "major page fault")
            ),
        );
    }
    sentence(
        "page-faults",
        format!(
            "{} in {} of computing, {} a second, and {} of the computing was done by the kernel: it mostly makes memory \
             pages, which are then given back and made again.",
            counted(m.counts.minor_faults, "page fault"),
            seconds(m.cpu.total()),
            count((m.counts.minor_faults as f64 / m.cpu.total().max(1e-9)) as u64),
            percent(m.cpu.system / m.cpu.total().max(1e-9))
        ),
    )
}

fn lock(shares: &Shares<'_>) -> Vec<Sentence> {
    let m = shares.measurement;
    let spinning = super::spinning(m);
    let waited = m.thread_time[State::Lock];
    if spinning >= super::SPINNING && shares.of(State::Lock) < super::LOCK {
        return vec![sentence(
            "spin-lock",
            format!(
                "{} of the samples of running threads were in a function that spins, with {} threads running or ready at \
                 once: most of the computing is waiting for a lock.",
                percent(spinning),
                decimal(m.demand)
            ),
        )];
    }
    let mut all = vec![sentence(
        "lock",
        format!(
            "Threads in the middle of work spent {} of their time ({} in all) waiting for locks, and {} computing.",
            percent(shares.of(State::Lock) / (1.0 - shares.idle()).max(1e-9)),
            seconds(waited),
            seconds(m.thread_time[State::Cpu])
        ),
    )];
    if let Some(busiest) = m.waits.iter().find(|wait| wait.state == State::Lock) {
        all.push(sentence("which-lock", which_lock(busiest, waited)));
    }
    all
}

fn which_lock(wait: &WaitLine, waited: f64) -> String {
    let caller = own_function(&wait.stack);
    let from = caller.map_or_else(String::new, |function| format!(", mostly in {}", code(function)));
    let name = if wait.object.starts_with("the ") { wait.object.clone() } else { format!("lock {}", wait.object) };
    format!(
        "{} of that was for {name}, in process {} (`{}`): up to {} waited for it at once{from}.",
        percent(wait.seconds / waited.max(1e-9)),
        wait.pid,
        wait.process,
        counted(wait.most_waiters, "thread")
    )
}

fn handovers(shares: &Shares<'_>) -> Sentence {
    let m = shares.measurement;
    let sleeps = m.counts.voluntary_switches as f64;
    sentence(
        "handovers",
        format!(
            "Threads went to sleep {} times a second, and each time did {} of work: the turn is handed from one to the \
             next all the time, and {} threads were running or ready at once.",
            count((sleeps / shares.own) as u64),
            seconds(m.cpu.total() / sleeps.max(1.0)),
            decimal(m.demand)
        ),
    )
}

fn idle(shares: &Shares<'_>) -> Sentence {
    let m = shares.measurement;
    let told = shares.told();
    let first = told.first().map_or(State::Other, |(state, _)| *state);
    sentence(
        "idle",
        format!(
            "{} of the time nobody worked: the program waited for {}. It computed for {} in {}.",
            percent(shares.idle()),
            first.object(),
            seconds(m.cpu.total()),
            seconds(m.wall)
        ),
    )
}

fn where_it_waits(wait: &WaitLine, m: &Measurement) -> String {
    let call = if wait.call.is_empty() { "outside of system calls".to_owned() } else { format!("in `{}`", wait.call) };
    let object = if wait.object.is_empty() { String::new() } else { format!(" on {}", wait.object) };
    let all = m.thread_time[wait.state];
    let caller =
        own_function(&wait.stack).map_or_else(String::new, |function| format!(", called from {}", code(function)));
    format!(
        "The longest of these waits: {} {call}{object} in process {} (`{}`), {} of all waiting for {}{caller}.",
        seconds(wait.seconds),
        wait.pid,
        wait.process,
        percent(wait.seconds / all.max(1e-9)),
        wait.state.object()
    )
}

/// The innermost function that is not the C library's or a language runtime's.
pub(crate) fn own_function(stack: &[String]) -> Option<&str> {
    let foreign = |function: &&String| {
        let text = function.as_str();
        ["libc.so", "libpthread", "ld-linux", "(libc-", "libc.musl"].iter().any(|file| text.contains(file))
            || [
                "std::",
                "core::",
                "alloc::",
                "<std::",
                "<core::",
                "<alloc::",
                "__",
                "syscall",
                "parking_lot",
                "_Py",
                "Py",
                "runtime.",
            ]
            .iter()
            .any(|start| text.starts_with(start))
    };
    stack.iter().find(|function| !foreign(function)).map(String::as_str)
}

/// A function in backquotes, its place outside of them.
fn code(function: &str) -> String {
    match function.rsplit_once(" (") {
        Some((name, place)) => format!("`{name}` ({place}"),
        None => format!("`{function}`"),
    }
}

fn phrase(state: State) -> String {
    match state {
        State::Cpu => "computing".to_owned(),
        other => format!("waiting for {}", other.object()),
    }
}

fn processors(m: &Measurement) -> String {
    match m.machine.quota {
        Some(quota) if quota < f64::from(m.machine.allowed) => {
            format!("{} processors' worth of time (its control group's limit)", decimal(quota))
        }
        _ => counted(u64::from(m.machine.allowed), "processor"),
    }
}

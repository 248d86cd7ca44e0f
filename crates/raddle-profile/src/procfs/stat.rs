//! `stat`, `schedstat`, `status`, `io` and `statm` of a process or thread.

/// What is used of `/proc/PID/stat`, or of a thread's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Name, up to 15 bytes; what is not UTF-8 is replaced.
    pub name: String,
    /// State letter: `R` running, `S` sleeping, `D` in disk wait, `Z` ended, `T` and `t` stopped.
    pub state: char,
    /// Parent process.
    pub parent: i32,
    /// Minor and major page faults, of the process itself.
    pub minor_faults: u64,
    /// Faults for which something had to be read.
    pub major_faults: u64,
    /// User time in clock ticks. For a process: of all its threads, those that have ended included.
    pub user: u64,
    /// System time in clock ticks.
    pub system: u64,
    /// User time in clock ticks of all children that have been waited for.
    pub children_user: u64,
    /// The same for system time.
    pub children_system: u64,
    /// Threads of the process.
    pub threads: u64,
    /// Start, in clock ticks since boot. With the number it names a process for good.
    pub started: u64,
}

/// Reads a `stat` line. The name may hold blanks and parentheses, so fields are counted from the last `)`.
pub fn stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        name,
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        minor_faults: number(7)?,
        major_faults: number(9)?,
        user: number(11)?,
        system: number(12)?,
        // These two are signed in the kernel.
        children_user: number(13).unwrap_or(0),
        children_system: number(14).unwrap_or(0),
        threads: number(17)?,
        started: number(19)?,
    })
}

/// `/proc/PID/task/TID/schedstat`: exact and cumulative, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedStat {
    /// Time on a processor.
    pub run: u64,
    /// Time in the run queue, counted when it ends.
    pub queued: u64,
    /// How often the thread was put on a processor.
    pub slices: u64,
}

/// Reads `schedstat`.
pub fn schedstat(bytes: &[u8]) -> Option<SchedStat> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().ok());
    let mut next = || numbers.next().flatten();
    Some(SchedStat { run: next()?, queued: next()?, slices: next()? })
}

/// What is used of `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Effective user of the process.
    pub user: Option<u32>,
    /// Times the thread has slept or yielded.
    pub voluntary: u64,
    /// Times another thread was put in its place.
    pub involuntary: u64,
    /// Resident memory, bytes.
    pub resident: u64,
    /// Its highest value, bytes.
    pub resident_peak: u64,
    /// Memory in swap space, bytes.
    pub swapped: u64,
}

/// Reads `status`.
pub fn status(bytes: &[u8]) -> Status {
    let text = String::from_utf8_lossy(bytes);
    let mut status = Status::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let first = || value.split_ascii_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        match key {
            "Uid" => status.user = value.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok()),
            "VmRSS" => status.resident = first() * 1024,
            "VmHWM" => status.resident_peak = first() * 1024,
            "VmSwap" => status.swapped = first() * 1024,
            "voluntary_ctxt_switches" => status.voluntary = first(),
            "nonvoluntary_ctxt_switches" => status.involuntary = first(),
            _ => {}
        }
    }
    status
}

/// What is used of `/proc/PID/io`, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// Read by system calls, from caches too.
    pub read: u64,
    /// Written by system calls.
    pub written: u64,
    /// Fetched from storage.
    pub storage_read: u64,
    /// Sent to storage.
    pub storage_written: u64,
}

/// Reads `io`.
pub fn io(bytes: &[u8]) -> Io {
    let text = String::from_utf8_lossy(bytes);
    let mut io = Io::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().parse().unwrap_or(0);
        match key {
            "rchar" => io.read = value,
            "wchar" => io.written = value,
            "read_bytes" => io.storage_read = value,
            "write_bytes" => io.storage_written = value,
            _ => {}
        }
    }
    io
}

/// Migrations between processors, from a thread's `sched`. Kernels without scheduler debugging have no such file.
pub fn migrations(bytes: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().find(|line| line.starts_with("se.nr_migrations"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The newest process or thread number, from `/proc/loadavg`: while it stays the same, nobody on the machine has been
/// born.
pub fn newest(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.split_ascii_whitespace().nth(4)?.parse().ok()
}

/// Time in which processors were busy, and all time, in clock ticks, from `/proc/stat`.
pub fn busy(bytes: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).take(8).collect();
    let all: u64 = numbers.iter().sum();
    let idle = numbers.get(3)? + numbers.get(4)?;
    Some((all - idle, all))
}

/// Time stolen from this machine by others on the same host, and all time, in clock ticks, from `/proc/stat`.
pub fn stolen(bytes: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    // Guest time is contained in user time.
    Some((*numbers.get(7)?, numbers.iter().take(8).sum()))
}

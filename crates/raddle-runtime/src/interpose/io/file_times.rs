//! Times of files, as the program's own clock has them.
//!
//! The kernel stamps a file with the machine's time, which goes on where virtual time stands still: a file that was just
//! written would seem to come from the future, and from another moment in each execution. So what has changed since
//! executions began bears the virtual time of the call that changed it.
//!
//! Not seen: what is written through a mapping, a duplicated descriptor or `pwrite`, or by another process, and what becomes of
//! directories. These bear the time at which the file was opened last to be written, or at which executions began.

use crate::arch::syscall;
use crate::effects::changes_files;
use crate::interpose::output::answer;
use crate::state::{executing, rt};
use core::ffi::c_char;
use core::mem::MaybeUninit;
use libc::{AT_EMPTY_PATH, S_IFMT, S_IFREG, UTIME_NOW, UTIME_OMIT, timespec};

/// A file: its device and its number there.
type File = (u64, u64);

/// When a file was made and changed, in nanoseconds since the execution began.
#[derive(Clone, Copy)]
struct Stamp {
    made: u64,
    changed: u64,
    /// The program has set its times itself.
    is_set: bool,
}

/// What the program has done to files in the present execution.
#[derive(Clone, Default)]
pub struct FileTimes {
    /// Descriptors of files that are open to be written.
    open: Vec<(i32, File)>,
    stamps: Vec<(File, Stamp)>,
}

impl FileTimes {
    /// A descriptor is about to be closed.
    pub fn closed(&mut self, descriptor: i32) {
        self.open.retain(|(open, _)| *open != descriptor);
    }

    fn stamp(&self, file: File) -> Option<&Stamp> {
        self.stamps.iter().find(|(known, _)| *known == file).map(|(_, stamp)| stamp)
    }

    /// The file is changed now; `made` says that it was made now, where nothing is known of it.
    fn change(&mut self, file: File, made: bool) -> &mut Stamp {
        let now = rt().execution.schedule.now_ns();
        let at = self.stamps.iter().position(|(known, _)| *known == file).unwrap_or_else(|| {
            let made = if made { now } else { 0 };
            self.stamps.push((file, Stamp { made, changed: now, is_set: false }));
            self.stamps.len() - 1
        });
        let stamp = &mut self.stamps[at].1;
        (stamp.changed, stamp.is_set) = (now, false);
        stamp
    }
}

/// The machine's date when the runtime took charge of the process, as the kernel stamps files: in nanoseconds since 1970.
static mut BEGAN_NS: u64 = 0;

/// The runtime takes charge: what is changed from now on, the program has changed.
pub fn begin() {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [libc::CLOCK_REALTIME_COARSE as u64, &raw mut now as u64, 0, 0, 0, 0];
    // SAFETY: a time to be filled in; one thread.
    unsafe {
        syscall(libc::SYS_clock_gettime, args);
        BEGAN_NS = nanoseconds(now.tv_sec, now.tv_nsec);
    }
}

/// Whether this is a time at which the runtime was in charge.
fn is_recent(time: u64) -> bool {
    // SAFETY: one thread.
    time >= unsafe { BEGAN_NS }
}

/// Whether times of files are other than the kernel has them.
fn are_virtual() -> bool {
    executing() && !rt().plan.world.real_time
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanoseconds as u64)
}

/// The file behind a descriptor, or at a path from there on.
fn stat(directory: i32, path: *const c_char, flags: i32) -> Option<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    let (path, flags) = if path.is_null() { (c"".as_ptr(), AT_EMPTY_PATH) } else { (path, flags) };
    let args = [directory as u64, path as u64, stat.as_mut_ptr() as u64, flags as u64, 0, 0];
    // SAFETY: the kernel's own structure, which it fills in if it answers so.
    unsafe { (syscall(libc::SYS_newfstatat, args) == 0).then(|| stat.assume_init()) }
}

/// A file has been opened with these flags.
pub fn opened(descriptor: i32, flags: i32) {
    if !are_virtual() || flags & libc::O_ACCMODE == libc::O_RDONLY {
        return;
    }
    let Some(stat) = stat(descriptor, core::ptr::null(), 0).filter(|stat| stat.st_mode & S_IFMT == S_IFREG) else {
        return;
    };
    let file = (stat.st_dev, stat.st_ino);
    let times = &mut rt().execution.io.file_times;
    times.open.push((descriptor, file));
    let is_new = flags & libc::O_CREAT != 0
        && is_recent(nanoseconds(stat.st_ctime, stat.st_ctime_nsec))
        && times.stamp(file).is_none();
    if is_new || flags & libc::O_TRUNC != 0 {
        times.change(file, is_new);
    }
}

/// Something has been written to a descriptor.
pub fn written(descriptor: i32) {
    let times = &mut rt().execution.io.file_times;
    let open = times.open.iter().find(|(open, _)| *open == descriptor);
    if let Some((_, file)) = open.copied() {
        times.change(file, false);
    }
}

/// A time that the kernel tells of a file, as the program sees it: in seconds and nanoseconds. No file is from the future, but
/// for what the program says of it.
fn shown(file: File, (seconds, rest): (i64, i64), made: bool) -> (i64, i64) {
    let (time, epoch) = (nanoseconds(seconds, rest), rt().plan.epoch_ns);
    let stamp = rt().execution.io.file_times.stamp(file);
    if time < epoch && !is_recent(time) || stamp.is_some_and(|stamp| stamp.is_set && !made) {
        return (seconds, rest);
    }
    let since = stamp.map_or(0, |stamp| if made { stamp.made } else { stamp.changed });
    let time = epoch.saturating_add(since);
    ((time / 1_000_000_000) as i64, (time % 1_000_000_000) as i64)
}

/// The kernel has told this of a file.
pub fn told(stat: &mut libc::stat) {
    if !are_virtual() {
        return;
    }
    let file = (stat.st_dev, stat.st_ino);
    (stat.st_atime, stat.st_atime_nsec) = shown(file, (stat.st_atime, stat.st_atime_nsec), false);
    (stat.st_mtime, stat.st_mtime_nsec) = shown(file, (stat.st_mtime, stat.st_mtime_nsec), false);
    (stat.st_ctime, stat.st_ctime_nsec) = shown(file, (stat.st_ctime, stat.st_ctime_nsec), false);
}

/// As [`told`], in another form.
pub fn told_at_length(stat: &mut libc::statx) {
    if !are_virtual() {
        return;
    }
    let file = (libc::makedev(stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino);
    let show = |time: &mut libc::statx_timestamp, made: bool| {
        let (seconds, rest) = shown(file, (time.tv_sec, time.tv_nsec.into()), made);
        (time.tv_sec, time.tv_nsec) = (seconds, rest as u32);
    };
    show(&mut stat.stx_atime, false);
    show(&mut stat.stx_mtime, false);
    show(&mut stat.stx_ctime, false);
    show(&mut stat.stx_btime, true);
}

/// `utimensat`: what is to be the present is the program's.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn utimensat(directory: i32, path: *const c_char, times: *const timespec, flags: i32) -> i32 {
    changes_files("it sets the times of a file");
    let args = [directory as u64, path as u64, times as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    let (result, changed) = unsafe {
        let changed = if times.is_null() { UTIME_NOW } else { (*times.add(1)).tv_nsec };
        (answer(syscall(libc::SYS_utimensat, args)) as i32, changed)
    };
    super::polling::changed();
    if result == 0
        && changed != UTIME_OMIT
        && are_virtual()
        && let Some(stat) = stat(directory, path, flags)
    {
        let stamp = rt().execution.io.file_times.change((stat.st_dev, stat.st_ino), false);
        stamp.is_set = changed != UTIME_NOW;
    }
    result
}

/// `futimens`.
///
/// # Safety
/// See [`utimensat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn futimens(descriptor: i32, times: *const timespec) -> i32 {
    // SAFETY: the caller's.
    unsafe { utimensat(descriptor, core::ptr::null(), times, 0) }
}

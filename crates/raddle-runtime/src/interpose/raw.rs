//! System calls that reach the kernel without one of the functions that the runtime stands in front of: the C library's
//! own internal calls, and programs that make system calls themselves.
//!
//! While the program runs, the kernel turns every system call made from outside the runtime's own code into a signal
//! (`PR_SET_SYSCALL_USER_DISPATCH`, Linux 5.11), and the handler performs it through the same functions that stand in
//! front of the C library's. Where the kernel has no such facility, these calls go unseen.

use super::io::{epoll, file_locks, file_times, nodelay, receiving, select, sending, sockets, timers};
use super::signals::{actions, delivery, masks, outside, sending as signalling, waiting};
use super::{alarms, clock, descriptors, files, ipc, looks, machine, memory, process, random, threads};
use crate::arch::{self, syscall};
use crate::effects::{changes_files, irreversible};
use crate::order;
use core::ffi::{c_char, c_void};

/// Read by the kernel at each system call: whether to let it through.
static mut SELECTOR: u8 = ALLOW;
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;

/// Whether the facility is there.
static mut AVAILABLE: bool = false;

/// Installs the handler.
pub fn prepare() {
    extern "C" fn handler(_signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
        /// `SYS_USER_DISPATCH`.
        const USER_DISPATCH: i32 = 2;
        // SAFETY: the kernel's own structures.
        unsafe {
            if (*info).si_code == USER_DISPATCH {
                on_call(&mut *(context as *mut libc::ucontext_t));
            } else {
                crate::crash::die_of(libc::SIGSYS);
            }
        }
    }
    // SAFETY: the kernel's own structure: handler, flags, restorer, mask. The handler runs on the program's own stack,
    // since it may switch to another thread.
    unsafe {
        let flags = (libc::SA_SIGINFO | libc::SA_NODEFER | arch::SA_RESTORER) as u64;
        let action = [handler as *const () as u64, flags, arch::signal_return as *const () as u64, 0];
        syscall(libc::SYS_rt_sigaction, [libc::SIGSYS as u64, action.as_ptr() as u64, 0, 8, 0, 0]);
    }
}

/// Has the kernel hand over the system calls of this process; again after a fork. `own` is the runtime's own code.
pub fn arm(own: (u64, u64)) -> bool {
    const SET_DISPATCH: u64 = 59;
    const ON: u64 = 1;
    // SAFETY: the selector is never moved.
    unsafe {
        let args = [SET_DISPATCH, ON, own.0, own.1 - own.0, &raw const SELECTOR as u64, 0];
        AVAILABLE = syscall(libc::SYS_prctl, args) == 0;
        AVAILABLE
    }
}

/// Whether this kernel has the facility.
pub fn offered() -> bool {
    const SET_DISPATCH: u64 = 59;
    const OFF: u64 = 0;
    // SAFETY: turns off what is not on.
    unsafe { syscall(libc::SYS_prctl, [SET_DISPATCH, OFF, 0, 0, 0, 0]) == 0 }
}

/// The program runs from here on, or has stopped running.
#[inline]
pub fn watch(on: bool) {
    // SAFETY: one thread.
    unsafe { SELECTOR = if on && AVAILABLE { BLOCK } else { ALLOW } };
}

/// Makes calls of the C library that start processes, whose inner workings cannot be performed by somebody else.
pub fn unwatched<R>(call: impl FnOnce() -> R) -> R {
    // SAFETY: one thread.
    unsafe {
        let before = SELECTOR;
        SELECTOR = ALLOW;
        let result = call();
        SELECTOR = before;
        result
    }
}

unsafe fn on_call(context: &mut libc::ucontext_t) {
    let (number, args) = arch::call_of(context);
    match number {
        // The frame of the signal that is returned from lies where the stack pointer points.
        libc::SYS_rt_sigreturn => arch::go_on_at(context, arch::signal_return as *const () as u64),
        libc::SYS_clone | libc::SYS_clone3 | libc::SYS_fork | libc::SYS_vfork => {
            changes_files("it starts another process");
            // From here on, nothing of this execution is seen any more: a child would not find its way back.
            watch(false);
            arch::repeat_call(context);
        }
        _ => {
            let errno = errno();
            // SAFETY: the program's own call.
            let answer = unsafe { perform(number, args) };
            crate::sys::set_errno(errno);
            arch::answer_call(context, answer);
        }
    }
}

fn errno() -> i32 {
    // SAFETY: the running thread's own.
    unsafe { *libc::__errno_location() }
}

/// The answer of a C function in the kernel's form.
fn kernel(result: i64) -> i64 {
    if result == -1 { -i64::from(errno()) } else { result }
}

/// A call that makes a descriptor.
unsafe fn opens(number: i64, args: [u64; 6]) -> i64 {
    // SAFETY: the program's own call.
    let result = unsafe { syscall(number, args) };
    if result >= 0 {
        crate::effects::opened(result as i32);
    }
    result
}

/// Performs a system call of the program's.
///
/// # Safety
/// As the system call.
pub unsafe fn perform(number: i64, args: [u64; 6]) -> i64 {
    let [a, b, c, d, e, f] = args;
    let fd = a as i32;
    let path = a as *const c_char;
    // SAFETY: the program's own call, with its own arguments.
    unsafe {
        match number {
            libc::SYS_write => kernel(sending::write(fd, b as *const u8, c as usize) as i64),
            libc::SYS_writev => kernel(sending::writev(fd, b as *const libc::iovec, c as i32) as i64),
            libc::SYS_sendto => {
                let to = (e as *const libc::sockaddr, f as u32);
                kernel(sending::sendto(fd, b as *const c_void, c as usize, d as i32, to.0, to.1) as i64)
            }
            libc::SYS_sendmsg => kernel(sending::sendmsg(fd, b as *const libc::msghdr, c as i32) as i64),
            libc::SYS_sendmmsg => kernel(sending::sendmmsg(fd, b as *mut libc::mmsghdr, c as u32, d as i32).into()),
            libc::SYS_splice | libc::SYS_copy_file_range => sending::transfer(number, args, fd, c as i32, [b, d]),
            libc::SYS_tee => sending::transfer(number, args, fd, b as i32, [0, 0]),
            libc::SYS_sendfile => sending::transfer(number, args, b as i32, fd, [c, 0]),
            libc::SYS_pwrite64 | libc::SYS_pwritev | libc::SYS_pwritev2 | libc::SYS_ftruncate | libc::SYS_fallocate => {
                sending::before(fd);
                let answer = syscall(number, args);
                super::io::polling::changed();
                answer
            }
            libc::SYS_pread64 => {
                receiving::before(fd, "pread");
                super::io::polling::will_write(b as *mut c_void, c as usize);
                syscall(number, args)
            }
            libc::SYS_preadv | libc::SYS_preadv2 => {
                receiving::before(fd, "preadv");
                receiving::will_write_parts(b as *const libc::iovec, (c as i32).max(0) as usize);
                syscall(number, args)
            }
            libc::SYS_read => kernel(receiving::read(fd, b as *mut c_void, c as usize) as i64),
            libc::SYS_readv => kernel(receiving::readv(fd, b as *const libc::iovec, c as i32) as i64),
            libc::SYS_recvfrom => {
                let from = (e as *mut libc::sockaddr, f as *mut u32);
                kernel(receiving::recvfrom(fd, b as *mut c_void, c as usize, d as i32, from.0, from.1) as i64)
            }
            libc::SYS_recvmsg => kernel(receiving::recvmsg(fd, b as *mut libc::msghdr, c as i32) as i64),
            libc::SYS_recvmmsg => {
                let messages = b as *mut libc::mmsghdr;
                kernel(receiving::recvmmsg(fd, messages, c as u32, d as i32, e as *mut libc::timespec).into())
            }
            libc::SYS_accept | libc::SYS_accept4 => {
                let flags = if number == libc::SYS_accept { 0 } else { d as i32 };
                kernel(sockets::accept4(fd, b as *mut libc::sockaddr, c as *mut u32, flags).into())
            }
            libc::SYS_bind => kernel(sockets::bind(fd, b as *const libc::sockaddr, c as u32).into()),
            libc::SYS_listen => kernel(sockets::listen(fd, b as i32).into()),
            libc::SYS_connect => kernel(sockets::connect(fd, b as *const libc::sockaddr, c as u32).into()),
            libc::SYS_getsockname => kernel(sockets::getsockname(fd, b as *mut libc::sockaddr, c as *mut u32).into()),
            libc::SYS_getpeername => kernel(sockets::getpeername(fd, b as *mut libc::sockaddr, c as *mut u32).into()),
            libc::SYS_setsockopt => nodelay::setsockopt(args),
            libc::SYS_getsockopt => nodelay::getsockopt(args),
            libc::SYS_shutdown => kernel(sockets::shutdown(fd, b as i32).into()),
            libc::SYS_poll => kernel(select::poll(a as *mut libc::pollfd, b, c as i32).into()),
            libc::SYS_ppoll => {
                kernel(select::ppoll(a as *mut libc::pollfd, b, c as *const _, d as *const c_void).into())
            }
            libc::SYS_select => {
                let sets = (b as *mut libc::fd_set, c as *mut libc::fd_set, d as *mut libc::fd_set);
                kernel(select::select(fd, sets.0, sets.1, sets.2, e as *mut libc::timeval).into())
            }
            libc::SYS_pselect6 => {
                let sets = (b as *mut libc::fd_set, c as *mut libc::fd_set, d as *mut libc::fd_set);
                // The sixth argument points to the mask and its size.
                let mask = (f as *const *const libc::sigset_t).as_ref().map_or(core::ptr::null(), |mask| *mask);
                kernel(select::pselect(fd, sets.0, sets.1, sets.2, e as *const libc::timespec, mask).into())
            }
            libc::SYS_epoll_wait => {
                kernel(epoll::epoll_wait(fd, b as *mut libc::epoll_event, c as i32, d as i32).into())
            }
            libc::SYS_epoll_pwait => {
                let (events, mask) = (b as *mut libc::epoll_event, e as *const c_void);
                kernel(epoll::epoll_pwait(fd, events, c as i32, d as i32, mask).into())
            }
            libc::SYS_epoll_pwait2 => {
                let events = b as *mut libc::epoll_event;
                kernel(epoll::epoll_pwait2(fd, events, c as i32, d as *const _, e as *const c_void).into())
            }
            libc::SYS_epoll_ctl => kernel(epoll::epoll_ctl(fd, b as i32, c as i32, d as *mut libc::epoll_event).into()),
            libc::SYS_timerfd_create => kernel(timers::timerfd_create(fd, b as i32).into()),
            libc::SYS_timerfd_settime => {
                let (new, old) = (c as *const libc::itimerspec, d as *mut libc::itimerspec);
                kernel(timers::timerfd_settime(fd, b as i32, new, old).into())
            }
            libc::SYS_timerfd_gettime => kernel(timers::timerfd_gettime(fd, b as *mut libc::itimerspec).into()),
            libc::SYS_open => kernel(files::open(path, b as i32, c as u32).into()),
            libc::SYS_openat => kernel(files::openat(fd, b as *const c_char, c as i32, d as u32).into()),
            libc::SYS_creat => kernel(files::creat(path, b as u32).into()),
            libc::SYS_mkdir => kernel(files::mkdir(path, b as u32).into()),
            libc::SYS_mkdirat => kernel(files::mkdirat(fd, b as *const c_char, c as u32).into()),
            libc::SYS_rmdir => kernel(files::rmdir(path).into()),
            libc::SYS_unlink => kernel(files::unlink(path).into()),
            libc::SYS_unlinkat => kernel(files::unlinkat(fd, b as *const c_char, c as i32).into()),
            libc::SYS_rename => kernel(files::rename(path, b as *const c_char).into()),
            libc::SYS_renameat => kernel(files::renameat(fd, b as *const c_char, c as i32, d as *const c_char).into()),
            libc::SYS_renameat2 => {
                kernel(files::renameat2(fd, b as *const c_char, c as i32, d as *const c_char, e as u32).into())
            }
            libc::SYS_link => kernel(files::link(path, b as *const c_char).into()),
            libc::SYS_linkat => {
                kernel(files::linkat(fd, b as *const c_char, c as i32, d as *const c_char, e as i32).into())
            }
            libc::SYS_symlink => kernel(files::symlink(path, b as *const c_char).into()),
            libc::SYS_symlinkat => kernel(files::symlinkat(path, b as i32, c as *const c_char).into()),
            libc::SYS_stat => kernel(looks::stat(path, b as *mut libc::stat).into()),
            libc::SYS_fstat => kernel(looks::fstat(fd, b as *mut libc::stat).into()),
            libc::SYS_utimensat => {
                kernel(file_times::utimensat(fd, b as *const c_char, c as *const libc::timespec, d as i32).into())
            }
            libc::SYS_lstat => kernel(looks::lstat(path, b as *mut libc::stat).into()),
            libc::SYS_newfstatat => {
                kernel(looks::fstatat(fd, b as *const c_char, c as *mut libc::stat, d as i32).into())
            }
            libc::SYS_statx => {
                kernel(looks::statx(fd, b as *const c_char, c as i32, d as u32, e as *mut libc::statx).into())
            }
            libc::SYS_access => kernel(looks::access(path, b as i32).into()),
            libc::SYS_faccessat => kernel(looks::faccessat(fd, b as *const c_char, c as i32, 0).into()),
            libc::SYS_faccessat2 => kernel(looks::faccessat(fd, b as *const c_char, c as i32, d as i32).into()),
            libc::SYS_close => kernel(descriptors::close(fd).into()),
            libc::SYS_close_range => kernel(descriptors::close_range(a as u32, b as u32, c as i32).into()),
            libc::SYS_flock => kernel(file_locks::flock(fd, b as i32).into()),
            libc::SYS_dup2 => kernel(descriptors::dup2(fd, b as i32).into()),
            libc::SYS_dup3 => kernel(descriptors::dup3(fd, b as i32, c as i32).into()),
            libc::SYS_fcntl => kernel(descriptors::fcntl(fd, b as i32, c).into()),
            libc::SYS_pipe => kernel(descriptors::pipe2(a as *mut i32, 0).into()),
            libc::SYS_pipe2 => kernel(descriptors::pipe2(a as *mut i32, b as i32).into()),
            libc::SYS_socketpair => kernel(descriptors::socketpair(fd, b as i32, c as i32, d as *mut i32).into()),
            libc::SYS_dup
            | libc::SYS_socket
            | libc::SYS_eventfd
            | libc::SYS_eventfd2
            | libc::SYS_epoll_create
            | libc::SYS_epoll_create1
            | libc::SYS_inotify_init1
            | libc::SYS_pidfd_open
            | libc::SYS_memfd_create => opens(number, args),
            libc::SYS_mmap => {
                let (address, protection, flags) = (a as *mut c_void, c as i32, d as i32);
                let got = memory::mmap(address, b as usize, protection, flags, args[4] as i32, args[5] as i64);
                kernel(got as i64)
            }
            libc::SYS_munmap => kernel(memory::munmap(a as *mut c_void, b as usize).into()),
            libc::SYS_mprotect => kernel(memory::mprotect(a as *mut c_void, b as usize, c as i32).into()),
            libc::SYS_mremap => {
                let (old, new) = (b as usize, c as usize);
                kernel(memory::mremap(a as *mut c_void, old, new, d as i32, args[4] as *mut c_void) as i64)
            }
            libc::SYS_brk if a != 0 => {
                irreversible("it moves the program break");
                syscall(number, args)
            }
            libc::SYS_sched_yield => threads::sched_yield().into(),
            libc::SYS_getrandom => random::fill(a as *mut u8, b as usize) as i64,
            libc::SYS_clock_gettime => clock::gettime(fd, b as *mut libc::timespec),
            libc::SYS_gettimeofday => kernel(clock::gettimeofday(a as *mut libc::timeval, b as *mut c_void).into()),
            libc::SYS_time => clock::time(a as *mut i64),
            libc::SYS_nanosleep => kernel(clock::nanosleep(a as *const _, b as *mut _).into()),
            libc::SYS_clock_nanosleep => -i64::from(clock::clock_nanosleep(fd, b as i32, c as *const _, d as *mut _)),
            libc::SYS_getcpu => machine::getcpu(a as *mut u32, b as *mut u32),
            libc::SYS_sched_getaffinity => machine::affinity(b as usize, c as *mut u8),
            libc::SYS_kill => kernel(signalling::kill(fd, b as i32).into()),
            libc::SYS_tgkill => kernel(signalling::tgkill(fd, b as i32, c as i32).into()),
            libc::SYS_tkill => signalling::to_thread(fd, b as i32),
            libc::SYS_rt_sigaction => actions::raw(fd, b as *const [u64; 4], c as *mut [u64; 4]),
            libc::SYS_rt_sigprocmask => masks::raw(fd, b as *const u64, c as *mut u64),
            libc::SYS_rt_sigpending => {
                *(a as *mut u64) = delivery::pending();
                0
            }
            libc::SYS_rt_sigtimedwait => {
                waiting::timed(*(a as *const u64), b as *mut libc::siginfo_t, c as *const libc::timespec)
            }
            libc::SYS_rt_sigsuspend => kernel(waiting::sigsuspend(a as *const libc::sigset_t).into()),
            libc::SYS_pause => kernel(waiting::pause().into()),
            libc::SYS_signalfd4 => waiting::descriptor(fd, b as *const u64, d as i32),
            libc::SYS_alarm => alarms::alarm(a as u32).into(),
            libc::SYS_setitimer => kernel(alarms::setitimer(fd, b as *const _, c as *mut _).into()),
            libc::SYS_getitimer => kernel(alarms::getitimer(fd, b as *mut _).into()),
            libc::SYS_wait4 => kernel(process::waitpid(fd, b as *mut i32, c as i32).into()),
            libc::SYS_waitid => kernel(process::waitid(a as u32, b as u32, c as *mut libc::siginfo_t, d as i32).into()),
            libc::SYS_semget => kernel(ipc::semget(fd, b as i32, c as i32).into()),
            libc::SYS_semop => kernel(ipc::semop(fd, b as *mut libc::sembuf, c as usize).into()),
            libc::SYS_semtimedop => {
                kernel(ipc::semtimedop(fd, b as *mut libc::sembuf, c as usize, d as *const libc::timespec).into())
            }
            libc::SYS_semctl => ipc::control(args),
            libc::SYS_futex | libc::SYS_exit | libc::SYS_exit_group | libc::SYS_gettid | libc::SYS_membarrier => {
                super::futex::dispatch(number, args)
            }
            number => {
                if matches!(number, libc::SYS_shmget | libc::SYS_msgget) {
                    ipc::keep_apart();
                } else if !HARMLESS.contains(&number) {
                    changes_files(&what(number));
                }
                order::released(order::INPUT_OUTPUT);
                let mut answer = syscall(number, args);
                // Threads do not signal each other while the kernel works: it is the watchdog that has interrupted the call.
                while answer == -i64::from(libc::EINTR) && !outside::has_arrived() {
                    answer = syscall(number, args);
                }
                order::acquired(order::INPUT_OUTPUT);
                super::io::polling::changed();
                answer
            }
        }
    }
}

/// What a call that cannot be undone does, as a report says it.
fn what(number: i64) -> String {
    let known = [
        (libc::SYS_truncate, "it changes a file's size"),
        (libc::SYS_chdir, "it changes the working directory"),
        (libc::SYS_fchdir, "it changes the working directory"),
        (libc::SYS_execve, "it replaces itself by another program"),
        (libc::SYS_execveat, "it replaces itself by another program"),
    ];
    match known.iter().find(|(call, _)| *call == number) {
        Some((_, what)) => (*what).to_owned(),
        None => format!("it makes system call {number}, whose effects Raddle does not know how to undo"),
    }
}

/// Calls that change nothing, or nothing that lasts longer than the descriptors they work on.
const HARMLESS: [i64; 34] = [
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_getdents64,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getpgrp,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrlimit,
    libc::SYS_prlimit64,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_ioctl,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_brk,
    libc::SYS_sigaltstack,
    libc::SYS_arch_prctl,
    libc::SYS_prctl,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
];

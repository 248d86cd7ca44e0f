//! System calls by number: their names and what kind of waiting happens in them.

/// What kind of waiting a system call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Family {
    /// Reads from its first argument, a descriptor.
    Read,
    /// Writes to its first argument, a descriptor.
    Write,
    Connect,
    Accept,
    /// Works on paths or directories.
    FileSystem,
    /// Makes the contents of a descriptor durable.
    Sync,
    Poll,
    Select,
    Epoll,
    Futex,
    Sleep,
    Child,
    Signal,
    FileLock,
    /// System V semaphores.
    Semaphore,
    /// System V and POSIX message queues.
    Queue,
    /// Changes the memory map, which takes a lock that all threads share.
    MemoryMap,
    IoUring,
    /// Goes on with what a signal has interrupted.
    Restart,
    Other,
}

use Family::{
    Accept, Child, Connect, Epoll, FileLock, FileSystem, Futex, IoUring, MemoryMap, Other, Poll, Queue, Read, Restart,
    Select, Semaphore, Signal, Sleep, Sync, Write,
};

macro_rules! table {
    ($($number:ident $name:literal $family:ident),* $(,)?) => {
        &[$((libc::$number, $name, $family)),*]
    };
}

/// Calls that every Linux has.
const COMMON: &[(libc::c_long, &str, Family)] = table![
    SYS_read "read" Read, SYS_readv "readv" Read, SYS_pread64 "pread64" Read, SYS_preadv "preadv" Read,
    SYS_preadv2 "preadv2" Read, SYS_recvfrom "recvfrom" Read, SYS_recvmsg "recvmsg" Read,
    SYS_recvmmsg "recvmmsg" Read, SYS_copy_file_range "copy_file_range" Read, SYS_getdents64 "getdents64" Read,
    SYS_splice "splice" Read, SYS_tee "tee" Read, SYS_ioctl "ioctl" Read,
    SYS_write "write" Write, SYS_writev "writev" Write, SYS_pwrite64 "pwrite64" Write, SYS_pwritev "pwritev" Write,
    SYS_pwritev2 "pwritev2" Write, SYS_sendto "sendto" Write, SYS_sendmsg "sendmsg" Write,
    SYS_sendmmsg "sendmmsg" Write, SYS_sendfile "sendfile" Write, SYS_vmsplice "vmsplice" Write,
    SYS_connect "connect" Connect, SYS_accept "accept" Accept, SYS_accept4 "accept4" Accept,
    SYS_fsync "fsync" Sync, SYS_fdatasync "fdatasync" Sync, SYS_sync "sync" Sync, SYS_syncfs "syncfs" Sync,
    SYS_sync_file_range "sync_file_range" Sync, SYS_msync "msync" Sync, SYS_fallocate "fallocate" Sync,
    SYS_ftruncate "ftruncate" Sync, SYS_readahead "readahead" Sync, SYS_fadvise64 "fadvise64" Sync,
    SYS_close "close" Sync, SYS_fstat "fstat" Sync, SYS_lseek "lseek" Sync,
    SYS_openat "openat" FileSystem, SYS_openat2 "openat2" FileSystem, SYS_newfstatat "newfstatat" FileSystem,
    SYS_statx "statx" FileSystem, SYS_unlinkat "unlinkat" FileSystem, SYS_renameat2 "renameat2" FileSystem,
    SYS_mkdirat "mkdirat" FileSystem, SYS_linkat "linkat" FileSystem, SYS_symlinkat "symlinkat" FileSystem,
    SYS_readlinkat "readlinkat" FileSystem, SYS_faccessat "faccessat" FileSystem,
    SYS_faccessat2 "faccessat2" FileSystem, SYS_truncate "truncate" FileSystem, SYS_chdir "chdir" FileSystem,
    SYS_execve "execve" FileSystem, SYS_execveat "execveat" FileSystem, SYS_io_getevents "io_getevents" FileSystem,
    SYS_ppoll "ppoll" Poll, SYS_pselect6 "pselect6" Select, SYS_epoll_pwait "epoll_pwait" Epoll,
    SYS_epoll_pwait2 "epoll_pwait2" Epoll,
    SYS_futex "futex" Futex, SYS_futex_waitv "futex_waitv" Other,
    SYS_nanosleep "nanosleep" Sleep, SYS_clock_nanosleep "clock_nanosleep" Sleep,
    SYS_wait4 "wait4" Child, SYS_waitid "waitid" Child, SYS_clone "clone" Child, SYS_clone3 "clone3" Child,
    SYS_rt_sigtimedwait "rt_sigtimedwait" Signal, SYS_rt_sigsuspend "rt_sigsuspend" Signal,
    SYS_flock "flock" FileLock, SYS_fcntl "fcntl" FileLock,
    SYS_semop "semop" Semaphore, SYS_semtimedop "semtimedop" Semaphore,
    SYS_msgrcv "msgrcv" Queue, SYS_msgsnd "msgsnd" Queue, SYS_mq_timedreceive "mq_timedreceive" Queue,
    SYS_mq_timedsend "mq_timedsend" Queue,
    SYS_mmap "mmap" MemoryMap, SYS_munmap "munmap" MemoryMap, SYS_mprotect "mprotect" MemoryMap,
    SYS_madvise "madvise" MemoryMap, SYS_mremap "mremap" MemoryMap, SYS_brk "brk" MemoryMap,
    SYS_io_uring_enter "io_uring_enter" IoUring, SYS_restart_syscall "restart_syscall" Restart,
    SYS_exit "exit" Other, SYS_exit_group "exit_group" Other, SYS_ptrace "ptrace" Other,
];

/// Calls that only older architectures have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[(libc::c_long, &str, Family)] = table![
    SYS_poll "poll" Poll, SYS_select "select" Select, SYS_epoll_wait "epoll_wait" Epoll,
    SYS_open "open" FileSystem, SYS_creat "creat" FileSystem, SYS_stat "stat" FileSystem,
    SYS_lstat "lstat" FileSystem, SYS_access "access" FileSystem, SYS_unlink "unlink" FileSystem,
    SYS_rename "rename" FileSystem, SYS_renameat "renameat" FileSystem, SYS_mkdir "mkdir" FileSystem,
    SYS_rmdir "rmdir" FileSystem, SYS_link "link" FileSystem, SYS_symlink "symlink" FileSystem,
    SYS_readlink "readlink" FileSystem, SYS_getdents "getdents" Read,
    SYS_vfork "vfork" Child, SYS_fork "fork" Child, SYS_pause "pause" Signal,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[(libc::c_long, &str, Family)] = &[];

/// Name and kind of a system call; `"?"` when it is not one in which programs are known to wait.
pub fn family(number: i64) -> (&'static str, Family) {
    let found = COMMON.iter().chain(OLDER).find(|(known, ..)| *known == number);
    found.map_or(("?", Other), |(_, name, family)| (*name, *family))
}

/// Name of a system call.
pub fn name(number: i64) -> &'static str {
    family(number).0
}

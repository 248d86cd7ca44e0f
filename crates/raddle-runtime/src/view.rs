//! A view of its own on files, for an execution that changes some: so that every execution begins with the same tree, and
//! the user's is left as it was.
//!
//! A forked execution goes into a mount namespace of its own (mount_namespaces(7)), where it sees the package, the target
//! directory and the directory for temporary files through Linux's overlay file system: reading goes to what is there,
//! changes go to memory, and vanish with the process. Processes that it starts see the same. Where the user may not mount,
//! a user namespace of its own lets the process do so; capabilities that it did not have before are given up again.
//!
//! Where neither is allowed (some containers), executions change files for real, and the output says so. Not private:
//! files outside these trees, other mounts below them, and descriptors that are older than the test. Sockets that other
//! programs have made in these trees cannot be connected to. Renaming a directory that was there before fails (`EXDEV`)
//! where a user namespace is needed.

use crate::arch::syscall;
use crate::sys;
use core::ffi::CStr;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A directory seen privately, and what is mounted below it.
#[derive(Debug)]
struct Tree {
    path: CString,
    mounts: Vec<CString>,
}

/// What an execution sees privately.
#[derive(Debug, Default)]
pub struct View(Vec<Tree>);

/// A step that the kernel refused, and its error number.
#[derive(Clone, Copy, Debug)]
pub struct Refused(&'static str, i64);

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: error {}", self.0, self.1)
    }
}

/// Whose files executions see.
#[derive(Debug)]
pub enum Files {
    /// All see the same: none has changed any.
    Shared,
    /// One is about to change some.
    Wanted,
    /// Each has a view of its own.
    Private(View),
    /// Each changes them for real. Why.
    Real(String),
}

impl Files {
    /// Whether nothing has been done to keep executions from seeing each other's.
    pub fn are_shared(&self) -> bool {
        matches!(self, Files::Shared)
    }

    /// Prepares for executions that change files, if that is wanted. Returns what is to be said of it.
    pub fn prepare(&mut self) -> Option<String> {
        if !matches!(self, Files::Wanted) {
            return None;
        }
        let trees = crate::state::rt().plan.trees.iter().map(PathBuf::from);
        let view = View::of(trees.chain([std::env::temp_dir()]));
        *self = match view.try_out() {
            Ok(()) => Files::Private(view),
            Err(refused) => Files::Real(refused),
        };
        match self {
            Files::Real(refused) => Some(format!(
                "each schedule finds the files that the one before has left, for the system does not let Raddle keep \
                 them apart ({refused})"
            )),
            _ => None,
        }
    }

    /// In a process of its own, from where an execution is about to begin.
    pub fn enter(&self) {
        if let Files::Private(view) = self
            && let Err(refused) = view.enter()
        {
            crate::fault::die(&format!("an execution cannot have a view of its own on files: {refused}"));
        }
    }
}

type Result<T> = core::result::Result<T, Refused>;

/// A system call whose arguments are valid.
fn call<const N: usize>(what: &'static str, number: i64, args: [u64; N]) -> Result<u64> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    // SAFETY: each caller gives numbers, and C strings that live until the call returns.
    let result = unsafe { syscall(number, all) };
    u64::try_from(result).map_err(|_| Refused(what, -result))
}

fn at(text: &CStr) -> u64 {
    text.as_ptr() as u64
}

impl View {
    /// A view in which these directories are private, as far as they are there. One that lies in another is part of it.
    pub fn of(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut paths: Vec<PathBuf> = directories.into_iter().filter_map(|path| real_path(&path)).collect();
        paths.sort();
        // A path sorts before all that lie below it.
        paths.dedup_by(|later, kept| later.starts_with(kept));
        let mounts = mount_points();
        let tree = |path: &PathBuf| {
            let below = |mount: &&PathBuf| mount.starts_with(path) && *mount != path;
            let mut mounts: Vec<PathBuf> = mounts.iter().filter(below).cloned().collect();
            mounts.sort();
            mounts.dedup_by(|later, kept| later.starts_with(kept));
            Some(Tree { path: c_string(path)?, mounts: mounts.iter().filter_map(|mount| c_string(mount)).collect() })
        };
        // Devices and processes lie below the root.
        View(paths.iter().filter(|path| path.parent().is_some()).filter_map(tree).collect())
    }

    /// Whether this process could have such a view: a child tries.
    pub fn try_out(&self) -> core::result::Result<(), String> {
        let mut status = 0i32;
        // In memory of the runtime's, which the child shares.
        let mut answer = Box::new(Some(Refused("a process to try it in", 0)));
        // SAFETY: one thread; the child goes on with a copy of everything, and only makes system calls.
        unsafe {
            let child = syscall(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]);
            if child == 0 {
                (&raw mut *answer).write_volatile(self.enter().err());
                sys::exit_process(0);
            }
            while syscall(libc::SYS_wait4, [child as u64, &raw mut status as u64, 0, 0, 0, 0])
                == -i64::from(libc::EINTR)
            {}
        }
        // SAFETY: as above.
        match unsafe { (&raw const *answer).read_volatile() } {
            Some(refused) => Err(refused.to_string()),
            None => Ok(()),
        }
    }

    /// Has this process see the trees privately from now on.
    pub fn enter(&self) -> Result<()> {
        let here = working_directory();
        let (namespace, capabilities) = own_namespace()?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        call("mount / privately", libc::SYS_mount, [0, at(c"/"), 0, private, 0])?;
        for tree in &self.0 {
            tree.cover(namespace)?;
        }
        if let Some(here) = here {
            call("chdir", libc::SYS_chdir, [at(&here)])?;
        }
        if let Some(capabilities) = capabilities {
            capabilities.keep_only()?;
        }
        Ok(())
    }
}

/// Whose namespace of mounts is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    /// One of the user namespace in which the process is.
    Plain,
    /// One of a user namespace of its own.
    User,
}

/// Leaves the mounts of all others. With a user namespace, also the capabilities to be kept.
fn own_namespace() -> Result<(Namespace, Option<Capabilities>)> {
    if call("unshare", libc::SYS_unshare, [libc::CLONE_NEWNS as u64]).is_ok() {
        return Ok((Namespace::Plain, None));
    }
    let before = Capabilities::now()?;
    let user = call("geteuid", libc::SYS_geteuid, [])?;
    let group = call("getegid", libc::SYS_getegid, [])?;
    // Objects of System V could not be kept apart later (see `ipc`).
    let apart = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;
    call("unshare with a user namespace", libc::SYS_unshare, [apart as u64])?;
    write_file(c"/proc/thread-self/setgroups", "deny")?;
    write_file(c"/proc/thread-self/uid_map", &format!("{user} {user} 1"))?;
    write_file(c"/proc/thread-self/gid_map", &format!("{group} {group} 1"))?;
    Ok((Namespace::User, Some(before)))
}

impl Tree {
    /// Mounts a private view over the directory.
    fn cover(&self, namespace: Namespace) -> Result<()> {
        let lower = open(&self.path)?;
        let mounts = self.mounts.iter().map(|mount| open(mount)).collect::<Result<Vec<_>>>()?;
        let path = at(&self.path);
        call("mount tmpfs", libc::SYS_mount, [at(c"raddle"), path, at(c"tmpfs"), 0, at(c"mode=755")])?;
        // Above it lies the memory file system that takes the changes, and above that the view.
        let changes = open(&self.path)?;
        for name in [c"upper", c"work"] {
            call("mkdir", libc::SYS_mkdirat, [changes, at(name), 0o700])?;
        }
        like(changes, c"upper", lower)?;
        let parts = format!(
            "lowerdir=/proc/self/fd/{lower},upperdir=/proc/self/fd/{changes}/upper,workdir=/proc/self/fd/{changes}/work"
        );
        // What lets directories be renamed takes a privilege that a user namespace does not give.
        let kinds: &[&str] = if namespace == Namespace::User { &[",userxattr", ""] } else { &[",redirect_dir=on", ""] };
        let mut mounted = Ok(0);
        for kind in kinds {
            let Ok(options) = CString::new(format!("{parts}{kind}")) else { continue };
            mounted = call("mount overlay", libc::SYS_mount, [at(c"raddle"), path, at(c"overlay"), 0, at(&options)]);
            if mounted.is_ok() {
                break;
            }
        }
        mounted?;
        for (mount, descriptor) in self.mounts.iter().zip(&mounts) {
            let from = CString::new(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
            let flags = libc::MS_BIND | libc::MS_REC;
            call("mount again", libc::SYS_mount, [at(&from), at(mount), 0, flags, 0])?;
        }
        for descriptor in mounts.into_iter().chain([lower, changes]) {
            call("close", libc::SYS_close, [descriptor])?;
        }
        Ok(())
    }
}

/// Gives a directory the mode and, where that is allowed, the owner of another one.
fn like(directory: u64, name: &CStr, other: u64) -> Result<()> {
    // SAFETY: the kernel's own structure, all zeros to begin with.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    call("fstat", libc::SYS_fstat, [other, &raw mut stat as u64])?;
    let _ = call("chown", libc::SYS_fchownat, [directory, at(name), stat.st_uid.into(), stat.st_gid.into(), 0]);
    call("chmod", libc::SYS_fchmodat, [directory, at(name), u64::from(stat.st_mode & 0o7777)])?;
    Ok(())
}

fn open(path: &CStr) -> Result<u64> {
    let flags = (libc::O_PATH | libc::O_CLOEXEC) as u64;
    call("open", libc::SYS_openat, [libc::AT_FDCWD as u64, at(path), flags, 0])
}

fn write_file(path: &CStr, text: &str) -> Result<()> {
    let flags = (libc::O_WRONLY | libc::O_CLOEXEC) as u64;
    let descriptor = call("open a map", libc::SYS_openat, [libc::AT_FDCWD as u64, at(path), flags, 0])?;
    let written = call("write a map", libc::SYS_write, [descriptor, text.as_ptr() as u64, text.len() as u64]);
    call("close", libc::SYS_close, [descriptor])?;
    written.map(|_| ())
}

fn c_string(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}

/// A path without symbolic links, if it is a directory's.
fn real_path(path: &Path) -> Option<PathBuf> {
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64;
    let path = c_string(path)?;
    let descriptor = call("open", libc::SYS_openat, [libc::AT_FDCWD as u64, at(&path), flags, 0]).ok()?;
    let mut text = vec![0u8; libc::PATH_MAX as usize];
    let link = CString::new(format!("/proc/self/fd/{descriptor}")).ok()?;
    let args = [at(&link), text.as_mut_ptr() as u64, text.len() as u64];
    let length = call("readlink", libc::SYS_readlink, args);
    call("close", libc::SYS_close, [descriptor]).ok()?;
    text.truncate(length.ok()? as usize);
    Some(PathBuf::from(std::ffi::OsString::from_vec(text)))
}

fn working_directory() -> Option<CString> {
    let mut text = vec![0u8; libc::PATH_MAX as usize];
    let length = call("getcwd", libc::SYS_getcwd, [text.as_mut_ptr() as u64, text.len() as u64]).ok()?;
    // With the zero at its end.
    text.truncate(length as usize);
    CString::from_vec_with_nul(text).ok()
}

/// Where something is mounted, from `/proc/self/mountinfo`.
fn mount_points() -> Vec<PathBuf> {
    let text = sys::read_file(c"/proc/thread-self/mountinfo");
    let point = |line: &[u8]| line.split(|byte| *byte == b' ').nth(4).map(unescaped);
    text.split(|byte| *byte == b'\n').filter_map(point).collect()
}

/// Blanks and the like are written as three octal digits behind a backslash.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field;
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..3).filter(|_| *first == b'\\');
        let byte = code.and_then(|code| u8::from_str_radix(core::str::from_utf8(code).ok()?, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[3..] } else { others };
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// What a process may do beyond what any may: for each of two words of capability numbers, the effective, the permitted and
/// the inheritable ones.
#[derive(Clone, Copy)]
struct Capabilities([[u32; 3]; 2]);

impl Capabilities {
    /// `_LINUX_CAPABILITY_VERSION_3`, of this process.
    const HEADER: [u32; 2] = [0x2008_0522, 0];

    fn now() -> Result<Self> {
        let (header, mut data) = (Self::HEADER, [[0; 3]; 2]);
        call("capget", libc::SYS_capget, [header.as_ptr() as u64, data.as_mut_ptr() as u64])?;
        Ok(Capabilities(data))
    }

    /// Gives up all others.
    fn keep_only(self) -> Result<()> {
        let header = Self::HEADER;
        call("capset", libc::SYS_capset, [header.as_ptr() as u64, self.0.as_ptr() as u64])?;
        Ok(())
    }
}

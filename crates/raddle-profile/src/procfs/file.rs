//! Files of `/proc` that are read again and again: kept open while descriptors last, opened each time after that.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::cell::Cell;
use std::rc::Rc;

/// How many more files may be kept open.
#[derive(Clone, Debug)]
pub struct Allowance(Rc<Cell<u64>>);

/// Descriptors left for everything else.
const RESERVE: u64 = 128;

impl Allowance {
    /// Raises this process's own limit to what the system allows, and counts from there. A child that is started later
    /// must not inherit it, so [`Allowance::lower`] gives the former limit back.
    pub fn raise() -> (Self, rustix::process::Rlimit) {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let before = getrlimit(Resource::Nofile);
        let mut raised = before;
        raised.current = before.maximum;
        let now = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { before.current };
        let limit = now.unwrap_or(65_536).min(65_536);
        (Self(Rc::new(Cell::new(limit.saturating_sub(RESERVE)))), before)
    }

    /// Gives a limit back.
    pub fn lower(before: rustix::process::Rlimit) {
        let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, before);
    }

    fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }

    fn give(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A file that is read from its start each time.
#[derive(Debug)]
pub struct KeptFile {
    path: String,
    open: Option<OwnedFd>,
    allowance: Allowance,
}

impl KeptFile {
    /// Opens nothing yet.
    pub fn new(path: String, allowance: &Allowance) -> Self {
        Self { path, open: None, allowance: allowance.clone() }
    }

    /// What the file says now, in `buffer`.
    ///
    /// # Errors
    /// The system's: `ENOENT` and `ESRCH` when its process has ended, `EACCES` and `EPERM` when it must not be read.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        if let Some(file) = &self.open {
            let length = retry(|| rustix::io::pread(file, &mut *buffer, 0))?;
            return Ok(&buffer[..length]);
        }
        let file = open(&self.path)?;
        let length = retry(|| rustix::io::pread(&file, &mut *buffer, 0))?;
        if self.allowance.take() {
            self.open = Some(file);
        }
        Ok(&buffer[..length])
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        if self.open.is_some() {
            self.allowance.give();
        }
    }
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    retry(|| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()))
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Reads a whole file of `/proc` once.
///
/// # Errors
/// The system's.
pub fn whole(path: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads up to `limit` bytes of a file of `/proc`, for those that can be very long.
pub fn up_to(path: &str, limit: u64) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

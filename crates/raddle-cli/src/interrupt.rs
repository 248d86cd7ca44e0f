//! The user's wish to stop: SIGINT, SIGTERM, SIGHUP.
//!
//! The signal handler only marks the wish and writes to a pipe. A byte once written is never read, so every loop that
//! waits for something can wait for that pipe too, for as long as it likes. A second signal ends the command at once, for
//! the case that something does not obey.
//!
//! Programs under test run in process groups of their own and are ended by those who wait for them ([`crate::process`]).
//! A build runs in the command's own group: the terminal tells it, and a signal sent to the command alone is handed on
//! ([`Interrupt::during_build`]).

use crate::error::{Error, Result};
use crate::exit::Exit;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user wants to stop.
#[derive(Debug)]
pub struct Interrupt {
    marked: Arc<AtomicBool>,
    pipe: PipeReader,
    write: PipeWriter,
}

impl Interrupt {
    /// Begins to listen. Once in a process.
    ///
    /// # Errors
    /// [`Error::System`] when the system has no more pipes.
    pub fn listen() -> Result<Self> {
        let (pipe, write) = std::io::pipe().map_err(Error::system("listen for signals"))?;
        let marked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let register = || {
                // In this order: the first signal finds the mark unset.
                signal_hook::flag::register_conditional_shutdown(
                    signal,
                    Exit::Interrupted as i32,
                    Arc::clone(&marked),
                )?;
                signal_hook::flag::register(signal, Arc::clone(&marked))?;
                signal_hook::low_level::pipe::register(signal, write.try_clone()?)
            };
            register().map_err(Error::system("listen for signals"))?;
        }
        Ok(Self { marked, pipe, write })
    }

    /// One that no signal raises.
    #[cfg(test)]
    pub fn deaf() -> Self {
        let (pipe, write) = std::io::pipe().unwrap();
        Self { marked: Arc::default(), pipe, write }
    }

    /// Whether the user wants to stop.
    pub fn is_raised(&self) -> bool {
        self.marked.load(Ordering::Relaxed)
    }

    /// Raises it, when nobody reads the results any more.
    pub fn raise(&self) {
        self.marked.store(true, Ordering::Relaxed);
        // Should the pipe be full, then it is not empty, and that is all that counts.
        let _ = (&self.write).write(&[0]);
    }

    /// Stops here if the user wants to.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.is_raised() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Does work that runs programs in this process's own group, and hands a signal on to them.
    ///
    /// # Errors
    /// The work's; [`Error::Interrupted`] when the user has stopped it.
    pub fn during_build<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (done, not_done) = std::io::pipe().map_err(Error::system("watch over the build"))?;
        let result = std::thread::scope(|scope| {
            scope.spawn(move || {
                if self.wait_or(done.as_fd()) {
                    for process in descendants() {
                        let _ = kill_process(process, Signal::INT);
                    }
                }
            });
            let result = work();
            drop(not_done);
            result
        });
        self.check()?;
        result
    }

    /// Waits until the user wants to stop (`true`) or until the other side of `other` is closed.
    fn wait_or(&self, other: BorrowedFd<'_>) -> bool {
        use rustix::event::{PollFd, PollFlags, poll};
        loop {
            let mut both = [
                PollFd::from_borrowed_fd(self.pipe.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(other, PollFlags::IN),
            ];
            match poll(&mut both, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) if self.is_raised() => return true,
                Ok(_) if both[1].revents().is_empty() => {}
                Ok(_) => return false,
            }
        }
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// All processes that this one has started, and those that they have started.
fn descendants() -> Vec<Pid> {
    let mut found = Vec::new();
    let mut rest = VecDeque::from([rustix::process::getpid()]);
    while let Some(process) = rest.pop_front() {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads.flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
            for child in children {
                found.push(child);
                rest.push_back(child);
            }
        }
    }
    found
}

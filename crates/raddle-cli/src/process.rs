//! One process under test: started with a plan, heard until it has said all, and gone afterwards.
//!
//! The process gets a process group of its own and nothing to read. Its plan lies in a file in memory, its reports come
//! through a pipe, and what it asks is answered through another; all are handed over as inherited descriptors whose
//! numbers the environment names. What it prints
//! before the runtime takes charge, or past it, is kept, up to a limit.
//!
//! However it ends, its group is killed before its own process is reaped: until then the system gives the group's number
//! to nobody else. What leaves the group (a daemon) is not followed.

use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use raddle_protocol::{Deal, ENV_ANSWERS, ENV_PLAN, ENV_REPORT, Known, Message, Plan, Summary, VERSION, frame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Bytes of a process's own output that are kept: the last ones.
const KEPT_OUTPUT: usize = 64 << 10;

/// How long a process may take beyond its budget before it reports anything: loading, saving memory, recording.
const SLACK: Duration = Duration::from_secs(30);

/// Between the moment at which descriptors become inheritable and the start of the one process they are for, no other
/// process may be started: it would hold the pipe open.
static STARTING: Mutex<()> = Mutex::new(());

/// What is run, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Variables beyond those that the command itself has inherited.
    pub environment: Vec<(OsString, OsString)>,
}

/// What becomes of what the process prints by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It is kept.
    Kept,
    /// It goes to the command's own output.
    Live,
}

/// How a process ended.
#[derive(Debug)]
pub enum Ending {
    /// It has done all that the plan asked for.
    Finished(Box<Summary>),
    /// It died before that. The flag tells whether the runtime had reported for work.
    Died(ExitStatus, bool),
    /// It was killed, having said nothing for so long.
    Silent(Duration),
    /// The runtime has failed, or spoke in an unknown format: a fault of Raddle.
    Fault(String),
    /// The user has stopped it.
    Interrupted,
    /// It was killed, since what it did was not needed any more ([`Reply::Stop`]).
    Stopped,
}

/// What a process is told in return for a message.
#[derive(Debug)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// What it has asked ([`Message::Ask`]), and more.
    Known(Vec<Known>),
    /// What it is to do next ([`Message::Draw`]).
    Deal(Deal),
    /// Nothing any more: it is to be killed.
    Stop,
}

/// An ended process.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// The end of what it printed by itself.
    pub output: Vec<u8>,
}

/// Runs a program under the runtime, and calls `on_message` with everything it reports but its end. The process is told
/// what comes back.
///
/// # Errors
/// [`Error::File`] when the program cannot be started, [`Error::System`] when the system has no descriptors left.
pub fn run(
    invocation: &Invocation,
    runtime: &Path,
    plan: &Plan,
    output: Output,
    interrupt: &Interrupt,
    mut on_message: impl FnMut(Message) -> Reply,
) -> Result<Ended> {
    let mut process = Process::start(invocation, runtime, plan, output)?;
    let silence = Duration::from_millis(plan.budget.time_ms) + Duration::from_millis(plan.budget.stall_ms) + SLACK;
    let heard = process.listen(silence, interrupt, &mut on_message);
    let status = process.end()?;
    let ending = match heard {
        Heard::Finished(summary) => Ending::Finished(summary),
        Heard::Fault(sentence) => Ending::Fault(sentence),
        Heard::Nothing => Ending::Silent(silence),
        Heard::Interrupt => Ending::Interrupted,
        Heard::Enough => Ending::Stopped,
        Heard::End => Ending::Died(status, process.greeted),
    };
    Ok(Ended { ending, output: std::mem::take(&mut process.printed).into() })
}

struct Process {
    child: Child,
    ended: OwnedFd,
    reports: Option<OwnedFd>,
    answers: PipeWriter,
    output: Option<OwnedFd>,
    bytes: Vec<u8>,
    printed: VecDeque<u8>,
    greeted: bool,
}

/// Why listening came to an end.
enum Heard {
    Finished(Box<Summary>),
    Fault(String),
    End,
    Nothing,
    Interrupt,
    Enough,
}

impl Process {
    fn start(invocation: &Invocation, runtime: &Path, plan: &Plan, output: Output) -> Result<Self> {
        let (reports, write) = std::io::pipe().map_err(Error::system("open a pipe"))?;
        let (read, answers) = std::io::pipe().map_err(Error::system("open a pipe"))?;
        let plan = in_memory(plan).map_err(Error::system("write a plan"))?;
        let mut command = Command::new(&invocation.program);
        command
            .args(&invocation.arguments)
            .current_dir(&invocation.directory)
            .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
            .env("LD_PRELOAD", preload(runtime))
            .env(ENV_PLAN, number(&plan))
            .env(ENV_REPORT, number(&write))
            .env(ENV_ANSWERS, number(&read))
            .stdin(Stdio::null())
            .process_group(0);
        let output = match output {
            Output::Live => None,
            Output::Kept => Some(keep_output(&mut command).map_err(Error::system("open a pipe"))?),
        };

        let child = {
            let _alone = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for descriptor in [plan.as_fd(), write.as_fd(), read.as_fd()] {
                fcntl_setfd(descriptor, FdFlags::empty()).map_err(Error::system("hand on a descriptor"))?;
            }
            let child = command.spawn();
            // All are closed on this side before anything else may be started.
            drop((plan, write, read));
            child.map_err(Error::file("start", &invocation.program))?
        };
        // The command holds the other side of the output pipe until it is dropped.
        drop(command);
        let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let reports = unblocked(reports);
        let (Ok(ended), Ok(reports)) = (ended, reports) else {
            kill(child);
            return Err(Error::System { doing: "watch a process", source: std::io::Error::last_os_error() });
        };
        Ok(Self {
            child,
            ended,
            reports: Some(reports),
            answers,
            output,
            bytes: Vec::new(),
            printed: VecDeque::new(),
            greeted: false,
        })
    }

    /// Waits for reports until there are no more.
    fn listen(
        &mut self,
        silence: Duration,
        interrupt: &Interrupt,
        on_message: &mut dyn FnMut(Message) -> Reply,
    ) -> Heard {
        let mut deadline = Instant::now() + silence;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            let always = [interrupt.as_fd(), self.ended.as_fd()];
            let open = [&self.reports, &self.output].into_iter().flatten().map(AsFd::as_fd);
            let mut events: Vec<PollFd<'_>> =
                always.into_iter().chain(open).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            match poll(&mut events, Some(&timeout)) {
                Ok(0) => return Heard::Nothing,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Heard::Fault(format!("cannot wait for the process under test: {error}")),
            }
            let mut ready = events.iter().map(|event| !event.revents().is_empty());
            let mut next = |present: bool| present && ready.next().unwrap_or(false);
            let (interrupted, ended) = (next(true), next(true));
            let (reported, printed) = (next(self.reports.is_some()), next(self.output.is_some()));
            if interrupted || interrupt.is_raised() {
                return Heard::Interrupt;
            }
            if printed {
                self.take_output();
            }
            if reported || ended {
                // The flag was read before the pipe: nothing can come after what is read now.
                match self.take_reports(on_message) {
                    Ok(Some(heard)) => return heard,
                    Ok(None) => {}
                    Err(malformed) => {
                        return Heard::Fault(format!(
                            "the runtime reported {malformed}: the library is of another build"
                        ));
                    }
                }
                if reported {
                    deadline = Instant::now() + silence;
                }
            }
            if ended {
                self.take_output();
                return Heard::End;
            }
        }
    }

    /// All that has been reported by now; `Some` for a report that is the last.
    fn take_reports(
        &mut self,
        on_message: &mut dyn FnMut(Message) -> Reply,
    ) -> Result<Option<Heard>, frame::Malformed> {
        if let Some(reports) = &self.reports
            && read_available(reports, |bytes| self.bytes.extend_from_slice(bytes))
        {
            self.reports = None;
        }
        loop {
            frame::skip_alive(&mut self.bytes);
            let Some(message) = frame::decode::<Message>(&mut self.bytes)? else { break };
            let reply = match message {
                Message::Finished(summary) => return Ok(Some(Heard::Finished(summary))),
                Message::Fault(sentence) => return Ok(Some(Heard::Fault(sentence))),
                Message::Hello { version, .. } if version != VERSION => return Err(frame::Malformed),
                Message::Hello { .. } => {
                    self.greeted = true;
                    on_message(message)
                }
                other => on_message(other),
            };
            let answer = match reply {
                Reply::Nothing => continue,
                Reply::Known(known) => frame::encode(&known),
                Reply::Deal(deal) => frame::encode(&deal),
                Reply::Stop => return Ok(Some(Heard::Enough)),
            };
            // A process that does not read it any more has died, which shows elsewhere.
            let _ = self.answers.write_all(&answer);
        }
        Ok(None)
    }

    fn take_output(&mut self) {
        let Some(output) = &self.output else { return };
        let closed = read_available(output, |bytes| {
            self.printed.extend(bytes);
            let beyond = self.printed.len().saturating_sub(KEPT_OUTPUT);
            self.printed.drain(..beyond);
        });
        if closed {
            self.output = None;
        }
    }

    /// Leaves nothing of it running.
    fn end(&mut self) -> Result<ExitStatus> {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait().map_err(Error::system("wait for a process"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Reaped already unless a panic is on its way; then the number is still ours.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.end();
        }
    }
}

fn kill(mut child: Child) {
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
}

/// Reads what is there without waiting. Returns whether the other side is closed.
fn read_available(from: &OwnedFd, mut take: impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; 64 << 10];
    // A writer that is faster than this reader must not keep it for ever.
    for _ in 0..64 {
        match rustix::io::read(from, &mut buffer) {
            Ok(0) => return true,
            Ok(read) => take(&buffer[..read]),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return false,
            Err(_) => return true,
        }
    }
    false
}

/// A descriptor's number, as long as any other: what lies in the environment moves the program's first stack.
fn number(descriptor: &impl AsRawFd) -> String {
    format!("{:06}", descriptor.as_raw_fd())
}

fn in_memory(plan: &Plan) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("raddle-plan", MemfdFlags::CLOEXEC)?);
    file.write_all(&frame::encode(plan))?;
    file.rewind()?;
    Ok(file)
}

/// One pipe for both streams, so that the order of what is printed is kept.
fn keep_output(command: &mut Command) -> std::io::Result<OwnedFd> {
    let (read, write) = std::io::pipe()?;
    command.stdout(write.try_clone()?).stderr(write);
    unblocked(read)
}

fn unblocked(pipe: PipeReader) -> std::io::Result<OwnedFd> {
    let pipe = OwnedFd::from(pipe);
    fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
    Ok(pipe)
}

/// The runtime first, then what the user loads in advance.
fn preload(runtime: &Path) -> OsString {
    let mut list = runtime.as_os_str().to_owned();
    if let Some(users) = std::env::var_os("LD_PRELOAD").filter(|users| !users.is_empty()) {
        list.push(OsStr::new(":"));
        list.push(users);
    }
    list
}

/// How a process died, as the end of a sentence that begins with its name.
pub fn death(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name =
                signal_hook::low_level::signal_name(signal).map_or_else(String::new, |name| format!(" ({name})"));
            format!("was ended by signal {signal}{name}")
        }
        (None, Some(code)) => format!("ended with exit status {code}"),
        (None, None) => "ended".into(),
    }
}

#[cfg(test)]
mod tests;

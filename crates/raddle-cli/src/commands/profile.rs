//! `profile`: watches a command, a process, or a target of the package, and says what holds it up.

use crate::args::MessageFormat;
use crate::args::profile::{ExitCodeChoice, Export, ProfileCommand, StacksChoice};
use crate::console::Console;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::profile_build;
use raddle_profile::model::{Report, Scaling, VERSION};
use raddle_profile::scaling::run::{Metric, Plan, Varied};
use raddle_profile::stacks::Wanted;
use raddle_profile::watch::{Options, Progress, Recording, Stop, Target, watch};
use raddle_report::profile;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

/// How long a process that ran already is watched when nothing is said.
const USUAL_TIME: Duration = Duration::from_secs(10);
/// How long a program has, after the user's interruption, to end by itself before it is told as well.
const GRACE: Duration = Duration::from_millis(500);

/// Runs the command.
///
/// # Errors
/// When there is nothing to watch, or it must not be watched.
pub fn run(command: &ProfileCommand, console: &Console) -> Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let program = Program::of(command, console, &interrupt)?;
    let plan = plan(command)?;
    let options = Options {
        rate: f64::from(command.rate),
        time: command.time.or(command.pid.map(|_| USUAL_TIME)),
        stacks: match command.stacks {
            StacksChoice::All => Wanted::All,
            StacksChoice::Blocked => Wanted::Blocked,
            StacksChoice::None => Wanted::None,
        },
        cores: None,
    };
    let target = match (&program, command.pid) {
        (Some(program), _) => {
            let mut started = program.command();
            if console.format == MessageFormat::Json {
                // Standard output is Raddle's then.
                started.stdout(std::io::stderr());
            }
            Target::Command(started)
        }
        (None, Some(pid)) => Target::Pid(pid),
        (None, None) => return Err(Error::usage("give a command after `--`, or --pid")),
    };
    let user = User { console, interrupt: &interrupt, shows: command.pid.is_some() };
    let recording = watch(target, &options, &user);
    console.progress_over();
    let Recording { measurement, samples, child, status } = recording?;

    let scaling = match (&plan, &program) {
        (Some(plan), Some(program)) if !interrupt.is_raised() => Some(scale(plan, program, console, &interrupt)),
        _ => None,
    };
    // What has been measured is shown all the same when the program cannot be scaled.
    let (scaling, failed) = match scaling {
        Some(Ok(scaling)) => (Some(scaling), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let verdict = raddle_profile::verdict::verdict(&measurement);
    let advice = raddle_profile::advice::advice(&measurement, &verdict, scaling.as_ref());
    let report = Report { version: VERSION, measurement, verdict, scaling, advice };
    match console.format {
        MessageFormat::Human => console.human(&profile::terminal::render(&report, &console.style)),
        MessageFormat::Json => {
            console.json(&profile::json::line(&report));
        }
    }
    if let Some(file) = &command.html {
        write(file, &profile::html::page(&report))?;
    }
    for export in &command.export {
        match export {
            Export::Folded(file) => write(file, &profile::export::folded(&samples))?,
            Export::Firefox(file) => write(file, &profile::export::firefox(&report, &samples))?,
        }
    }
    let status = match child {
        Some(child) => Some(wait(child, report.measurement.sampling.interrupted)?),
        None => status,
    };
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(match (command.exit_code, status) {
        (ExitCodeChoice::Program, Some(status)) => code_of(status),
        _ => Exit::Clean.into(),
    })
}

/// What is started, as often as it is needed.
struct Program {
    path: OsString,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
}

impl Program {
    fn of(command: &ProfileCommand, console: &Console, interrupt: &Interrupt) -> Result<Option<Self>> {
        if command.pid.is_some() {
            return Ok(None);
        }
        let named = [&command.bin, &command.example, &command.test, &command.bench].into_iter().any(Option::is_some);
        if named {
            let built = profile_build::build(command, console, interrupt)?;
            let arguments = command.words.clone();
            return Ok(Some(Self { path: built.executable.into(), arguments, directory: built.directory }));
        }
        let Some((path, arguments)) = command.words.split_first() else {
            return Err(Error::usage("there is no command after `--`"));
        };
        Ok(Some(Self { path: path.clone(), arguments: arguments.to_vec(), directory: None }))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

fn plan(command: &ProfileCommand) -> Result<Option<Plan>> {
    if command.scale.is_empty() {
        return Ok(None);
    }
    let mut numbers = command.scale.clone();
    numbers.sort_unstable();
    numbers.dedup();
    let varied = match (&command.scale_arg, &command.scale_env) {
        (Some(text), _) => Varied::Argument(text.clone()),
        (_, Some(name)) if name.is_empty() || name.contains('=') => {
            return Err(Error::usage("--scale-env takes the name of a variable"));
        }
        (_, Some(name)) => Varied::Variable(name.clone()),
        (None, None) => Varied::Processors,
    };
    if varied == Varied::Processors {
        let there = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        if let Some(number) = numbers.iter().find(|number| **number > there) {
            return Err(Error::Usage {
                sentence: format!("--scale {number} asks for {number} processors, and there are {there}"),
                remedy: Some("leave it out, or vary the program's own workers with --scale-arg or --scale-env".into()),
            });
        }
    }
    let metric = match &command.metric {
        None => Metric::Time,
        Some(pattern) => Metric::Output(regex_lite::Regex::new(pattern).map_err(|error| Error::Usage {
            sentence: format!("--metric '{pattern}' is no expression: {error}"),
            remedy: None,
        })?),
    };
    Ok(Some(Plan { numbers, repeat: command.repeat as usize, varied, metric }))
}

fn scale(plan: &Plan, program: &Program, console: &Console, interrupt: &Interrupt) -> Result<Scaling> {
    let measured = raddle_profile::scaling::run::run(
        plan,
        &|| program.command(),
        &|| interrupt.is_raised(),
        &mut |number, repetition, of| {
            console.status(&format!("scaling: {} {number}, run {repetition} of {of}", plan.varied.words()));
        },
    );
    console.progress_over();
    let metric = match &plan.metric {
        Metric::Time => "runs per second",
        Metric::Output(pattern) => pattern.as_str(),
    };
    let measured = measured?;
    let words = plan.varied.words();
    Ok(raddle_profile::scaling::scaling(&words, metric, &measured.throughput, measured.busy_elsewhere))
}

/// The user, as far as watching is concerned.
struct User<'a> {
    console: &'a Console,
    interrupt: &'a Interrupt,
    /// Whether the terminal is Raddle's own. A program that is started writes to it, too.
    shows: bool,
}

impl Stop for User<'_> {
    fn is_raised(&self) -> bool {
        self.interrupt.is_raised()
    }

    fn wake(&self) -> Option<BorrowedFd<'_>> {
        Some(self.interrupt.as_fd())
    }

    fn progress(&self, progress: Progress) {
        if self.shows {
            self.console.status(&profile::terminal::progress(&progress));
        }
    }
}

/// Waits for a program that runs on after its measurement. After Ctrl-C the terminal has told it as well; a signal that
/// was sent to Raddle alone is handed on. A second one ends Raddle.
fn wait(mut child: Child, interrupted: bool) -> Result<ExitStatus> {
    let began = Instant::now();
    let mut told = !interrupted;
    while !told {
        if let Some(status) = child.try_wait().map_err(Error::system("wait for the program"))? {
            return Ok(status);
        }
        if began.elapsed() >= GRACE {
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::INT));
            told = true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait().map_err(Error::system("wait for the program"))
}

/// As shells give it: 128 and the number of the signal that has ended it.
fn code_of(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).map_err(Error::file("write", file))
}

impl From<raddle_profile::Error> for Error {
    fn from(error: raddle_profile::Error) -> Self {
        let sentence = error.to_string();
        let remedy = error.remedy();
        if error.is_usage() {
            return Error::Usage { sentence, remedy };
        }
        Error::Unsupported { sentence, remedy: remedy.unwrap_or_else(|| "see the reason above".to_owned()) }
    }
}

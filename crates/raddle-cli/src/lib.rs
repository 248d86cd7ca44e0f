//! The commands of Raddle: from a command line to an exit code.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the words of the command line |
//! | [`exit`], [`error`] | how a command ends |
//! | [`console`] | the only place that prints |
//! | [`interrupt`] | the user's wish to stop |
//! | [`runtime_library`] | the library that travels inside these commands |
//! | [`building`] | what cargo builds, and what is known about it |
//! | [`profile_build`] | what cargo builds to be watched |
//! | [`subject`], [`settings`] | what is explored, and under which circumstances |
//! | [`process`] | one process under test, from its plan to its end |
//! | [`suite`] | many of them: workers on one side, events on the other |
//! | [`verdict`], [`judge`] | what the end of a process means; what its records show |
//! | [`libtest`] | what the usual harness prints around a test |
//! | [`report_files`] | files that are written beside what is shown |
//! | [`replay_store`] | recorded schedules on disk |
//! | [`commands`] | one file a command |
//!
//! Invariant: the runtime is never linked into the commands. A program that dies takes nothing of them with it.

#![forbid(unsafe_code)]

pub mod args;
pub mod building;
pub mod commands;
pub mod console;
pub mod error;
pub mod exit;
pub mod interrupt;
pub mod judge;
pub mod libtest;
pub mod process;
pub mod profile_build;
pub mod regressions;
pub mod replay_store;
pub mod report_files;
pub mod runtime_library;
#[cfg(test)]
mod samples;
pub mod settings;
pub mod subject;
pub mod suite;
pub mod verdict;

use args::{Called, Cli, Command};
use console::Console;
use exit::Exit;
use std::process::ExitCode;

/// Runs the command that the process's arguments ask for.
pub fn main(called: Called) -> ExitCode {
    console::on_panic();
    let run = || match Cli::read(called, std::env::args_os()) {
        Ok(cli) => run(cli),
        Err(error) => Console::usage(&error).into(),
    };
    // A panic has been reported by the hook; what is left is to end with the right code.
    std::panic::catch_unwind(run).unwrap_or(Exit::Fault.into())
}

fn run(cli: Cli) -> ExitCode {
    let console = Console::new(cli.color, format_of(&cli.command));
    let result = match cli.command {
        Command::Test(command) => commands::test::run(&command, &console),
        Command::Run(command) => commands::run::run(&command, &console),
        Command::Replay(command) => commands::replay::run(&command, &console),
        Command::Explain(command) => commands::explain::run(&command, &console),
        // Passes on the exit code of the program that it has watched.
        Command::Profile(command) => {
            return commands::profile::run(&command, &console).unwrap_or_else(|error| failed(&console, &error).into());
        }
    };
    result.unwrap_or_else(|error| failed(&console, &error)).into()
}

fn failed(console: &Console, error: &error::Error) -> Exit {
    console.error(error);
    error.exit()
}

fn format_of(command: &Command) -> args::MessageFormat {
    match command {
        Command::Test(command) => command.output.message_format,
        Command::Run(command) => command.output.message_format,
        Command::Replay(command) => command.output.message_format,
        Command::Profile(command) => command.output.message_format,
        Command::Explain(_) => args::MessageFormat::Human,
    }
}

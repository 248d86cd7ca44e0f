//! `cargo raddle`: the same commands, found by cargo through this file's name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    raddle_cli::main(raddle_cli::args::Called::ByCargo)
}

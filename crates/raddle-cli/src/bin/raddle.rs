//! `raddle`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    raddle_cli::main(raddle_cli::args::Called::Alone)
}

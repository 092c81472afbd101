#![doc = include_str!("../README.md")]

use clap::Parser;

mod analysis;
mod args;
mod commands;
mod diff;
mod error_text;
mod exit;
mod experiments;
mod export;
mod folder;
mod measure;
mod output;
mod printer;
mod progress;
mod run;
mod serve;
mod study;
mod watch;

/// Training allocates and frees large tensors all the time. The system's allocator returns each of
/// them to the kernel and pays for the page faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = args::Arguments::parse();
    if arguments.log == args::LogFormat::Json {
        printer::log_json();
    }
    match commands::run_command(arguments.command) {
        Ok(status) => status.into(),
        Err(error) => printer::error(&error).into(),
    }
}

//! The command line: Complex Network Theory metrics over populations of neural networks.

use clap::Parser;

mod args;
mod commands;
mod enter;
mod exit;
mod folder;
mod graph_view;
mod interrupt;
mod layer_view;
mod lease;
mod left;
mod limit_setting;
mod measure;
mod output;
mod pipeline;
mod populations;
mod printer;
mod probe;
mod progress;
mod results;
mod study;
mod study_batch;
mod study_record;
mod summary;
mod work;

/// Training allocates and frees large tensors all the time; the system's allocator gives each back to the kernel and takes the page
/// faults again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = args::Arguments::parse();
    match commands::perform(arguments.command) {
        Ok(status) => status.into(),
        Err(error) => printer::failed(&error).into(),
    }
}

//! Opens the bytes as a checkpoint of whatever format they are, and touches all that opening hands
//! out. Nothing may panic, take more than a second or more memory than the runner allows.

#![no_main]

use std::path::Path;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::{Content, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        decoded_bytes: 16 << 20,
        header_bytes: 1 << 20,
        ..Limits::default()
    };
    let opened = OpenCheckpoint::read(Path::new("fuzzed"), Content::in_memory(bytes), &limits);
    let Ok(checkpoint) = opened else { return };
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    assert_eq!(coverage.len(), checkpoint.tensors().len());
    for row in &coverage {
        if let Ok(values) = checkpoint.values(&row.tensor.name) {
            assert_eq!(values.len(), row.tensor.n_values(), "{}", row.tensor.name);
        }
    }
    if let Ok(resolved) = resolved {
        let _ = resolved.network(&checkpoint);
    }
});

//! What a catalog takes in memory: published populations have hundreds of thousands of checkpoints.
//! The only test of its binary, for it looks at the memory of the process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

use std::fmt::Write;

use cntflow_catalog::CatalogOptions;
use cntflow_sources::scan;

const ROWS: usize = 40_000;

/// Bytes that an entry with 18 labels may take; half of them are the labels' values.
const MOST: usize = 800;

/// Anonymous memory of this process, in bytes.
fn anonymous() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: usize = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib << 10
}

/// A Small CNN Zoo of one dense layer, with its columns of configuration.
fn write_zoo(folder: &std::path::Path) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, 4), }}\n");
    let mut matrix = b"\x93NUMPY\x01\x00".to_vec();
    matrix.extend((header.len() as u16).to_le_bytes());
    matrix.extend(header.bytes());
    matrix.resize(matrix.len() + ROWS * 16, 0);
    std::fs::write(folder.join("weights.npy"), matrix).unwrap();
    let layout = "varname,start_idx,end_idx,shape\n\
                  sequential/dense/bias:0,0,2,\"(2,)\"\nsequential/dense/kernel:0,2,4,\"(1, 2)\"\n";
    std::fs::write(folder.join("layout.csv"), layout).unwrap();
    let mut metrics = "config.activation,config.dataset,modeldir,step".to_owned();
    (0..16).for_each(|at| write!(metrics, ",config.number_{at}").unwrap());
    for row in 0..ROWS {
        let run = row / 9;
        write!(
            metrics,
            "\nrelu,mnist,/zoo/of/one/dense/layer/run_{run},{}",
            row % 9
        )
        .unwrap();
        (0..16).for_each(|at| write!(metrics, ",0.{at}{row}").unwrap());
    }
    std::fs::write(folder.join("metrics.csv"), metrics).unwrap();
}

#[test]
fn a_large_catalog_shares_what_its_entries_have_in_common() {
    let folder = tempfile::tempdir().unwrap();
    write_zoo(folder.path());
    let before = anonymous();
    let sources = [folder.path().to_string_lossy().into_owned()];
    let (catalog, _) = scan(&sources, &CatalogOptions::default()).unwrap();
    let taken = anonymous().saturating_sub(before) / ROWS;
    assert_eq!(catalog.entries().len(), ROWS);
    assert_eq!(catalog.entries().next().unwrap().labels.len(), 18);
    assert!(taken <= MOST, "{taken} bytes an entry, at most {MOST}");
}

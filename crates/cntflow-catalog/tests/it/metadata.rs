//! Tables of metadata joined to a catalog.

use cntflow_catalog::{CatalogOptions, apply_options, read_catalog};
use cntflow_storage::Limits;

#[test]
fn a_step_that_is_no_whole_number_matches_no_checkpoint_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.csv");
    std::fs::write(&path, "path,run,step\na.pt,r,1\nb.pt,r,2\n").unwrap();
    let metadata = folder.path().join("runs.csv");
    std::fs::write(&metadata, "run,step,seed\nr,2,7\nr,last,8\n").unwrap();

    let mut entries = read_catalog(&path).unwrap();
    let mut skipped = Vec::new();
    let options = CatalogOptions {
        metadata: Some(metadata),
        ..CatalogOptions::default()
    };
    apply_options(&options, &mut entries, &mut skipped, &Limits::default()).unwrap();
    let catalog = entries.into_catalog().unwrap();
    let [first, second] = &catalog.clone().into_entries()[..] else {
        panic!("{catalog:?}");
    };
    assert!(first.labels.get("seed").is_none());
    assert_eq!(second.labels["seed"], 7.into());
    let reasons: Vec<&str> = skipped.iter().map(|file| &*file.reason).collect();
    assert_eq!(reasons[0], "line 3: run 'r' has no checkpoint of step last");
    assert!(reasons[1].starts_with("no row for 1 checkpoint ("));
    assert_eq!(reasons.len(), 2);
}

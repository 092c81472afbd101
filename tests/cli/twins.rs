//! Twins: measured beside the networks, in tables of their own.

use crate::support::{expect, study_folder, table, write_chain};

#[test]
fn a_twin_that_is_added_later_is_measured_alone() {
    let folder = study_folder();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    for (name, scale) in [("a", 1.0), ("b", 2.0), ("bad", f32::NAN)] {
        write_chain(&here.join(format!("zoo/{name}.safetensors")), scale);
    }
    let measure = |out: &str, twins: &str, workers: &str| {
        let arguments = [
            "measure",
            "zoo",
            "--out",
            out,
            "--twin",
            twins,
            "--workers",
            workers,
        ];
        expect(3, here, &[&arguments[..], &["--json"]].concat()).json()
    };
    let query = |out: &str, sql: &str| {
        let sql = format!("SELECT {sql}");
        expect(0, here, &["query", out, &sql, "--format", "csv"]).stdout
    };
    expect(3, here, &["measure", "zoo", "--out", "later"]);
    let before = table(&here.join("later"), "layers");
    let output = measure("later", "shuffle", "1");
    assert_eq!(output["checkpoints"]["new"], 3, "{output}");
    assert!(before.equals_missing(&table(&here.join("later"), "layers")));
    let output = measure("later", "shuffle", "1");
    assert_eq!(output["checkpoints"]["new"], 0, "{output}");
    measure("later", "shuffle,sign", "1");

    measure("at-once", "shuffle,sign", "2");
    for twin in ["shuffle", "sign"] {
        let sql = format!("* FROM layers_{twin} ORDER BY checkpoint, layer, name, metric");
        assert_eq!(query("later", &sql), query("at-once", &sql));
    }
    let failed = query(
        "later",
        "checkpoint, reason FROM networks_shuffle WHERE status = 'failed'",
    );
    assert!(failed.contains("bad") && failed.contains("NaN"), "{failed}");
    expect(0, here, &["query", "later", "--schema", "layers_shuffle"]);
}

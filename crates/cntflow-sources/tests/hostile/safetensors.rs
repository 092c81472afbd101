//! Safetensors files whose headers are wrong: each is an error that names the file, none is a panic
//! or a wrong number.

use std::io::Write;
use std::path::Path;

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;
use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::FullMessage;

use crate::bounded::{alone, bounded};

fn small_checkpoint() -> Vec<u8> {
    let bytes: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let weight = TensorView::new(Dtype::F32, vec![2, 2], &bytes[..16]).unwrap();
    let bias = TensorView::new(Dtype::F32, vec![2], &bytes[16..]).unwrap();
    ::safetensors::serialize([("fc.weight", weight), ("fc.bias", bias)], None).unwrap()
}

/// Opens the bytes as a file and touches everything that opening hands out.
#[track_caller]
fn open(folder: &Path, bytes: &[u8]) -> Result<usize, String> {
    let path = folder.join("a.safetensors");
    std::fs::write(&path, bytes).unwrap();
    bounded(|| touch(&path))
}

fn touch(path: &Path) -> Result<usize, String> {
    let checkpoint = OpenCheckpoint::open(path).map_err(|error| error.full_message())?;
    let (_, coverage) = resolve_architecture(&checkpoint, None);
    let mut touched = 0;
    for row in &coverage {
        let values = checkpoint
            .values(&row.tensor.name)
            .map_err(|error| error.full_message())?;
        assert_eq!(
            values.len(),
            row.tensor.shape.iter().product::<usize>(),
            "{}",
            row.tensor.name
        );
        touched += values.len();
    }
    Ok(touched)
}

#[test]
fn every_truncation_is_an_error_that_names_the_file() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let whole = small_checkpoint();
    assert_eq!(open(folder.path(), &whole), Ok(6));
    for length in 0..whole.len() {
        let text = open(folder.path(), &whole[..length]).unwrap_err();
        assert!(text.contains("a.safetensors"), "{length} bytes: {text}");
    }
    let longer = [&whole[..], &[0; 5]].concat();
    let text = open(folder.path(), &longer).unwrap_err();
    assert!(
        text.contains(&whole.len().to_string()) && text.contains(&longer.len().to_string()),
        "{text}"
    );
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let whole = small_checkpoint();
    for at in 0..whole.len() {
        for change in [1, 0x10, 0x80, 0xFF] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            let _ = open(folder.path(), &changed);
        }
    }
}

#[test]
fn headers_that_promise_what_cannot_be_are_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    };
    let check = |header: &str, data: usize| {
        let text = open(folder.path(), &with_header(header, data)).unwrap_err();
        assert!(text.contains("a.safetensors"), "{text}");
    };
    check(
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#,
        16,
    );
    check(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#,
        8,
    );
    check(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        8,
    );
    check(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        12,
    );
    check(
        r#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#,
        8,
    );
    let twice = r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#;
    let text = open(folder.path(), &with_header(twice, 0)).unwrap_err();
    assert!(text.contains("lists tensor a twice"), "{text}");
    let mut many = b"{".to_vec();
    for at in 0..=200_000 {
        let end = if at == 200_000 { '}' } else { ',' };
        let empty = r#"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#;
        write!(many, r#""{at}":{empty}{end}"#).unwrap();
    }
    many.splice(..0, (many.len() as u64).to_le_bytes());
    let text = open(folder.path(), &many).unwrap_err();
    assert!(text.contains("200001") && text.contains("200000"), "{text}");
    drop(many);
    check(r#"{"a":"#, 8);
    let deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
    check(&deep, 8);
    let dimensions = vec!["4294967296"; 10_000].join(",");
    let many = format!(r#"{{"a":{{"dtype":"F32","shape":[{dimensions}],"data_offsets":[0,8]}}}}"#);
    check(&many, 8);
}

#[test]
fn headers_longer_than_their_file_are_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for length in [17, 1 << 20, 1 << 32, 1 << 63, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(br#"{"a":{}}        "#);
        let text = open(folder.path(), &bytes).unwrap_err();
        assert!(text.contains("a.safetensors"), "{length}: {text}");
    }
}

#[test]
fn half_precision_is_widened_and_unaligned_values_are_read() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.safetensors");
    let values = [0.5f32, -2.0, 65504.0];
    let f16: Vec<u8> = values
        .iter()
        .flat_map(|value| half::f16::from_f32(*value).to_le_bytes())
        .collect();
    let bf16: Vec<u8> = values
        .iter()
        .flat_map(|value| half::bf16::from_f32(*value).to_le_bytes())
        .collect();
    let f64s: Vec<u8> = values
        .iter()
        .flat_map(|value| f64::from(*value).to_le_bytes())
        .collect();
    let views = [
        ("f16", TensorView::new(Dtype::F16, vec![3], &f16).unwrap()),
        (
            "bf16",
            TensorView::new(Dtype::BF16, vec![3], &bf16).unwrap(),
        ),
        ("f64", TensorView::new(Dtype::F64, vec![3], &f64s).unwrap()),
    ];
    std::fs::write(&path, ::safetensors::serialize(views, None).unwrap()).unwrap();
    let checkpoint = OpenCheckpoint::open(&path).unwrap();
    assert_eq!(*checkpoint.values("f16").unwrap(), values);
    assert_eq!(
        *checkpoint.values("bf16").unwrap(),
        [0.5, -2.0, 65536.0],
        "8 bits of precision"
    );
    assert_eq!(*checkpoint.values("f64").unwrap(), values);
    assert!(
        checkpoint
            .values("none")
            .unwrap_err()
            .full_message()
            .contains("no tensor none")
    );
}

//! A digest of a table's rows, whatever files they are in.

use polars::prelude::{Column, DataFrame, DataType, PolarsResult};

/// Before a value and in place of a missing one.
const PRESENT: [u8; 1] = [1];
const MISSING: [u8; 1] = [0];

/// BLAKE3 of the names and values of all columns, in the order of the frame.
///
/// # Errors
/// A column cannot be read as its type (a bug).
pub(super) fn rows_digest(frame: &DataFrame) -> PolarsResult<String> {
    let mut hasher = blake3::Hasher::new();
    for column in frame.columns() {
        hasher
            .update(column.name().as_bytes())
            .update(&(column.len() as u64).to_le_bytes());
        hash_column(&mut hasher, column)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn hash_column(hasher: &mut blake3::Hasher, column: &Column) -> PolarsResult<()> {
    let mut add = |value: Option<&[u8]>| {
        match value {
            Some(bytes) => hasher.update(&PRESENT).update(bytes),
            None => hasher.update(&MISSING),
        };
    };
    match column.dtype() {
        DataType::Float64 => {
            for value in column.f64()?.iter() {
                add(value
                    .map(f64::to_le_bytes)
                    .as_ref()
                    .map(<[u8; 8]>::as_slice));
            }
        }
        DataType::UInt64 => {
            for value in column.u64()?.iter() {
                add(value
                    .map(u64::to_le_bytes)
                    .as_ref()
                    .map(<[u8; 8]>::as_slice));
            }
        }
        kind if kind.is_integer() => {
            for value in column.cast(&DataType::Int64)?.i64()?.iter() {
                add(value
                    .map(i64::to_le_bytes)
                    .as_ref()
                    .map(<[u8; 8]>::as_slice));
            }
        }
        _ => {
            for value in column.cast(&DataType::String)?.str()?.iter() {
                let length = value.map(|value| (value.len() as u64).to_le_bytes());
                add(length.as_ref().map(<[u8; 8]>::as_slice));
                add(value.map(str::as_bytes));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn every_value_and_name_counts() {
        let frames = [
            df!("a" => [Some("x"), None], "b" => [0.5, 1.0], "c" => [1_u32, 2]),
            df!("a" => [Some("x"), Some("")], "b" => [0.5, 1.0], "c" => [1_u32, 2]),
            df!("a" => [Some("x"), None], "b" => [0.5, -1.0], "c" => [1_u32, 2]),
            df!("a" => [Some("x"), None], "b" => [0.5, 1.0], "c" => [1_u32, 3]),
            df!("z" => [Some("x"), None], "b" => [0.5, 1.0], "c" => [1_u32, 2]),
        ];
        let digests: Vec<String> = frames
            .into_iter()
            .map(|frame| rows_digest(&frame.unwrap()).unwrap())
            .collect();
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
        let again = df!("a" => [Some("x"), None], "b" => [0.5, 1.0], "c" => [1_u32, 2]);
        assert_eq!(rows_digest(&again.unwrap()).unwrap(), digests[0]);
    }
}

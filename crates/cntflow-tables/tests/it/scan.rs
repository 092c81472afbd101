//! Scans of Parquet files: types, filters, limits, differing columns.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    LargeBinaryArray, ListArray, NullArray, StringArray, UInt32Array, UInt64Array,
    types::Int64Type,
};
use cntflow_tables::scan_parquet;
use polars::prelude::{
    Column, DataFrame, DataType, IntoLazy, LazyFrame, NamedFrom, Series, SortMultipleOptions, col,
    df, len, lit,
};

use crate::support::{file, write_file};

/// Numbers from `first` on, with every fifth null.
fn numbers(first: i64, n: i64) -> Int64Array {
    let numbers = (first..first + n).map(|number| (number % 5 != 0).then_some(number));
    numbers.collect()
}

#[test]
fn every_type_of_the_tables_is_read_as_polars_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let lists = [Some(vec![Some(784), None]), None, Some(vec![])];
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        (
            "i32",
            Arc::new(Int32Array::from(vec![Some(-1), None, Some(3)])),
        ),
        (
            "i64",
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(3)])),
        ),
        (
            "u32",
            Arc::new(UInt32Array::from(vec![Some(u32::MAX), None, Some(3)])),
        ),
        (
            "u64",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(3)])),
        ),
        (
            "f32",
            Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::NAN)])),
        ),
        (
            "f64",
            Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-0.0)])),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![
                Some("a text longer than twelve bytes"),
                None,
                Some(""),
            ])),
        ),
        (
            "bytes",
            Arc::new(LargeBinaryArray::from(vec![
                Some(&b"\xff"[..]),
                None,
                Some(b""),
            ])),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
        ("null", Arc::new(NullArray::new(3))),
    ];
    let read = scan_parquet(&[file(folder.path(), "a.parquet", columns)]);
    let read = read.unwrap().collect().unwrap();
    let lists = [
        Some(Series::new("".into(), [Some(784_i64), None])),
        None,
        Some(Series::new_empty("".into(), &DataType::Int64)),
    ];
    let expected = df!(
        "flag" => [Some(true), None, Some(false)],
        "i32" => [Some(-1_i32), None, Some(3)],
        "i64" => [Some(i64::MIN), None, Some(3)],
        "u32" => [Some(u32::MAX), None, Some(3)],
        "u64" => [Some(u64::MAX), None, Some(3)],
        "f32" => [Some(0.1_f32), None, Some(f32::NAN)],
        "f64" => [Some(0.1), None, Some(-0.0)],
        "text" => [Some("a text longer than twelve bytes"), None, Some("")],
        "bytes" => [Some(&b"\xff"[..]), None, Some(b"")],
        "list" => lists.to_vec(),
        "null" => Series::new_null("null".into(), 3),
    );
    let expected = expected.unwrap();
    assert_eq!(read.schema(), expected.schema());
    assert!(read.equals_missing(&expected), "{read:?}");
}

#[test]
fn a_type_that_no_table_has_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1]));
    let path = file(folder.path(), "days.parquet", vec![("day", days)]);
    let error = scan_parquet(&[path]).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.ends_with("days.parquet: column 'day' has the unsupported type Date32"),
        "{error}"
    );
}

#[test]
fn files_with_other_columns_are_joined_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let first: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let second: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let paths = [
        file(folder.path(), "a.parquet", vec![("n", Arc::clone(&first))]),
        file(folder.path(), "b.parquet", vec![("text", second)]),
    ];
    let read = scan_parquet(&paths).unwrap().collect().unwrap();
    let expected = df!("n" => [Some(1_i64), Some(2), None], "text" => [None, None, Some("x")]);
    assert!(read.equals_missing(&expected.unwrap()), "{read:?}");
}

#[test]
fn a_type_that_differs_between_files_is_refused_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let paths = [
        file(folder.path(), "a.parquet", vec![("label", numbers)]),
        file(folder.path(), "b.parquet", vec![("label", texts)]),
    ];
    let error = scan_parquet(&paths).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.ends_with("b.parquet: column 'label' is str, expected i64"),
        "{error}"
    );
}

/// Three files of several row groups, and the frame that they hold.
fn many_row_groups() -> (tempfile::TempDir, LazyFrame, DataFrame) {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    let mut all = Vec::new();
    for file in 0..3 {
        let first = file * 100;
        let path = folder.path().join(format!("{file}.parquet"));
        let texts: StringArray = (first..first + 100)
            .map(|number| Some(format!("checkpoint number {number:04}")))
            .collect();
        // NaN is no part of the statistics, but greater than all numbers to Polars.
        let reals: Float64Array = (first..first + 100)
            .map(|number| {
                Some(if number == 150 {
                    f64::NAN
                } else {
                    number as f64
                })
            })
            .collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(numbers(first, 100))),
            ("text", Arc::new(texts)),
            ("real", Arc::new(reals)),
        ];
        write_file(&path, columns, 30, &[]);
        all.push(
            scan_parquet(std::slice::from_ref(&path))
                .unwrap()
                .collect()
                .unwrap(),
        );
        paths.push(path);
    }
    let mut frame = all.remove(0);
    for next in &all {
        frame.vstack_mut(next).unwrap();
    }
    (folder, scan_parquet(&paths).unwrap(), frame)
}

#[test]
fn filters_give_the_rows_that_they_give_of_a_frame() {
    let (_folder, scan, frame) = many_row_groups();
    let filters = [
        col("n").eq(lit(42_i64)),
        col("n").gt(lit(250_i64)).and(col("n").lt(lit(260_i64))),
        lit(9_i64).gt_eq(col("n")),
        col("n")
            .is_null()
            .and(col("text").gt(lit("checkpoint number 0270"))),
        col("text").eq(lit("checkpoint number 0123")),
        col("real").gt(lit(280.0)),
        col("real").lt_eq(lit(f64::NAN)),
        col("real").eq(lit(-1.0)),
        col("n").eq(lit(1_i64)).or(col("n").eq(lit(299_i64))),
        col("n").neq(lit(7_i64)),
        // Looks at all rows: no row group may be left out before.
        col("n").eq(col("n").max()).and(col("real").gt(lit(0.0))),
        col("n").cast(DataType::Float64).gt(lit(297.5)),
    ];
    for filter in filters {
        let read = scan.clone().filter(filter.clone()).collect().unwrap();
        let expected = frame
            .clone()
            .lazy()
            .filter(filter.clone())
            .collect()
            .unwrap();
        assert!(
            read.equals_missing(&expected),
            "{filter:?}: {read:?} {expected:?}"
        );
    }
}

#[test]
fn projections_limits_and_orders_are_those_of_a_frame() {
    let (_folder, scan, frame) = many_row_groups();
    type Query = fn(LazyFrame) -> LazyFrame;
    let queries: [Query; 8] = [
        |rows| rows.select([col("real"), col("n")]),
        |rows| rows.select([len()]),
        |rows| rows.limit(130),
        |rows| rows.slice(120, 5),
        |rows| rows.limit(50).filter(col("n").gt(lit(20_i64))),
        |rows| rows.filter(col("n").gt(lit(20_i64))).limit(3),
        // Polars adds a filter of its own here.
        |rows| rows.sort(["real"], SortMultipleOptions::default()).limit(4),
        |rows| {
            rows.filter(col("n").gt(lit(1000_i64)))
                .select([col("text")])
        },
    ];
    for query in queries {
        let read = query(scan.clone()).collect().unwrap();
        let expected = query(frame.clone().lazy()).collect().unwrap();
        assert_eq!(read.schema(), expected.schema());
        assert!(read.equals_missing(&expected), "{read:?} {expected:?}");
    }
}

#[test]
fn row_groups_that_cannot_match_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let columns: Vec<(&str, ArrayRef)> = vec![("n", Arc::new(Int64Array::from_iter_values(0..90)))];
    write_file(&path, columns, 30, &[]);
    // Only the last row group's pages stay readable.
    let mut bytes = fs_err::read(&path).unwrap();
    let reader =
        parquet::file::reader::SerializedFileReader::new(bytes::Bytes::from(bytes.clone()));
    let reader = reader.unwrap();
    let metadata = parquet::file::reader::FileReader::metadata(&reader);
    let (start, _) = metadata.row_group(2).column(0).byte_range();
    bytes[4..usize::try_from(start).unwrap()].fill(0xff);
    fs_err::write(&path, &bytes).unwrap();
    let scan = || scan_parquet(std::slice::from_ref(&path)).unwrap();
    let read = scan()
        .filter(col("n").gt_eq(lit(85_i64)))
        .collect()
        .unwrap();
    assert_eq!(
        read.column("n").unwrap(),
        &Column::new("n".into(), [85_i64, 86, 87, 88, 89])
    );
    let error = scan().collect().unwrap_err().to_string();
    assert!(error.contains("a.parquet"), "{error}");
}

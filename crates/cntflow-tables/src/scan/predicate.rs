//! The filter of a query. By the statistics of row groups it tells which of them need not be read;
//! then it filters the rows.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::RowGroupMetaData;
use polars::lazy::dsl::{BooleanFunction, FunctionExpr};
use polars::prelude::{
    AnyValue, DataFrame, Expr, LiteralValue, Operator, PolarsError, PolarsResult,
};

use super::read::File;

/// Polars adds a dynamic filter for `ORDER BY .. LIMIT`: while one of its own scans runs, the
/// filter is narrowed to rows that can still be among the best. Such a filter is displayed as a
/// text that starts like this.
const DYNAMIC: &str = "dynamic_pred:";

/// A filter as a conjunction of conditions.
pub(super) struct Predicate {
    /// All of these must be true; `None` if Polars had only a dynamic filter.
    filter: Option<Expr>,
    /// Those conjuncts that compare a column with a value.
    comparisons: Vec<Comparison>,
    is_elementwise: bool,
}

impl Predicate {
    /// # Errors The filter contains an expression that Polars hands to scans only as text for
    /// display, so that it cannot be evaluated.
    pub(super) fn new(expression: &Expr) -> PolarsResult<Self> {
        let mut conjuncts = Vec::new();
        split(expression, &mut conjuncts);
        // A dynamic filter may be ignored: it only drops rows that a later step of the query drops
        // anyway.
        conjuncts.retain(|conjunct| !is_dynamic(conjunct));
        if let Some(unknown) = conjuncts.iter().find(|conjunct| has_unknown(conjunct)) {
            return Err(PolarsError::ComputeError(
                format!("filter {unknown:?} cannot be applied to a Parquet scan").into(),
            ));
        }
        Ok(Self {
            comparisons: conjuncts
                .iter()
                .filter_map(|conjunct| Comparison::of(conjunct))
                .collect(),
            is_elementwise: conjuncts.iter().all(|conjunct| is_elementwise(conjunct)),
            filter: conjuncts.into_iter().cloned().reduce(Expr::and),
        })
    }

    /// Whether the filter can be decided for each row by itself, without looking at other rows.
    pub(super) fn is_elementwise(&self) -> bool {
        self.is_elementwise
    }

    /// The rows that pass.
    pub(super) fn filter(&self, frame: DataFrame) -> PolarsResult<DataFrame> {
        match &self.filter {
            Some(filter) => super::filter(frame, filter.clone()),
            None => Ok(frame),
        }
    }

    /// For each row group of `file` whether it may have rows that pass. Only for elementwise
    /// filters.
    pub(super) fn row_groups(&self, file: &File) -> Vec<bool> {
        let mut may_match = vec![true; file.metadata().num_row_groups()];
        for comparison in &self.comparisons {
            comparison.exclude_row_groups(file, &mut may_match);
        }
        may_match
    }
}

/// The expressions that `expression` is the conjunction of.
fn split<'a>(expression: &'a Expr, conjuncts: &mut Vec<&'a Expr>) {
    match expression {
        Expr::BinaryExpr {
            left,
            op: Operator::And | Operator::LogicalAnd,
            right,
        } => {
            split(left, conjuncts);
            split(right, conjuncts);
        }
        other => conjuncts.push(other),
    }
}

fn is_dynamic(expression: &Expr) -> bool {
    matches!(expression, Expr::Display { fmt_str, .. } if fmt_str.starts_with(DYNAMIC))
}

fn has_unknown(expression: &Expr) -> bool {
    let mut parts = expression.into_iter();
    parts.any(|part| matches!(part, Expr::Display { .. }))
}

/// Whether every operation of the expression is in the list below. The list has operations that
/// look at one row at a time. It need not be complete, since any other filter is applied to the
/// whole table.
fn is_elementwise(expression: &Expr) -> bool {
    use BooleanFunction as Test;
    expression.into_iter().all(|part| match part {
        Expr::Column(_)
        | Expr::Alias(..)
        | Expr::BinaryExpr { .. }
        | Expr::Cast { .. }
        | Expr::Ternary { .. } => true,
        Expr::Literal(LiteralValue::Dyn(_) | LiteralValue::Scalar(_)) => true,
        Expr::Function {
            function: FunctionExpr::Boolean(test),
            ..
        } => matches!(
            test,
            Test::IsNull
                | Test::IsNotNull
                | Test::IsFinite
                | Test::IsInfinite
                | Test::IsNan
                | Test::IsNotNan
                | Test::Not
        ),
        _ => false,
    })
}

/// A column compared with a value.
#[derive(Debug)]
struct Comparison {
    column: String,
    operator: Operator,
    value: Value,
}

/// A value of a query or of a row group's statistics, as far as they can be compared.
#[derive(Debug)]
enum Value {
    Integer(i128),
    Real(f64),
    Text(String),
}

impl Comparison {
    fn of(expression: &Expr) -> Option<Self> {
        let Expr::BinaryExpr { left, op, right } = expression else {
            return None;
        };
        let (column, operator, literal) = match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(literal)) => (column, *op, literal),
            (Expr::Literal(literal), Expr::Column(column)) => (column, mirrored(*op)?, literal),
            _ => return None,
        };
        Some(Self {
            column: column.to_string(),
            operator,
            value: Value::of_literal(literal)?,
        })
    }

    /// Clears the flags of the row groups in which no row can pass.
    fn exclude_row_groups(&self, file: &File, may_match: &mut [bool]) {
        let Some((least, greatest)) = statistics(file, &self.column) else {
            return;
        };
        for (row_group, may_match) in may_match.iter_mut().enumerate() {
            let (Some(least), Some(greatest)) = (
                Value::at(&least, row_group),
                Value::at(&greatest, row_group),
            ) else {
                continue;
            };
            *may_match &= self.may_hold(&least, &greatest);
        }
    }

    /// Whether the comparison may hold for a value between `least` and `greatest`.
    fn may_hold(&self, least: &Value, greatest: &Value) -> bool {
        let (Some(least), Some(greatest)) =
            (least.compare(&self.value), greatest.compare(&self.value))
        else {
            return true;
        };
        // Polars orders NaN above all numbers, but statistics of row groups ignore NaN: a row with
        // NaN may pass although the greatest value does not.
        let may_be_nan = matches!(self.value, Value::Real(_));
        match self.operator {
            Operator::Eq => least.is_le() && greatest.is_ge(),
            Operator::Lt => least.is_lt(),
            Operator::LtEq => least.is_le(),
            Operator::Gt => greatest.is_gt() || may_be_nan,
            Operator::GtEq => greatest.is_ge() || may_be_nan,
            _ => true,
        }
    }
}

/// The operator with its sides exchanged.
fn mirrored(operator: Operator) -> Option<Operator> {
    Some(match operator {
        Operator::Eq => Operator::Eq,
        Operator::Lt => Operator::Gt,
        Operator::LtEq => Operator::GtEq,
        Operator::Gt => Operator::Lt,
        Operator::GtEq => Operator::LtEq,
        _ => return None,
    })
}

/// Least and greatest values of a column, by row group; `None` without statistics that can be
/// relied on.
fn statistics(file: &File, column: &str) -> Option<(ArrayRef, ArrayRef)> {
    let metadata = file.metadata();
    let descriptor = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(column, file.schema(), descriptor).ok()?;
    let index = converter.parquet_column_index()?;
    // Old writers ordered texts and unsigned numbers as signed bytes.
    let is_reliable = |row_group: &RowGroupMetaData| {
        let statistics = row_group.column(index).statistics();
        statistics.is_none_or(|statistics| !statistics.is_min_max_deprecated())
    };
    let row_groups = metadata.row_groups();
    if !row_groups.iter().all(is_reliable) {
        return None;
    }
    let least = converter.row_group_mins(row_groups).ok()?;
    let greatest = converter.row_group_maxes(row_groups).ok()?;
    Some((least, greatest))
}

impl Value {
    fn of_literal(literal: &LiteralValue) -> Option<Self> {
        let LiteralValue::Scalar(value) = literal else {
            return None;
        };
        match value.value() {
            AnyValue::String(text) => Some(Self::Text((*text).to_owned())),
            AnyValue::StringOwned(text) => Some(Self::Text(text.to_string())),
            AnyValue::Float64(value) => Some(Self::Real(*value)),
            AnyValue::Float32(value) => Some(Self::Real(f64::from(*value))),
            other if other.is_integer() => other.extract().map(Self::Integer),
            _ => None,
        }
    }

    /// An element of an array, `None` if it is null or of another type.
    fn at(array: &ArrayRef, index: usize) -> Option<Self> {
        if array.is_null(index) {
            return None;
        }
        macro_rules! primitive {
            ($type:ty) => {
                array.as_primitive::<$type>().value(index).into()
            };
        }
        Some(match array.data_type() {
            DataType::Int32 => Self::Integer(primitive!(Int32Type)),
            DataType::Int64 => Self::Integer(primitive!(Int64Type)),
            DataType::UInt32 => Self::Integer(primitive!(UInt32Type)),
            DataType::UInt64 => Self::Integer(primitive!(UInt64Type)),
            DataType::Float32 => Self::Real(primitive!(Float32Type)),
            DataType::Float64 => Self::Real(primitive!(Float64Type)),
            DataType::Utf8View => Self::Text(array.as_string_view().value(index).to_owned()),
            _ => return None,
        })
    }

    /// `None` for values that have no order: of different kinds, or NaN.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

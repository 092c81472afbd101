//! Arrow arrays of the `parquet` crate as Polars arrays. Numbers and texts are shared, not copied.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, GenericListArray, OffsetSizeTrait};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use polars::prelude::{ArrayRef, CompatLevel, DataType as PolarsType, PolarsResult};
use polars_arrow::array as polars_array;
use polars_arrow::array::View;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::ArrowDataType;
use polars_arrow::offset::OffsetsBuffer;
use polars_arrow::types::NativeType;
use polars_buffer::Buffer as PolarsBuffer;

/// The Polars type of a column, `None` where no table has columns of that type.
pub(super) fn polars_type(arrow: &DataType) -> Option<PolarsType> {
    Some(match arrow {
        DataType::Null => PolarsType::Null,
        DataType::Boolean => PolarsType::Boolean,
        DataType::Int32 => PolarsType::Int32,
        DataType::Int64 => PolarsType::Int64,
        DataType::UInt32 => PolarsType::UInt32,
        DataType::UInt64 => PolarsType::UInt64,
        DataType::Float32 => PolarsType::Float32,
        DataType::Float64 => PolarsType::Float64,
        DataType::Utf8View => PolarsType::String,
        DataType::BinaryView => PolarsType::Binary,
        DataType::List(item) | DataType::LargeList(item) => {
            PolarsType::List(Box::new(polars_type(item.data_type())?))
        }
        _ => return None,
    })
}

/// The same field with texts and bytes as views, the form that Polars has them in.
pub(super) fn with_views(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}

/// The Polars array of the same values; `None` if [`polars_type`] does not know the type.
pub(super) fn polars_array(array: &dyn Array) -> Option<PolarsResult<ArrayRef>> {
    let nulls = array.nulls().map(bitmap);
    let converted = match array.data_type() {
        DataType::Null => {
            let nulls = polars_array::NullArray::try_new(ArrowDataType::Null, array.len());
            nulls.map(|array| Box::new(array) as ArrayRef)
        }
        DataType::Boolean => {
            let values = bits(array.as_boolean().values());
            let flags = polars_array::BooleanArray::try_new(ArrowDataType::Boolean, values, nulls);
            flags.map(|array| Box::new(array) as ArrayRef)
        }
        DataType::Int32 => numbers::<Int32Type>(array, nulls),
        DataType::Int64 => numbers::<Int64Type>(array, nulls),
        DataType::UInt32 => numbers::<UInt32Type>(array, nulls),
        DataType::UInt64 => numbers::<UInt64Type>(array, nulls),
        DataType::Float32 => numbers::<Float32Type>(array, nulls),
        DataType::Float64 => numbers::<Float64Type>(array, nulls),
        DataType::Utf8View => {
            let texts = array.as_string_view();
            let (views, bytes) = views(texts.views(), texts.data_buffers());
            let texts =
                polars_array::Utf8ViewArray::try_new(ArrowDataType::Utf8View, views, bytes, nulls);
            texts.map(|array| Box::new(array) as ArrayRef)
        }
        DataType::BinaryView => {
            let binary = array.as_binary_view();
            let (views, bytes) = views(binary.views(), binary.data_buffers());
            let binary = polars_array::BinaryViewArray::try_new(
                ArrowDataType::BinaryView,
                views,
                bytes,
                nulls,
            );
            binary.map(|array| Box::new(array) as ArrayRef)
        }
        DataType::List(_) => return list(array.as_list::<i32>(), nulls),
        DataType::LargeList(_) => return list(array.as_list::<i64>(), nulls),
        _ => return None,
    };
    Some(converted)
}

fn numbers<T>(array: &dyn Array, nulls: Option<Bitmap>) -> PolarsResult<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: NativeType,
{
    let values = PolarsBuffer::from_owner(array.as_primitive::<T>().values().clone());
    let data_type = ArrowDataType::from(<T::Native as NativeType>::PRIMITIVE);
    let array = polars_array::PrimitiveArray::try_new(data_type, values, nulls)?;
    Ok(Box::new(array))
}

/// Views of texts or bytes: both libraries lay them out as the Arrow format says.
struct Views(ScalarBuffer<u128>);

impl AsRef<[View]> for Views {
    fn as_ref(&self) -> &[View] {
        bytemuck::cast_slice(&self.0)
    }
}

type ViewBuffers = (PolarsBuffer<View>, PolarsBuffer<PolarsBuffer<u8>>);

fn views(views: &ScalarBuffer<u128>, buffers: &[Buffer]) -> ViewBuffers {
    let bytes = buffers.iter().cloned().map(PolarsBuffer::from_owner);
    (
        PolarsBuffer::from_owner(Views(views.clone())),
        bytes.collect(),
    )
}

fn list<O: OffsetSizeTrait>(
    array: &GenericListArray<O>,
    nulls: Option<Bitmap>,
) -> Option<PolarsResult<ArrayRef>> {
    let data_type = polars_type(array.data_type())?.to_arrow(CompatLevel::newest());
    let values = match polars_array(array.values())? {
        Ok(values) => values,
        Err(error) => return Some(Err(error)),
    };
    let offsets = array
        .offsets()
        .iter()
        .map(|offset| offset.as_usize() as i64);
    let list = OffsetsBuffer::try_from(offsets.collect::<Vec<_>>()).and_then(|offsets| {
        polars_array::ListArray::<i64>::try_new(data_type, offsets, values, nulls)
    });
    Some(list.map(|array| Box::new(array) as ArrayRef))
}

fn bitmap(nulls: &NullBuffer) -> Bitmap {
    bits(nulls.inner())
}

fn bits(bits: &BooleanBuffer) -> Bitmap {
    // `sliced` moves the first bit to the start of a byte.
    Bitmap::from_u8_vec(bits.sliced().to_vec(), bits.len())
}

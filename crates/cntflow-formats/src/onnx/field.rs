//! The field numbers of `onnx.proto` by their names there, one module for each message.

/// `ModelProto`.
pub(crate) mod model {
    pub(crate) const IR_VERSION: u64 = 1;
    pub(crate) const PRODUCER_NAME: u64 = 2;
    pub(crate) const PRODUCER_VERSION: u64 = 3;
    pub(crate) const DOMAIN: u64 = 4;
    pub(crate) const MODEL_VERSION: u64 = 5;
    pub(crate) const DOC_STRING: u64 = 6;
    pub(crate) const GRAPH: u64 = 7;
    pub(crate) const OPSET_IMPORT: u64 = 8;
    pub(crate) const METADATA_PROPS: u64 = 14;
    pub(crate) const TRAINING_INFO: u64 = 20;
    pub(crate) const FUNCTIONS: u64 = 25;
    pub(crate) const CONFIGURATION: u64 = 26;
}

/// `GraphProto`.
pub(crate) mod graph {
    pub(crate) const NODE: u64 = 1;
    pub(crate) const INITIALIZER: u64 = 5;
    pub(crate) const INPUT: u64 = 11;
    pub(crate) const OUTPUT: u64 = 12;
    pub(crate) const SPARSE_INITIALIZER: u64 = 15;
}

/// `FunctionProto`.
pub(crate) mod function {
    pub(crate) const NODE: u64 = 7;
}

/// `NodeProto`.
pub(crate) mod node {
    pub(crate) const INPUT: u64 = 1;
    pub(crate) const OUTPUT: u64 = 2;
    pub(crate) const NAME: u64 = 3;
    pub(crate) const OP_TYPE: u64 = 4;
    pub(crate) const ATTRIBUTE: u64 = 5;
    pub(crate) const DOMAIN: u64 = 7;
}

/// `AttributeProto`.
pub(crate) mod attribute {
    pub(crate) const NAME: u64 = 1;
    pub(crate) const F: u64 = 2;
    pub(crate) const I: u64 = 3;
    pub(crate) const S: u64 = 4;
    pub(crate) const T: u64 = 5;
    pub(crate) const G: u64 = 6;
    pub(crate) const FLOATS: u64 = 7;
    pub(crate) const INTS: u64 = 8;
    pub(crate) const STRINGS: u64 = 9;
    pub(crate) const GRAPHS: u64 = 11;
    pub(crate) const SPARSE_TENSOR: u64 = 22;
}

/// `TensorProto`.
pub(crate) mod tensor {
    pub(crate) const DIMS: u64 = 1;
    pub(crate) const DATA_TYPE: u64 = 2;
    pub(crate) const SEGMENT: u64 = 3;
    pub(crate) const FLOAT_DATA: u64 = 4;
    pub(crate) const INT32_DATA: u64 = 5;
    pub(crate) const STRING_DATA: u64 = 6;
    pub(crate) const INT64_DATA: u64 = 7;
    pub(crate) const NAME: u64 = 8;
    pub(crate) const RAW_DATA: u64 = 9;
    pub(crate) const DOUBLE_DATA: u64 = 10;
    pub(crate) const UINT64_DATA: u64 = 11;
    pub(crate) const EXTERNAL_DATA: u64 = 13;
    pub(crate) const DATA_LOCATION: u64 = 14;
}

/// `TensorProto.DataType`, the value of [`tensor::DATA_TYPE`].
pub(crate) mod data_type {
    pub(crate) const UNDEFINED: u64 = 0;
    pub(crate) const FLOAT: u64 = 1;
    pub(crate) const UINT8: u64 = 2;
    pub(crate) const INT8: u64 = 3;
    pub(crate) const UINT16: u64 = 4;
    pub(crate) const INT16: u64 = 5;
    pub(crate) const INT32: u64 = 6;
    pub(crate) const INT64: u64 = 7;
    pub(crate) const STRING: u64 = 8;
    pub(crate) const BOOL: u64 = 9;
    pub(crate) const FLOAT16: u64 = 10;
    pub(crate) const DOUBLE: u64 = 11;
    pub(crate) const UINT32: u64 = 12;
    pub(crate) const UINT64: u64 = 13;
    pub(crate) const COMPLEX64: u64 = 14;
    pub(crate) const COMPLEX128: u64 = 15;
    pub(crate) const BFLOAT16: u64 = 16;
    pub(crate) const FLOAT8E4M3FN: u64 = 17;
    pub(crate) const FLOAT8E4M3FNUZ: u64 = 18;
    pub(crate) const FLOAT8E5M2: u64 = 19;
    pub(crate) const FLOAT8E5M2FNUZ: u64 = 20;
    pub(crate) const UINT4: u64 = 21;
    pub(crate) const INT4: u64 = 22;
    pub(crate) const FLOAT4E2M1: u64 = 23;
}

/// `TensorProto.DataLocation`, the value of [`tensor::DATA_LOCATION`].
pub(crate) mod data_location {
    pub(crate) const EXTERNAL: u64 = 1;
}

/// `SparseTensorProto`.
pub(crate) mod sparse_tensor {
    pub(crate) const VALUES: u64 = 1;
    pub(crate) const DIMS: u64 = 3;
}

/// `ValueInfoProto`, and the messages within it that lead to the sizes of a tensor.
pub(crate) mod value_info {
    pub(crate) const NAME: u64 = 1;
    pub(crate) const TYPE: u64 = 2;
    /// Of `TypeProto`.
    pub(crate) const TENSOR_TYPE: u64 = 1;
    /// Of `TypeProto.Tensor`.
    pub(crate) const SHAPE: u64 = 2;
    /// Of `TensorShapeProto.Dimension`.
    pub(crate) const DIM_VALUE: u64 = 1;
}

/// `OperatorSetIdProto`.
pub(crate) mod operator_set {
    pub(crate) const DOMAIN: u64 = 1;
    pub(crate) const VERSION: u64 = 2;
}

/// `TrainingInfoProto`.
pub(crate) mod training_info {
    pub(crate) const INITIALIZATION: u64 = 1;
    pub(crate) const ALGORITHM: u64 = 2;
}

/// `StringStringEntryProto`.
pub(crate) mod entry {
    pub(crate) const KEY: u64 = 1;
    pub(crate) const VALUE: u64 = 2;
}

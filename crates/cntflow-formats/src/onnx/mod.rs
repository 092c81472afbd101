//! ONNX: a protobuf message with a graph of operators and the tensors that they use. The graph is
//! the architecture.
//!
//! Messages are walked in place, by this module's own reader of protobuf's wire format ([`wire`]),
//! which has four wire types. A decoder of `prost` owns what it reads: it would copy the elements
//! of every tensor out of the mapped file, and it makes lists of all nodes before a limit can be
//! compared. Elements in `raw_data` are used in place.
//!
//! Tensors are initializers and the values of `Constant` nodes, also those of graphs that nodes
//! hold. External data is read from files in the folder of the model's, and from no others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cntflow_storage::{Content, FormatError, Limits};

use super::TensorEntry;
use crate::{
    Description, Element,
    format::{Format, OpenResult},
};

mod beside;
mod field;
mod graph;
pub mod node;
pub mod proto;
pub mod tensor;
pub mod wire;

use beside::FilesBeside;
pub use graph::Graph;
use proto::Model;
use tensor::ElementLocation;
use wire::{Message, Value};

/// Newest version of the format's structure that is recognised; today's is 13.
const MAX_IR_VERSION: u64 = 64;

/// The key of a model's field `graph`: its number and the wire type of bytes.
const GRAPH_KEY: u8 = (field::model::GRAPH << 3 | 2) as u8;
/// The key of a graph's field `node`.
const NODE_KEY: u8 = (field::graph::NODE << 3 | 2) as u8;

/// A file whose messages have been walked.
#[derive(Debug)]
struct OnnxFile {
    tensors: Vec<TensorEntry>,
    /// Where each tensor's elements are, and their type.
    sources: Vec<(ElementLocation, Element)>,
    metadata: BTreeMap<String, String>,
    limits: Limits,
    /// Files beside the model's that hold elements of tensors.
    beside: FilesBeside,
}

/// Whether the file consists of the fields of a model, a version first and a graph among them; the
/// last field may be cut short.
pub(super) fn recognises(file: &[u8]) -> bool {
    let mut fields = Message::whole(file).fields();
    let version = fields.next().and_then(Result::ok);
    let versioned = version.is_some_and(|field| {
        let is_version = matches!(field.value, Value::Varint(1..=MAX_IR_VERSION));
        field.number == field::model::IR_VERSION && is_version
    });
    if !versioned {
        return false;
    }
    let mut has_graph = false;
    for field in fields {
        match field {
            Ok(field) if !is_model_field(field.number, field.value) => return false,
            Ok(field) => has_graph |= field.number == field::model::GRAPH,
            Err(error) => return cut_short(&error) && (has_graph || ends_in_graph(file)),
        }
    }
    has_graph
}

fn cut_short(error: &FormatError) -> bool {
    matches!(error, FormatError::Length { .. })
}

/// Whether the field that the file ends in is a graph that begins with a node, as all writers write
/// it.
fn ends_in_graph(file: &[u8]) -> bool {
    let mut start = 0;
    for field in Message::whole(file).fields().map_while(Result::ok) {
        start = match field.value {
            Value::Varint(_) => start,
            Value::Fixed(data) | Value::Bytes(data) => data.span.end,
        };
    }
    // Varints may stand in between: the key of the graph is looked for in the next 24 bytes, which
    // hold two fields of varints and the graph's key and length.
    let rest = &file[start..file.len().min(start + 24)];
    rest.iter().enumerate().any(|(index, &byte)| {
        let is_graph = byte == GRAPH_KEY;
        // The graph's length follows its key, and its first field follows the last byte of the
        // length.
        let first = rest[index + 1..]
            .iter()
            .skip_while(|&&byte| byte >= 0x80)
            .nth(1);
        is_graph && first.is_some_and(|&first| first == NODE_KEY)
    })
}

/// Whether a model has a field of this number, and it holds such a value.
fn is_model_field(number: u64, value: Value<'_>) -> bool {
    use field::model::{
        CONFIGURATION, DOC_STRING, DOMAIN, FUNCTIONS, GRAPH, IR_VERSION, METADATA_PROPS,
        MODEL_VERSION, OPSET_IMPORT, PRODUCER_NAME, PRODUCER_VERSION, TRAINING_INFO,
    };
    match number {
        IR_VERSION | MODEL_VERSION => matches!(value, Value::Varint(_)),
        PRODUCER_NAME | PRODUCER_VERSION | DOMAIN | DOC_STRING | GRAPH | OPSET_IMPORT
        | METADATA_PROPS | TRAINING_INFO | FUNCTIONS | CONFIGURATION => {
            matches!(value, Value::Bytes(_))
        }
        _ => false,
    }
}

/// Walks the model and checks every tensor against the file.
pub(super) fn open(file: &[u8], limits: &Limits) -> OpenResult {
    let model = Model::read(file, limits)?;
    let sources = model
        .tensors
        .iter()
        .map(|listed| (listed.tensor.source, listed.tensor.element))
        .collect();
    let beside = FilesBeside::of(&model);
    let entries = model.tensors.into_iter().map(|listed| TensorEntry {
        name: listed.name,
        shape: listed.tensor.shape,
        element: listed.tensor.element,
        excluded_because: listed.excluded_because,
    });
    Ok(Box::new(OnnxFile {
        tensors: entries.collect(),
        sources,
        metadata: model.metadata,
        limits: *limits,
        beside,
    }))
}

impl Format for OnnxFile {
    fn name(&self) -> &'static str {
        "ONNX"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let (source, element) = self.sources[index];
        match source {
            ElementLocation::Beside { offset, length } => {
                self.beside.elements(index, offset, length)
            }
            source => tensor::elements(source, element, file),
        }
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn files_beside(&self) -> Vec<String> {
        self.beside.names()
    }

    fn set_files_beside(&mut self, contents: Vec<Content>) -> Result<(), FormatError> {
        self.beside.set(contents, &mut self.tensors, &self.sources)
    }

    fn description<'a>(&'a self, file: &'a [u8]) -> Option<Description<'a>> {
        // The messages borrow from the file, which this value does not hold: they are walked again.
        let mut model = Model::read(file, &self.limits).ok()?;
        self.beside.tell(&mut model);
        Some(Description::Onnx(Graph { model, file }))
    }
}

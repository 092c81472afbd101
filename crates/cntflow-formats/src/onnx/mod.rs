//! ONNX: a protobuf message with a graph of operators and the tensors that they take. The architecture comes with it.
//!
//! The messages are walked as they lie in the file, by a walk of protobuf's wire format that this module has itself ([`wire`]).
//! A decoder of `prost` owns what it reads: it would copy the elements of every tensor, gigabytes of them, out of a file that is
//! mapped, since what it can share (`Bytes`) must own the map; and it makes lists of all nodes before a limit can be compared. The
//! walk is four wire types. Elements in `raw_data` are handed out as they lie.
//!
//! Tensors are initializers and the values of `Constant` nodes. External data is not read, and no other file is ever opened.

use crate::Description;
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::TensorEntry;
use crate::Element;
use crate::format::{Format, Opening};
use cntflow_storage::FormatError;
use cntflow_storage::Limits;

pub mod node;
pub mod proto;
pub mod tensor;
pub mod wire;

use proto::Model;
use tensor::Source;
use wire::{Message, Value};

/// A model's graph with the file that its messages lie in.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The model: nodes, inputs, outputs and tensors.
    pub model: Model<'a>,
    /// The bytes of the whole file.
    pub file: &'a [u8],
}

/// Newest version of the format's own structure that is taken for one; today's is 13.
const MAX_IR_VERSION: u64 = 64;

/// A file whose messages have been walked.
#[derive(Debug)]
struct Opened {
    tensors: Vec<TensorEntry>,
    /// Where each tensor's elements are.
    sources: Vec<(Source, Element)>,
    metadata: BTreeMap<String, String>,
    limits: Limits,
}

/// A model's fields, from a version on, with a graph among them; the last may be cut short.
pub(super) fn recognises(file: &[u8]) -> bool {
    let mut fields = Message::whole(file).fields();
    let version = fields.next().and_then(Result::ok);
    let versioned = version.is_some_and(|field| {
        let known = matches!(field.value, Value::Varint(1..=MAX_IR_VERSION));
        field.number == 1 && known
    });
    if !versioned {
        return false;
    }
    let mut has_graph = false;
    for field in fields {
        match field {
            Ok(field) if !fits(field.number, field.value) => return false,
            Ok(field) => has_graph |= field.number == 7,
            Err(error) => return cut_short(&error) && (has_graph || ends_in_graph(file)),
        }
    }
    has_graph
}

fn cut_short(error: &FormatError) -> bool {
    matches!(error, FormatError::Length { .. })
}

/// Whether the first field that goes on after the file's end is a graph that begins with a node, as all writers have it.
fn ends_in_graph(file: &[u8]) -> bool {
    let mut start = 0;
    for field in Message::whole(file).fields().map_while(Result::ok) {
        start = match field.value {
            Value::Varint(_) => start,
            Value::Fixed(data) | Value::Bytes(data) => data.span.end,
        };
    }
    // A varint may stand between; the key of the graph is looked for behind at most a few of them.
    let rest = &file[start..file.len().min(start + 24)];
    rest.iter().enumerate().any(|(place, &byte)| {
        byte == 0x3a
            && rest[place + 1..]
                .iter()
                .skip_while(|&&byte| byte >= 0x80)
                .nth(1)
                .is_some_and(|&first| first == 0x0a)
    })
}

/// Whether a field of a number is one of a model's, and holds what those hold.
fn fits(number: u64, value: Value<'_>) -> bool {
    match number {
        1 | 5 => matches!(value, Value::Varint(_)),
        2..=4 | 6..=8 | 14 | 20 | 25 | 26 => matches!(value, Value::Bytes(_)),
        _ => false,
    }
}

/// Walks the model, checks every tensor against the file, and follows the graph.
pub(super) fn open(file: &[u8], limits: &Limits) -> Opening {
    let model = Model::read(file, limits)?;
    let sources = model
        .tensors
        .iter()
        .map(|listed| (listed.tensor.source, listed.tensor.element))
        .collect();
    let entries = model.tensors.into_iter().map(|listed| TensorEntry {
        name: listed.name,
        shape: listed.tensor.shape,
        element: listed.tensor.element,
        excluded_because: listed.excluded_because,
    });
    Ok(Box::new(Opened {
        tensors: entries.collect(),
        sources,
        metadata: model.metadata,
        limits: *limits,
    }))
}

impl Format for Opened {
    fn name(&self) -> &'static str {
        "ONNX"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, file: &'a [u8], place: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let (source, element) = self.sources[place];
        tensor::elements(source, element, file)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn description<'a>(&'a self, file: &'a [u8]) -> Option<Description<'a>> {
        // The messages borrow from the file, which this value does not hold: they are walked again.
        let model = Model::read(file, &self.limits).ok()?;
        Some(Description::Onnx(Graph { model, file }))
    }
}

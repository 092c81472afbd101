//! A node of a graph: an operator with its inputs, outputs and attributes.

use cntflow_storage::FormatError;

use super::field;
use super::wire::{Message, Value};

/// Most whole numbers of an attribute: those of an axis or of a kernel are few.
const MAX_INTEGERS: usize = 64;

/// One operator of the graph.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its own name, which may be empty.
    pub name: &'a str,
    /// The operator, e.g. `MatMul`.
    pub operator: &'a str,
    /// Who defines the operator; empty for ONNX itself.
    pub domain: &'a str,
    /// Names of its inputs; an empty one is an optional input that is left out.
    pub inputs: Vec<&'a str>,
    /// Names of its outputs.
    pub outputs: Vec<&'a str>,
    /// Its attributes by name, each an `AttributeProto`.
    pub attributes: Vec<(&'a str, Message<'a>)>,
}

impl<'a> Node<'a> {
    /// Reads a `NodeProto`.
    ///
    /// # Errors
    /// A field is broken.
    pub fn read(message: Message<'a>) -> Result<Self, FormatError> {
        let mut node = Self {
            name: "",
            operator: "",
            domain: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
        };
        for field in message.fields() {
            let field = field?;
            match field.number {
                field::node::INPUT => node.inputs.push(field.value.text()?),
                field::node::OUTPUT => node.outputs.push(field.value.text()?),
                field::node::NAME => node.name = field.value.text()?,
                field::node::OP_TYPE => node.operator = field.value.text()?,
                field::node::ATTRIBUTE => {
                    let attribute = field.value.message()?;
                    node.attributes
                        .push((attribute_name(attribute)?, attribute));
                }
                field::node::DOMAIN => node.domain = field.value.text()?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// Its name in messages: its own or that of its first output, and the operator.
    pub fn shown(&self) -> String {
        let name = match (self.name, self.outputs.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        };
        format!("{name} ({})", self.operator)
    }

    fn attribute(&self, name: &str) -> Option<Message<'a>> {
        let (_, attribute) = self.attributes.iter().find(|(own, _)| *own == name)?;
        Some(*attribute)
    }

    /// The first value of a field of an attribute.
    fn value(&self, name: &str, number: u64) -> Option<Value<'a>> {
        let attribute = self.attribute(name)?;
        let mut fields = attribute.fields().filter_map(Result::ok);
        fields
            .find(|field| field.number == number)
            .map(|field| field.value)
    }

    /// The whole number in an attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        let value = self.value(name, field::attribute::I)?.varint().ok()?;
        Some(value as i64)
    }

    /// The float in an attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.value(name, field::attribute::F)?.f32().ok()
    }

    /// The text in an attribute.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name, field::attribute::S)?.text().ok()
    }

    /// The one whole number of the tensor in the attribute `value`.
    pub fn whole_value(&self) -> Option<i64> {
        let tensor = self.value("value", field::attribute::T)?.message().ok()?;
        let fields = || tensor.fields().filter_map(Result::ok);
        let value_of = |number| {
            fields()
                .find(|field| field.number == number)
                .map(|field| field.value)
        };
        let data_type = value_of(field::tensor::DATA_TYPE)?.varint().ok()?;
        if data_type != field::data_type::INT64 {
            return None;
        }
        let raw = value_of(field::tensor::RAW_DATA);
        match (raw, value_of(field::tensor::INT64_DATA)) {
            (Some(raw), _) => Some(i64::from_le_bytes(
                raw.message().ok()?.bytes().try_into().ok()?,
            )),
            (None, Some(typed)) => {
                let mut list = Vec::new();
                typed.integers(&mut list, 1).ok()?;
                list.first().copied()
            }
            (None, None) => None,
        }
    }

    /// The whole numbers in an attribute; `None` if there are more than 64.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let attribute = self.attribute(name)?;
        let mut list = Vec::new();
        for field in attribute.fields().filter_map(Result::ok) {
            if field.number == field::attribute::INTS {
                field.value.integers(&mut list, MAX_INTEGERS).ok()?;
            }
        }
        Some(list)
    }

    /// The texts in an attribute.
    pub fn texts(&self, name: &str) -> Option<Vec<&'a str>> {
        let fields = self.attribute(name)?.fields().filter_map(Result::ok);
        fields
            .filter(|field| field.number == field::attribute::STRINGS)
            .map(|field| field.value.text().ok())
            .collect()
    }
}

fn attribute_name(attribute: Message<'_>) -> Result<&str, FormatError> {
    let mut name = "";
    for field in attribute.fields() {
        let field = field?;
        if field.number == field::attribute::NAME {
            name = field.value.text()?;
        }
    }
    Ok(name)
}

//! A node of a graph: an operator with its inputs, outputs and attributes.

use super::wire::{Message, Value};
use cntflow_storage::FormatError;

/// Number of the type of whole numbers of 64 bits.
const INT64: u64 = 7;

/// One operator of the graph.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub name: &'a str,
    pub operator: &'a str,
    pub domain: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    pub attributes: Vec<(&'a str, Message<'a>)>,
}

impl<'a> Node<'a> {
    /// Reads a `NodeProto`.
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
                1 => node.inputs.push(field.value.text()?),
                2 => node.outputs.push(field.value.text()?),
                3 => node.name = field.value.text()?,
                4 => node.operator = field.value.text()?,
                5 => {
                    let attribute = field.value.message()?;
                    node.attributes
                        .push((attribute_name(attribute)?, attribute));
                }
                7 => node.domain = field.value.text()?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// How messages call it.
    pub fn shown(&self) -> String {
        let name = match (self.name, self.outputs.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        };
        format!("{name} ({})", self.operator)
    }

    /// The first value of a field of an attribute.
    fn value(&self, name: &str, number: u64) -> Option<Value<'a>> {
        let (_, attribute) = self.attributes.iter().find(|(own, _)| *own == name)?;
        let mut fields = attribute.fields().filter_map(Result::ok);
        fields
            .find(|field| field.number == number)
            .map(|field| field.value)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.value(name, 3)?.varint().ok().map(|value| value as i64)
    }

    pub fn float(&self, name: &str) -> Option<f32> {
        self.value(name, 2)?.f32().ok()
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name, 4)?.text().ok()
    }

    /// The one whole number of the tensor in the attribute `value`.
    pub fn whole_value(&self) -> Option<i64> {
        let tensor = self.value("value", 5)?.message().ok()?;
        let fields = || tensor.fields().filter_map(Result::ok);
        let of = |number| {
            fields()
                .find(|field| field.number == number)
                .map(|field| field.value)
        };
        if of(2)?.varint().ok()? != INT64 {
            return None;
        }
        match (of(9), of(7)) {
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

    /// The whole numbers of an attribute, of which there are few.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let (_, attribute) = self.attributes.iter().find(|(own, _)| *own == name)?;
        let mut list = Vec::new();
        for field in attribute.fields().filter_map(Result::ok) {
            if field.number == 8 {
                field.value.integers(&mut list, 64).ok()?;
            }
        }
        Some(list)
    }

    /// The texts of an attribute.
    pub fn texts(&self, name: &str) -> Option<Vec<&'a str>> {
        let (_, attribute) = self.attributes.iter().find(|(own, _)| *own == name)?;
        let fields = attribute.fields().filter_map(Result::ok);
        fields
            .filter(|field| field.number == 9)
            .map(|field| field.value.text().ok())
            .collect()
    }
}

fn attribute_name(attribute: Message<'_>) -> Result<&str, FormatError> {
    let mut name = "";
    for field in attribute.fields() {
        let field = field?;
        if field.number == 1 {
            name = field.value.text()?;
        }
    }
    Ok(name)
}

//! Whole numbers that shapes are made of, and zeros that states begin with.

use super::super::proto::Node;
use super::super::tensor;
use super::axes::Axis;
use super::{Known, Path, Told, Weight};
use crate::Element;

/// Most numbers in a list that is read as a shape.
const MOST: usize = 64;

impl<'m, 'a> Path<'m, 'a> {
    /// The whole numbers of an input: computed, or a tensor of them.
    pub(super) fn list(&self, node: &Node<'a>, place: usize) -> Told<Vec<i64>> {
        let list = match self.known(node, place)? {
            Known::Numbers(list) => Some(list.clone()),
            Known::Weight(weight) => self.read_numbers(weight),
            Known::Flow(_) | Known::Zeros | Known::Within => None,
        };
        list.ok_or_else(|| format!("its input {place} is not known as a list of whole numbers"))
    }

    fn read_numbers(&self, weight: &Weight<'_>) -> Option<Vec<i64>> {
        let tensor = &self.model.tensors[weight.tensor].tensor;
        if tensor.shape.iter().product::<usize>() > MOST {
            return None;
        }
        let bytes = tensor::elements(tensor.source, tensor.element, self.file).ok()?;
        let chunks = bytes.chunks_exact(tensor.element.bytes());
        match tensor.element {
            Element::I64 => chunks
                .map(|b| b.try_into().ok().map(i64::from_le_bytes))
                .collect(),
            Element::I32 => chunks
                .map(|b| b.try_into().ok().map(|b| i32::from_le_bytes(b).into()))
                .collect(),
            _ => None,
        }
    }

    /// The one real number of an input.
    pub(super) fn scalar(&self, node: &Node<'a>, place: usize) -> Option<f64> {
        let Ok(Known::Weight(weight)) = self.known(node, place) else {
            return None;
        };
        let tensor = &self.model.tensors[weight.tensor].tensor;
        if tensor.shape.iter().product::<usize>() != 1 || !tensor.element.is_real() {
            return None;
        }
        let bytes = tensor::elements(tensor.source, tensor.element, self.file).ok()?;
        let values = tensor.element.values(bytes)?;
        values.first().map(|&value| value.into())
    }

    /// Whether an input is known to be zeros.
    pub(super) fn is_zeros(&self, node: &Node<'a>, place: usize) -> bool {
        match self.known(node, place) {
            Ok(Known::Zeros) => true,
            Ok(Known::Weight(weight)) => {
                let tensor = &self.model.tensors[weight.tensor].tensor;
                let bytes = tensor::elements(tensor.source, tensor.element, self.file);
                bytes.is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0))
            }
            _ => false,
        }
    }

    /// `Expand` of zeros, or `ConstantOfShape` of them.
    pub(super) fn zeros(&mut self, node: &Node<'a>) -> Told<()> {
        let zero = match node.operator {
            "Expand" => self.is_zeros(node, 0),
            _ => node.attributes.is_empty(),
        };
        if !zero {
            return Err("it makes values that are not zeros".to_owned());
        }
        self.give(node, 0, Known::Zeros);
        Ok(())
    }

    /// Follows a node that computes with whole numbers; whether it is one.
    pub(super) fn numbers(&mut self, node: &Node<'a>) -> Told<bool> {
        if node.operator == "Shape" {
            let batch = self.batch.unwrap_or(-1);
            let sizes = self.flow(node, 0)?.axes.into_iter().map(|axis| match axis {
                Axis::Batch => batch,
                axis => axis.size().map_or(1, |size| size as i64),
            });
            let sizes: Vec<i64> = sizes.collect();
            let n = sizes.len() as i64;
            let [start, end] = [("start", 0), ("end", n)].map(|(name, otherwise)| {
                let at = node.int(name).unwrap_or(otherwise);
                (if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n) as usize
            });
            let some = sizes.get(start..end).map_or(Vec::new(), <[i64]>::to_vec);
            self.give(node, 0, Known::Numbers(some));
            return Ok(true);
        }
        if node.operator == "Constant" {
            let numbers = node.int("value_int").map(|number| vec![number]);
            let Some(numbers) = numbers.or_else(|| node.ints("value_ints")) else {
                return Ok(false);
            };
            self.give(node, 0, Known::Numbers(numbers));
            return Ok(true);
        }
        let of_numbers = |place| match self.known(node, place) {
            Ok(Known::Numbers(list)) => Some(list.clone()),
            Ok(Known::Weight(weight)) => self.read_numbers(weight),
            _ => None,
        };
        let mut lists = Vec::new();
        for place in 0..node.inputs.len() {
            match of_numbers(place) {
                Some(list) => lists.push(list),
                None => return Ok(false),
            }
        }
        let Some(made) = computed(node, &lists) else {
            return Ok(false);
        };
        if made.len() > MOST {
            return Err(format!(
                "it makes {} whole numbers, at most {MOST} are followed",
                made.len()
            ));
        }
        self.give(node, 0, Known::Numbers(made));
        Ok(true)
    }
}

fn computed(node: &Node<'_>, lists: &[Vec<i64>]) -> Option<Vec<i64>> {
    let first = lists.first()?;
    let pairs = |combine: fn(i64, i64) -> Option<i64>| {
        let second = lists.get(1)?;
        let n = first.len().max(second.len());
        let at = |list: &[i64], i: usize| match list {
            [one] => Some(*one),
            list => list.get(i).copied(),
        };
        (0..n)
            .map(|i| combine(at(first, i)?, at(second, i)?))
            .collect()
    };
    match node.operator {
        "Cast" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => Some(first.clone()),
        "Concat" => Some(lists.concat()),
        "Gather" => {
            let n = first.len() as i64;
            let taken = lists.get(1)?.iter().map(|&index| {
                let index = if index < 0 {
                    index.checked_add(n)?
                } else {
                    index
                };
                first.get(usize::try_from(index).ok()?).copied()
            });
            taken.collect()
        }
        "Slice" => {
            let n = first.len() as i64;
            let [start, end] = [1, 2].map(|place| {
                let at = *lists.get(place)?.first()?;
                Some(if at < 0 { at.saturating_add(n) } else { at }.clamp(0, n) as usize)
            });
            first.get(start?..end?).map(<[i64]>::to_vec)
        }
        "Add" => pairs(i64::checked_add),
        "Sub" => pairs(i64::checked_sub),
        "Mul" => pairs(i64::checked_mul),
        "Div" => pairs(i64::checked_div),
        "Mod" => pairs(i64::checked_rem_euclid),
        _ => None,
    }
}

//! Constant folding: numbers that shapes and scales are made of, and zeros that states begin with.

use cntflow_formats::Element;
use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::tensor::{self, Tensor};

use super::axes::{Axis, index_from_start};
use super::symbolic::SymbolicInt;
use super::translator::Translator;
use super::value::Value;
use super::weight::Weight;
use crate::error::{Translated, unsupported};

/// The most numbers that a list may have to be read as a shape.
pub(super) const MAX_INTEGERS: usize = 64;

/// ONNX's numbers of the types of real elements: FLOAT, FLOAT16, DOUBLE and BFLOAT16.
pub(super) const REAL_TYPES: [i64; 4] = [1, 10, 11, 16];

impl<'a> Translator<'_, 'a> {
    /// The whole numbers of an input, none of which may depend on the batch.
    pub(super) fn fixed_integers(&self, node: &Node<'a>, input: usize) -> Translated<Vec<i64>> {
        let integers = self.integers(node, input)?;
        let fixed: Option<Vec<i64>> = integers.iter().map(|integer| integer.fixed()).collect();
        fixed.ok_or_else(|| {
            unsupported(format!(
                "its input {input} depends on the size of the batch"
            ))
        })
    }

    /// The one whole number of an input that lists one.
    pub(super) fn fixed_integer(&self, node: &Node<'a>, input: usize) -> Translated<Option<i64>> {
        Ok(match self.fixed_integers(node, input)?[..] {
            [integer] => Some(integer),
            _ => None,
        })
    }

    /// The whole numbers of an input: computed, or a tensor of them.
    pub(super) fn integers(&self, node: &Node<'a>, input: usize) -> Translated<Vec<SymbolicInt>> {
        self.value(node, input)?;
        let integers = self.integers_if_known(node, input);
        integers.ok_or_else(|| {
            unsupported(format!(
                "its input {input} is not known as a list of whole numbers"
            ))
        })
    }

    fn integers_if_known(&self, node: &Node<'a>, input: usize) -> Option<Vec<SymbolicInt>> {
        match self.value(node, input).ok()? {
            Value::Integers(list) => Some(list.clone()),
            Value::Weight(weight) => self.read_integers(weight),
            _ => None,
        }
    }

    fn read_integers(&self, weight: &Weight<'_>) -> Option<Vec<SymbolicInt>> {
        let tensor = &self.model.tensors[weight.tensor()?].tensor;
        let integers = integers_of(tensor, self.file)?.into_iter();
        Some(integers.map(SymbolicInt::Fixed).collect())
    }

    /// The values of a weight that is one tensor of at most `max` real numbers.
    pub(super) fn real_values(&self, weight: &Weight<'_>, max: usize) -> Option<Vec<f32>> {
        let tensor = &self.model.tensors[weight.tensor()?].tensor;
        if tensor.shape.iter().product::<usize>() > max || !tensor.element.is_real() {
            return None;
        }
        let bytes = tensor::elements(tensor.source, tensor.element, self.file).ok()?;
        Some(tensor.element.values(bytes)?.into_owned())
    }

    /// The one number of an input.
    pub(super) fn scalar(&self, node: &Node<'a>, input: usize) -> Option<f64> {
        match self.value(node, input).ok()? {
            Value::Real(value) => Some(*value),
            Value::Integers(list) => match list[..] {
                [SymbolicInt::Fixed(integer)] => Some(integer as f64),
                _ => None,
            },
            Value::Weight(weight) => match self.real_values(weight, 1)?[..] {
                [value] => Some(value.into()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether an input is known to be all zeros.
    pub(super) fn is_zeros(&self, node: &Node<'a>, input: usize) -> bool {
        match self.value(node, input) {
            Ok(Value::Zeros(_)) => true,
            Ok(Value::Weight(weight) | Value::RepeatedWeight(weight)) => {
                let Some(tensor) = weight.tensor() else {
                    return false;
                };
                let tensor = &self.model.tensors[tensor].tensor;
                let bytes = tensor::elements(tensor.source, tensor.element, self.file);
                bytes.is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0))
            }
            _ => false,
        }
    }

    /// `Expand` of zeros, or `ConstantOfShape` of them.
    pub(super) fn zeros(&mut self, node: &Node<'a>) -> Translated<()> {
        let (is_zero, shape_input) = if node.operator == "Expand" {
            (self.is_zeros(node, 0), 1)
        } else {
            // Without the attribute `value` the constant is zero.
            (node.attributes.is_empty(), 0)
        };
        if !is_zero {
            return Err(unsupported("it makes values that are not zeros"));
        }
        let sizes = self.integers(node, shape_input)?;
        let is_empty = |size: &SymbolicInt| {
            let (SymbolicInt::Fixed(n) | SymbolicInt::BatchMultiple(n)) = *size;
            n < 1
        };
        if sizes.iter().any(is_empty) {
            return Err(unsupported(format!("it makes zeros of sizes {sizes:?}")));
        }
        self.set_output(node, 0, Value::Zeros(sizes));
        Ok(())
    }

    /// Evaluates a node that computes with numbers alone; says whether it is one.
    pub(super) fn fold_constants(&mut self, node: &Node<'a>) -> Translated<bool> {
        let folded = match node.operator {
            "Shape" => Some(Value::Integers(self.shape_of(node)?)),
            "Constant" => constant(node),
            _ => self.computed(node)?,
        };
        let Some(value) = folded else {
            return Ok(false);
        };
        self.set_output(node, 0, value);
        Ok(true)
    }

    fn shape_of(&self, node: &Node<'a>) -> Translated<Vec<SymbolicInt>> {
        let sizes = match self.value(node, 0)? {
            Value::Zeros(sizes) => sizes.clone(),
            Value::Weight(weight) => {
                let size = |&size: &usize| i64::try_from(size).ok().map(SymbolicInt::Fixed);
                let sizes: Option<Vec<SymbolicInt>> = weight.shape.iter().map(size).collect();
                sizes.ok_or_else(|| unsupported("a size is too large"))?
            }
            Value::View(view) => {
                let sizes = view.sizes();
                sizes.ok_or_else(|| unsupported("its sizes are not known"))?
            }
            _ => {
                let size = |axis| match axis {
                    Axis::Batch => self.batch_size(),
                    axis => SymbolicInt::Fixed(axis.size().map_or(1, |size| size as i64)),
                };
                self.flow(node, 0)?.axes.into_iter().map(size).collect()
            }
        };
        let n = sizes.len() as i64;
        let [start, end] = [("start", 0), ("end", n)].map(|(name, default)| {
            let index = node.int(name).unwrap_or(default);
            clamped_index(index, n)
        });
        Ok(sizes
            .get(start..end)
            .map_or_else(Vec::new, <[SymbolicInt]>::to_vec))
    }

    /// The numbers that a node makes of others; `None` where it takes anything but numbers.
    fn computed(&self, node: &Node<'a>) -> Translated<Option<Value<'a>>> {
        if let Some(value) = self.computed_real(node) {
            return Ok(Some(Value::Real(value)));
        }
        let lists = (0..node.inputs.len()).map(|input| self.integers_if_known(node, input));
        let integers = lists
            .collect::<Option<Vec<_>>>()
            .and_then(|lists| computed_integers(node, &lists));
        match integers {
            Some(integers) if integers.len() > MAX_INTEGERS => Err(unsupported(format!(
                "it makes {} whole numbers, at most {MAX_INTEGERS} are followed",
                integers.len()
            ))),
            integers => Ok(integers.map(Value::Integers)),
        }
    }

    /// The one real number that a node makes of others.
    fn computed_real(&self, node: &Node<'a>) -> Option<f64> {
        let scalar = |input| self.scalar(node, input);
        let is_real = |input| match self.value(node, input) {
            Ok(Value::Real(_)) => true,
            Ok(Value::Weight(_)) => self.integers_if_known(node, input).is_none(),
            _ => false,
        };
        let any_real = (0..node.inputs.len()).any(is_real);
        match node.operator {
            "Cast" => {
                let to_real = node.int("to").is_some_and(|to| REAL_TYPES.contains(&to));
                scalar(0).filter(|_| to_real)
            }
            "CastLike" => {
                let is_data = matches!(self.value(node, 1), Ok(Value::View(_) | Value::Flow(_)));
                scalar(0).filter(|_| is_real(1) || is_data)
            }
            "Sqrt" => scalar(0).map(f64::sqrt),
            "Reciprocal" => scalar(0).map(f64::recip),
            "Mul" if any_real => Some(scalar(0)? * scalar(1)?),
            "Div" if any_real => Some(scalar(0)? / scalar(1)?),
            "Pow" if any_real => Some(scalar(0)?.powf(scalar(1)?)),
            "Identity" | "Squeeze" | "Unsqueeze" | "Reshape"
                if matches!(self.value(node, 0), Ok(Value::Real(_))) =>
            {
                scalar(0)
            }
            _ => None,
        }
    }
}

/// The whole numbers of a tensor that has at most 64 of them.
pub(super) fn integers_of(tensor: &Tensor<'_>, file: &[u8]) -> Option<Vec<i64>> {
    // Even an empty list must be one of whole numbers.
    let is_whole = matches!(tensor.element, Element::I64 | Element::I32);
    if !is_whole || tensor.shape.iter().product::<usize>() > MAX_INTEGERS {
        return None;
    }
    let bytes = tensor::elements(tensor.source, tensor.element, file).ok()?;
    let elements = bytes.chunks_exact(tensor.element.bytes());
    let integer = |bytes: &[u8]| match tensor.element {
        Element::I64 => bytes.try_into().ok().map(i64::from_le_bytes),
        _ => bytes.try_into().ok().map(i32::from_le_bytes).map(i64::from),
    };
    elements.map(integer).collect()
}

fn constant<'a>(node: &Node<'a>) -> Option<Value<'a>> {
    if let Some(value) = node.float("value_float") {
        return Some(Value::Real(value.into()));
    }
    let integers = node.int("value_int").map(|integer| vec![integer]);
    let integers = integers.or_else(|| node.ints("value_ints"))?;
    let integers = integers.into_iter().map(SymbolicInt::Fixed);
    Some(Value::Integers(integers.collect()))
}

/// An index of a slice as ONNX has it: counted from the end where it is negative, and kept within
/// `0..=n`.
pub(super) fn clamped_index(index: i64, n: i64) -> usize {
    let index = if index < 0 {
        index.saturating_add(n)
    } else {
        index
    };
    index.clamp(0, n) as usize
}

/// Whole numbers that a node makes of others; `None` for other operators, and if a result is not
/// known.
fn computed_integers(node: &Node<'_>, lists: &[Vec<SymbolicInt>]) -> Option<Vec<SymbolicInt>> {
    let first = lists.first()?;
    let elementwise = |combine: fn(SymbolicInt, SymbolicInt) -> Option<SymbolicInt>| {
        combined(first, lists.get(1)?, combine)
    };
    match node.operator {
        "Cast" if node.int("to").is_some_and(|to| REAL_TYPES.contains(&to)) => None,
        "Cast" | "CastLike" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => {
            Some(first.clone())
        }
        "Concat" => Some(lists.concat()),
        "Gather" => {
            let n = first.len() as i64;
            let gathered = lists.get(1)?.iter().map(|index| {
                let index = index_from_start(index.fixed()?, n)?;
                first.get(usize::try_from(index).ok()?).copied()
            });
            gathered.collect()
        }
        "Slice" => sliced(lists),
        "Add" => elementwise(SymbolicInt::plus),
        "Sub" => elementwise(SymbolicInt::minus),
        "Mul" => elementwise(SymbolicInt::times),
        "Div" => elementwise(SymbolicInt::over),
        "Mod" => elementwise(SymbolicInt::modulo),
        "Equal" => elementwise(SymbolicInt::equals),
        "Where" => chosen(lists),
        "ConstantOfShape" => {
            let n = first.first()?.fixed().filter(|_| first.len() == 1)?;
            let n = usize::try_from(n).ok().filter(|&n| n <= MAX_INTEGERS)?;
            Some(vec![SymbolicInt::Fixed(node.whole_value()?); n])
        }
        _ => None,
    }
}

/// Combines two lists element by element; a list of one element is repeated.
fn combined(
    first: &[SymbolicInt],
    second: &[SymbolicInt],
    combine: fn(SymbolicInt, SymbolicInt) -> Option<SymbolicInt>,
) -> Option<Vec<SymbolicInt>> {
    let element = |list: &[SymbolicInt], index: usize| match list {
        [one] => Some(*one),
        list => list.get(index).copied(),
    };
    (0..first.len().max(second.len()))
        .map(|index| combine(element(first, index)?, element(second, index)?))
        .collect()
}

/// `Slice` of a list: the inputs are data, start, end, axes and steps. The step must be 1.
fn sliced(lists: &[Vec<SymbolicInt>]) -> Option<Vec<SymbolicInt>> {
    let list = lists.first()?;
    let bound = |input: usize| {
        let index = lists.get(input)?.first()?.fixed()?;
        Some(clamped_index(index, list.len() as i64))
    };
    let (start, end) = (bound(1)?, bound(2)?);
    let has_unit_step = lists
        .get(4)
        .is_none_or(|step| step[..] == [SymbolicInt::Fixed(1)]);
    let slice = list.get(start..end).filter(|_| has_unit_step);
    slice.map(<[SymbolicInt]>::to_vec)
}

/// `Where`: of every pair the first where the condition is not 0.
fn chosen(lists: &[Vec<SymbolicInt>]) -> Option<Vec<SymbolicInt>> {
    let [conditions, yes, no] = lists else {
        return None;
    };
    if conditions.len() != yes.len() || conditions.len() != no.len() {
        return None;
    }
    let choices = conditions.iter().zip(yes).zip(no);
    let choice = |((condition, yes), no): ((&SymbolicInt, &SymbolicInt), &SymbolicInt)| {
        if *condition == SymbolicInt::Fixed(0) {
            *no
        } else {
            *yes
        }
    };
    Some(choices.map(choice).collect())
}

//! Numbers that shapes and scales are made of, and zeros that states begin with.

use super::axes::Axis;
use super::number::Number;
use super::weight::Weight;
use super::{Known, Path, Told};
use cntflow_formats::Element;
use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::tensor;

/// Most numbers in a list that is read as a shape.
const MOST: usize = 64;

/// ONNX's numbers of the types of real elements.
const REAL_TYPES: [i64; 4] = [1, 10, 11, 16];

impl<'m, 'a> Path<'m, 'a> {
    /// The whole numbers of an input: computed, or a tensor of them; none may depend on the number of inputs at a time.
    pub(super) fn list(&self, node: &Node<'a>, place: usize) -> Told<Vec<i64>> {
        let list = self.sizes(node, place)?;
        let known: Option<Vec<i64>> = list.iter().map(|number| number.known()).collect();
        known.ok_or_else(|| format!("its input {place} depends on the number of inputs"))
    }

    /// The whole numbers of an input, as sizes of data.
    pub(super) fn sizes(&self, node: &Node<'a>, place: usize) -> Told<Vec<Number>> {
        self.known(node, place)?;
        self.whole(node, place)
            .ok_or_else(|| format!("its input {place} is not known as a list of whole numbers"))
    }

    fn whole(&self, node: &Node<'a>, place: usize) -> Option<Vec<Number>> {
        match self.known(node, place).ok()? {
            Known::Numbers(list) => Some(list.clone()),
            Known::Weight(weight) => self.read_numbers(weight),
            _ => None,
        }
    }

    fn read_numbers(&self, weight: &Weight<'_>) -> Option<Vec<Number>> {
        let tensor = &self.model.tensors[weight.tensor()?].tensor;
        if tensor.shape.iter().product::<usize>() > MOST {
            return None;
        }
        let bytes = tensor::elements(tensor.source, tensor.element, self.file).ok()?;
        let chunks = bytes.chunks_exact(tensor.element.bytes());
        match tensor.element {
            Element::I64 => chunks
                .map(|b| {
                    b.try_into()
                        .ok()
                        .map(|b| Number::Known(i64::from_le_bytes(b)))
                })
                .collect(),
            Element::I32 => chunks
                .map(|b| b.try_into().ok().map(i32::from_le_bytes))
                .map(|number| number.map(|number| Number::Known(number.into())))
                .collect(),
            _ => None,
        }
    }

    /// The values of a weight that is one tensor of at most so many real numbers.
    pub(super) fn values(&self, weight: &Weight<'_>, most: usize) -> Option<Vec<f32>> {
        let tensor = &self.model.tensors[weight.tensor()?].tensor;
        if tensor.shape.iter().product::<usize>() > most || !tensor.element.is_real() {
            return None;
        }
        let bytes = tensor::elements(tensor.source, tensor.element, self.file).ok()?;
        Some(tensor.element.values(bytes)?.into_owned())
    }

    /// The one real number of an input, or whole number that is taken for one.
    pub(super) fn scalar(&self, node: &Node<'a>, place: usize) -> Option<f64> {
        match self.known(node, place).ok()? {
            Known::Real(value) => Some(*value),
            Known::Numbers(list) => match list[..] {
                [Number::Known(number)] => Some(number as f64),
                _ => None,
            },
            Known::Weight(weight) => match self.values(weight, 1)?[..] {
                [value] => Some(value.into()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether an input is known to be zeros.
    pub(super) fn is_zeros(&self, node: &Node<'a>, place: usize) -> bool {
        match self.known(node, place) {
            Ok(Known::Zeros(_)) => true,
            Ok(Known::Weight(weight) | Known::Token(weight)) => {
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
    pub(super) fn zeros(&mut self, node: &Node<'a>) -> Told<()> {
        let (zero, place) = match node.operator {
            "Expand" => (self.is_zeros(node, 0), 1),
            _ => (node.attributes.is_empty(), 0),
        };
        if !zero {
            return Err("it makes values that are not zeros".to_owned());
        }
        let sizes = self.sizes(node, place)?;
        if sizes
            .iter()
            .any(|size| matches!(size, Number::Known(n) | Number::Inputs(n) if *n < 1))
        {
            return Err(format!("it makes zeros of sizes {sizes:?}"));
        }
        self.give(node, 0, Known::Zeros(sizes));
        Ok(())
    }

    /// Follows a node that computes with numbers alone; whether it is one.
    pub(super) fn numbers(&mut self, node: &Node<'a>) -> Told<bool> {
        let made = match node.operator {
            "Shape" => Some(Known::Numbers(self.shape_of(node)?)),
            "Constant" => constant(node),
            _ => self.computed(node)?,
        };
        let Some(made) = made else {
            return Ok(false);
        };
        self.give(node, 0, made);
        Ok(true)
    }

    fn shape_of(&self, node: &Node<'a>) -> Told<Vec<Number>> {
        let sizes = match self.known(node, 0)? {
            Known::Zeros(sizes) => sizes.clone(),
            Known::Weight(weight) => {
                let size = |&size: &usize| i64::try_from(size).ok().map(Number::Known);
                weight
                    .shape
                    .iter()
                    .map(size)
                    .collect::<Option<_>>()
                    .ok_or("a size is too large")?
            }
            Known::Seen(seen) => seen.sizes().ok_or("its sizes are not known")?,
            _ => {
                let size = |axis| match axis {
                    Axis::Batch => self.batch_size(),
                    axis => Number::Known(axis.size().map_or(1, |size| size as i64)),
                };
                self.flow(node, 0)?.axes.into_iter().map(size).collect()
            }
        };
        let n = sizes.len() as i64;
        let [start, end] = [("start", 0), ("end", n)].map(|(name, otherwise)| {
            let at = node.int(name).unwrap_or(otherwise);
            (if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n) as usize
        });
        Ok(sizes.get(start..end).map_or(Vec::new(), <[Number]>::to_vec))
    }

    /// The number of inputs at a time as a size.
    pub(super) fn batch_size(&self) -> Number {
        self.batch.map_or(Number::Inputs(1), Number::Known)
    }

    fn computed(&self, node: &Node<'a>) -> Told<Option<Known<'a>>> {
        if let Some(value) = self.real(node) {
            return Ok(Some(Known::Real(value)));
        }
        let lists = (0..node.inputs.len()).map(|place| self.whole(node, place));
        let Some(made) = lists
            .collect::<Option<Vec<_>>>()
            .and_then(|lists| whole(node, &lists))
        else {
            return Ok(None);
        };
        match made.len() <= MOST {
            true => Ok(Some(Known::Numbers(made))),
            false => Err(format!(
                "it makes {} whole numbers, at most {MOST} are followed",
                made.len()
            )),
        }
    }

    /// The one real number that a node makes of others.
    fn real(&self, node: &Node<'a>) -> Option<f64> {
        let given = |place| self.scalar(node, place);
        let is_real = |place| match self.known(node, place) {
            Ok(Known::Real(_)) => true,
            Ok(Known::Weight(_)) => self.whole(node, place).is_none(),
            _ => false,
        };
        let any_real = (0..node.inputs.len()).any(is_real);
        match node.operator {
            "Cast" => {
                let real = node.int("to").is_some_and(|to| REAL_TYPES.contains(&to));
                given(0).filter(|_| real)
            }
            "CastLike" => {
                let real = is_real(1)
                    || matches!(self.known(node, 1), Ok(Known::Seen(_) | Known::Flow(_)));
                given(0).filter(|_| real)
            }
            "Sqrt" => given(0).map(f64::sqrt),
            "Reciprocal" => given(0).map(f64::recip),
            "Mul" if any_real => Some(given(0)? * given(1)?),
            "Div" if any_real => Some(given(0)? / given(1)?),
            "Pow" if any_real => Some(given(0)?.powf(given(1)?)),
            "Identity" | "Squeeze" | "Unsqueeze" | "Reshape"
                if matches!(self.known(node, 0), Ok(Known::Real(_))) =>
            {
                given(0)
            }
            _ => None,
        }
    }
}

fn constant<'a>(node: &Node<'a>) -> Option<Known<'a>> {
    if let Some(value) = node.float("value_float") {
        return Some(Known::Real(value.into()));
    }
    let numbers = node.int("value_int").map(|number| vec![number]);
    let numbers = numbers.or_else(|| node.ints("value_ints"))?;
    Some(Known::Numbers(
        numbers.into_iter().map(Number::Known).collect(),
    ))
}

/// Whole numbers that a node makes of others.
fn whole(node: &Node<'_>, lists: &[Vec<Number>]) -> Option<Vec<Number>> {
    let first = lists.first()?;
    let pairs = |combine: fn(Number, Number) -> Option<Number>| {
        let second = lists.get(1)?;
        let n = first.len().max(second.len());
        let at = |list: &[Number], i: usize| match list {
            [one] => Some(*one),
            list => list.get(i).copied(),
        };
        (0..n)
            .map(|i| combine(at(first, i)?, at(second, i)?))
            .collect()
    };
    match node.operator {
        "Cast" if node.int("to").is_some_and(|to| REAL_TYPES.contains(&to)) => None,
        "Cast" | "CastLike" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => {
            Some(first.clone())
        }
        "Concat" => Some(lists.concat()),
        "Gather" => {
            let n = first.len() as i64;
            let taken = lists.get(1)?.iter().map(|index| {
                let index = super::seen::from_start(index.known()?, n)?;
                first.get(usize::try_from(index).ok()?).copied()
            });
            taken.collect()
        }
        "Slice" => {
            let n = first.len() as i64;
            let [start, end] = [1, 2].map(|place| {
                let at = lists.get(place)?.first()?.known()?;
                Some(if at < 0 { at.saturating_add(n) } else { at }.clamp(0, n) as usize)
            });
            let in_ones = lists
                .get(4)
                .is_none_or(|step| step[..] == [Number::Known(1)]);
            first
                .get(start?..end?)
                .filter(|_| in_ones)
                .map(<[Number]>::to_vec)
        }
        "Add" => pairs(Number::plus),
        "Sub" => pairs(Number::minus),
        "Mul" => pairs(Number::times),
        "Div" => pairs(Number::over),
        "Mod" => pairs(Number::modulo),
        "Equal" => pairs(Number::equals),
        "Where" => {
            let [wanted, yes, no] = lists else {
                return None;
            };
            let chosen = wanted
                .iter()
                .zip(yes)
                .zip(no)
                .map(|((wanted, yes), no)| match wanted {
                    Number::Known(0) => *no,
                    _ => *yes,
                });
            let same = wanted.len() == yes.len() && wanted.len() == no.len();
            same.then(|| chosen.collect())
        }
        "ConstantOfShape" => {
            let n = first.first()?.known().filter(|_| first.len() == 1)?;
            let n = usize::try_from(n).ok().filter(|&n| n <= MOST)?;
            Some(vec![Number::Known(node.whole_value()?); n])
        }
        _ => None,
    }
}

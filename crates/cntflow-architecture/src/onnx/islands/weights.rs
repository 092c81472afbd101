//! Which values of the graphs are weights: tensors, and what nodes make of tensors alone by
//! changing their layout, by taking parts of them, or by undoing a quantisation.

use std::collections::BTreeMap;

use cntflow_formats::onnx::proto::Model;
use cntflow_formats::onnx::tensor::ElementLocation;

use super::known::{Known, permutation};
use super::wiring::{Step, ValueId, Wiring};
use crate::onnx::constants::{MAX_INTEGERS, REAL_TYPES, integers_of};
use crate::onnx::weight::{Weight, n_values};
use crate::recipe::Scaling;

/// The most pieces and sizes of all weights that nodes make: hostile graphs make them without end.
const MAX_MADE: usize = 1 << 20;

/// All values that are made of tensors alone.
pub(super) struct Weights<'m> {
    model: &'m Model<'m>,
    file: &'m [u8],
    known: Vec<Option<Known<'m>>>,
    /// Whole numbers that nodes hold as attributes.
    integers: BTreeMap<ValueId, Vec<i64>>,
    /// What the numbers of quantised tensors stand for.
    scalings: BTreeMap<String, Scaling>,
    /// Size of what nodes have made so far.
    pub(super) made: usize,
}

impl<'m> Weights<'m> {
    pub(super) fn of(model: &'m Model<'m>, file: &'m [u8], wiring: &Wiring<'m>) -> Self {
        let of_tensor = |tensor: usize| {
            let listed = &model.tensors[tensor];
            Known::new(Weight::new(tensor, &listed.name, &listed.tensor.shape))
        };
        let values = wiring.values.iter();
        let mut weights = Self {
            model,
            file,
            known: values.map(|value| value.tensor.map(of_tensor)).collect(),
            integers: BTreeMap::new(),
            scalings: BTreeMap::new(),
            made: 0,
        };
        for step in &wiring.steps {
            weights.fold(step);
        }
        weights
    }

    /// The weight that an input of a step is.
    pub(super) fn input(&self, step: &Step<'m>, input: usize) -> Option<&Known<'m>> {
        self.known[step.input(input)?].as_ref()
    }

    /// The weight that is an optional input: `Some(None)` where there is no such input, `None`
    /// where it is no known weight.
    pub(super) fn optional_input(
        &self,
        step: &Step<'m>,
        input: usize,
    ) -> Option<Option<Known<'m>>> {
        match step.input(input) {
            None => Some(None),
            Some(value) => self.known[value].clone().map(Some),
        }
    }

    /// The weight that a value is.
    pub(super) fn value(&self, value: ValueId) -> Option<&Known<'m>> {
        self.known[value].as_ref()
    }

    /// The weight that an input of a step is, if its values are read: not whole numbers, unless a
    /// scale says what they stand for.
    pub(super) fn readable(&self, step: &Step<'m>, input: usize) -> Option<&Known<'m>> {
        let known = self.input(step, input)?;
        let is_readable = known.weight.pieces.iter().all(|piece| {
            let listed = &self.model.tensors[piece.tensor];
            let is_there = listed.tensor.source != ElementLocation::Nowhere;
            let is_scaled = self.scalings.contains_key(&listed.name);
            is_there && (listed.tensor.element.is_real() || is_scaled)
        });
        (is_readable && known.n_values() > 0).then_some(known)
    }

    /// The whole numbers that an input of a step is known to be.
    pub(super) fn integers(&self, step: &Step<'m>, input: usize) -> Option<Vec<i64>> {
        let value = step.input(input)?;
        if let Some(integers) = self.integers.get(&value) {
            return Some(integers.clone());
        }
        let known = self.known[value].as_ref()?;
        if !known.is_plain() || known.n_values() > MAX_INTEGERS {
            return None;
        }
        let mut integers = Vec::new();
        for piece in &known.weight.pieces {
            let whole = integers_of(&self.model.tensors[piece.tensor].tensor, self.file)?;
            integers.extend_from_slice(whole.get(piece.start..piece.end)?);
        }
        Some(integers)
    }

    /// The whole numbers of an attribute, or of an input where later versions of the operator have
    /// them.
    pub(super) fn numbers(&self, step: &Step<'m>, name: &str, input: usize) -> Option<Vec<i64>> {
        let attribute = step.node.ints(name);
        attribute.or_else(|| self.integers(step, input))
    }

    /// What the numbers of quantised tensors stand for, by the tensors' names.
    pub(super) fn scalings(&self) -> &BTreeMap<String, Scaling> {
        &self.scalings
    }

    fn set(&mut self, value: Option<ValueId>, known: Option<Known<'m>>) {
        let (Some(value), Some(known)) = (value, known) else {
            return;
        };
        self.made = self.made.saturating_add(known.cost());
        if self.made <= MAX_MADE && self.known[value].is_none() {
            self.known[value] = Some(known);
        }
    }

    /// Notes what a step makes of weights alone.
    fn fold(&mut self, step: &Step<'m>) {
        if self.made > MAX_MADE {
            return;
        }
        if step.operator() == "Constant" {
            let integers = step.node.int("value_int").map(|integer| vec![integer]);
            let integers = integers.or_else(|| step.node.ints("value_ints"));
            if let (Some(value), Some(integers)) = (step.output(0), integers) {
                self.integers.insert(value, integers);
            }
            return;
        }
        if step.operator() == "Split" {
            for (output, part) in self.split(step).into_iter().enumerate() {
                self.set(step.output(output), Some(part));
            }
            return;
        }
        let integers = self.integers_made(step);
        if let (Some(value), Some(integers)) = (step.output(0), integers) {
            self.integers.insert(value, integers);
            return;
        }
        let made = self.made_of_weights(step);
        self.set(step.output(0), made);
    }

    /// Whole numbers that a step hands on.
    fn integers_made(&self, step: &Step<'m>) -> Option<Vec<i64>> {
        let layout = ["Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape"];
        let value = step.input(0)?;
        let is_layout = layout.contains(&step.operator());
        is_layout.then(|| self.integers.get(&value).cloned())?
    }

    fn made_of_weights(&mut self, step: &Step<'m>) -> Option<Known<'m>> {
        let known = self.input(step, 0)?.clone();
        match step.operator() {
            "Identity" | "Dropout" | "CastLike" => Some(known),
            "Cast" => self.cast(step, known),
            "DequantizeLinear" => self.dequantised(step, known),
            "Transpose" => known.transposed(&permutation(step.node, known.shape.len())?),
            "Reshape" => known.reshaped(self.new_shape(step, &known.shape)?),
            "Flatten" => {
                let axis = step.node.int("axis").unwrap_or(1);
                let axis = usize::try_from(axis).ok()?;
                let (rows, columns) = known.shape.split_at_checked(axis)?;
                known.reshaped(vec![n_values(rows), n_values(columns)])
            }
            "Squeeze" => known.reshaped(self.squeezed(step, &known.shape)?),
            "Unsqueeze" => known.reshaped(self.unsqueezed(step, &known.shape)?),
            "Slice" => self.slice(step, known),
            "Concat" => self.concatenated(step),
            "Gather" => self.row(step, &known),
            _ => None,
        }
    }

    /// A conversion to floats: whole numbers then stand for themselves.
    fn cast(&mut self, step: &Step<'m>, known: Known<'m>) -> Option<Known<'m>> {
        let to_real = step
            .node
            .int("to")
            .is_some_and(|to| REAL_TYPES.contains(&to));
        let tensor = &self.model.tensors[known.weight.pieces.first()?.tensor];
        if to_real && !tensor.tensor.element.is_real() {
            if known.n_values() <= MAX_INTEGERS {
                return None;
            }
            return self
                .set_scaling(&known, &Scaling::factor(1.0))
                .then_some(known);
        }
        (to_real || !tensor.tensor.element.is_real()).then_some(known)
    }

    /// Says what the numbers of a tensor stand for; gives whether it is the whole tensor, and
    /// nothing else is said of it.
    pub(super) fn set_scaling(&mut self, known: &Known<'m>, scaling: &Scaling) -> bool {
        let Some(index) = known.weight.tensor() else {
            return false;
        };
        let listed = &self.model.tensors[index];
        if !known.is_plain() || listed.tensor.shape != known.shape {
            return false;
        }
        let found = self.scalings.entry(listed.name.clone());
        found.or_insert_with(|| scaling.clone()) == scaling
    }

    /// `DequantizeLinear`: scales for the whole tensor, or along an axis.
    fn dequantised(&mut self, step: &Step<'m>, known: Known<'m>) -> Option<Known<'m>> {
        if step.node.int("block_size").unwrap_or(0) != 0 {
            return None;
        }
        let axis = step.node.int("axis").unwrap_or(1);
        let axis = if axis < 0 {
            axis + i64::try_from(known.shape.len()).ok()?
        } else {
            axis
        };
        let scales = [self.input(step, 1)?.clone()];
        let zero_point = self.optional_input(step, 2)?;
        let scaling = scaling(&scales, zero_point.as_ref(), usize::try_from(axis).ok()?)?;
        self.set_scaling(&known, &scaling).then_some(known)
    }
}

/// What numbers stand for, with scales and a zero point that are whole tensors.
pub(super) fn scaling(
    scales: &[Known<'_>],
    zero_point: Option<&Known<'_>>,
    axis: usize,
) -> Option<Scaling> {
    let name = |known: &Known<'_>| {
        let tensor = known.weight.tensor().filter(|_| known.is_plain());
        tensor.map(|_| known.name().to_owned())
    };
    Some(Scaling {
        factor: 1.0,
        scales: scales.iter().map(name).collect::<Option<_>>()?,
        zero_point: match zero_point {
            Some(zero_point) => Some(name(zero_point)?),
            None => None,
        },
        axis,
    })
}

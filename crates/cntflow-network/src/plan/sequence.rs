//! Sequences: what makes them, and attention over them.

use super::recurrent::rows;
use super::{Made, Open, Part, Place, Plan, positive};
use crate::{
    Activation, Architecture, Attention, Dense, Embedding, Layer, LayerKind, LayerNorm, Links,
    NetworkError, Projections, Shape, StepsOf, TakenStep, TensorSlice, TransformerEncoder, View,
};

/// Shape of the inputs; two sizes are channels and columns before a one-dimensional sliding layer, else steps and units.
pub(super) fn input_shape(architecture: &Architecture) -> Result<Shape, NetworkError> {
    let shape = match *architecture.input {
        [units] => Some(Shape::Units(units)),
        [channels, columns] if slides(architecture.layers.first()) => Some(Shape::Places {
            channels,
            rows: 1,
            columns,
        }),
        [steps, units] => Some(Shape::Steps { steps, units }),
        [channels, rows, columns] => Some(Shape::Places {
            channels,
            rows,
            columns,
        }),
        _ => None,
    };
    shape
        .filter(|_| !architecture.input.contains(&0))
        .ok_or_else(|| NetworkError::InputShape {
            shape: architecture.input.clone(),
        })
}

fn slides(first: Option<&Layer>) -> bool {
    matches!(
        first,
        Some(
            Layer::Conv1d(_)
                | Layer::ConvTranspose1d(_)
                | Layer::MaxPool1d(_)
                | Layer::AveragePool1d(_)
                | Layer::AdaptiveMaxPool1d(_)
                | Layer::AdaptiveAveragePool1d(_)
                | Layer::GlobalMaxPool(_)
                | Layer::GlobalAveragePool(_)
                | Layer::BatchNorm(_)
                | Layer::GroupNorm(_)
        )
    )
}

impl Plan {
    pub(super) fn embedding(&mut self, layer: &Embedding, name: &str) -> Result<(), NetworkError> {
        positive(name, "tokens", &[layer.tokens])?;
        positive(name, "units", &[layer.units])?;
        let (tokens, units) = (layer.tokens, layer.units);
        let (Shape::Units(steps), 0, View::Same) = (self.at.shape, self.at.layer, self.at.view)
        else {
            return Err(self.does_not_take(name, LayerKind::Embedding));
        };
        self.at.shape = Shape::Tokens { steps, tokens };
        self.counts.neurons(name, self.at.shape)?;
        self.graph.neurons[0].shape = self.at.shape;
        let kernel = self.tensor(name, "weight", "embedding", vec![tokens, units])?;
        let made = Made {
            name,
            kind: LayerKind::Embedding,
            shape: Shape::Steps { steps, units },
            activation: Some(Activation::Linear),
        };
        let links = Links::Embedding { tokens, units };
        self.make(made, Part::of(name, links, Some(kernel), None))?;
        self.open = Open::Sum;
        Ok(())
    }

    pub(super) fn steps(&mut self, of: StepsOf, name: &str) -> Result<(), NetworkError> {
        let (
            Shape::Places {
                channels,
                rows,
                columns,
            },
            View::Same,
        ) = (self.at.shape, self.at.view)
        else {
            return Err(self.reshape(name));
        };
        let (view, steps, units) = match of {
            StepsOf::Rows => (View::Rows, rows, channels * columns),
            StepsOf::Places => (View::Places, rows * columns, channels),
        };
        self.at.view = view;
        self.at.shape = Shape::Steps { steps, units };
        Ok(())
    }

    pub(super) fn take_step(&mut self, which: TakenStep, name: &str) -> Result<(), NetworkError> {
        let (Shape::Steps { units, .. }, View::Same) = (self.at.shape, self.at.view) else {
            return Err(self.reshape(name));
        };
        let layer = self.at.layer;
        let mut parts = self.graph.links.iter();
        let two_directions = parts.any(|part| part.index == layer && part.first[0] > 0);
        let which = match which {
            TakenStep::Final if !two_directions => TakenStep::Last,
            which => which,
        };
        self.at.view = View::Step(which);
        self.at.shape = Shape::Units(units);
        Ok(())
    }

    pub(super) fn flatten(&mut self, name: &str) -> Result<(), NetworkError> {
        match (self.at.shape, self.at.view) {
            (Shape::Units(_), _) => {}
            (Shape::Places { .. } | Shape::Steps { .. }, View::Same) => {
                self.at.shape = Shape::Units(self.at.shape.n_values());
                self.at.view = View::Flat;
            }
            _ => return Err(self.reshape(name)),
        }
        Ok(())
    }

    fn reshape(&self, name: &str) -> NetworkError {
        NetworkError::Reshape {
            layer: name.to_owned(),
            input: self.at.shape.to_string(),
        }
    }

    pub(super) fn attention(&mut self, layer: &Attention, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { units, .. } = self.at.shape else {
            return Err(self.does_not_take(name, LayerKind::Attention));
        };
        positive(name, "heads", &[layer.heads])?;
        if !units.is_multiple_of(layer.heads) {
            return Err(NetworkError::Heads {
                layer: name.to_owned(),
                heads: layer.heads,
                units,
            });
        }
        let [q, k, v, out] = self.projections(layer, units, name)?;
        let source = self.at;
        let mut made = [0; 3];
        for (place, (side, projection)) in [("q", q), ("k", k), ("v", v)].into_iter().enumerate() {
            self.at = source;
            self.projection(&format!("{name}.{side}"), projection, source)?;
            made[place] = self.at.layer;
        }
        let attended = Place {
            view: View::Attended {
                query: made[0],
                key: made[1],
                heads: layer.heads,
            },
            ..self.at
        };
        self.projection(&format!("{name}.out"), out, attended)?;
        self.open = Open::Sum;
        Ok(())
    }

    fn projection(
        &mut self,
        name: &str,
        [kernel, bias]: [Option<TensorSlice>; 2],
        source: Place,
    ) -> Result<(), NetworkError> {
        let n = source.shape.n_neurons();
        let made = Made {
            name,
            kind: LayerKind::Attention,
            shape: source.shape,
            activation: Some(Activation::Linear),
        };
        self.at = source;
        let links = Links::Dense { n_in: n, n_out: n };
        self.make(made, Part::of(name, links, kernel, bias))
    }

    /// Kernels and biases of query, key, value and output.
    fn projections(
        &mut self,
        layer: &Attention,
        units: usize,
        name: &str,
    ) -> Result<[[Option<TensorSlice>; 2]; 4], NetworkError> {
        let fused = |tensor: &TensorSlice, i: usize| rows(tensor, i * units, units);
        let (weight, bias, output) = match &layer.projections {
            Projections::Torch => ("in_proj_weight", "in_proj_bias", "out_proj"),
            Projections::Qkv => ("qkv.weight", "qkv.bias", "proj"),
            Projections::Separate {
                query,
                key,
                value,
                output,
            } => {
                let mut module = |own: &String| self.module(layer.bias, units, name, own);
                return Ok([
                    module(query)?,
                    module(key)?,
                    module(value)?,
                    module(output)?,
                ]);
            }
        };
        let tripled = units.saturating_mul(3);
        let used_as = "queries', keys' and values' kernel";
        let weight = self.tensor(name, weight, used_as, vec![tripled, units])?;
        let bias = match layer.bias {
            true => {
                let used_as = "queries', keys' and values' bias";
                Some(self.tensor(name, bias, used_as, vec![tripled])?)
            }
            false => None,
        };
        let [q, k, v] = [0, 1, 2].map(|i| {
            [
                Some(fused(&weight, i)),
                bias.as_ref().map(|bias| fused(bias, i)),
            ]
        });
        let output = self.module(layer.bias, units, name, output)?;
        Ok([q, k, v, output])
    }

    fn module(
        &mut self,
        has_bias: bool,
        units: usize,
        name: &str,
        own: &str,
    ) -> Result<[Option<TensorSlice>; 2], NetworkError> {
        let name = format!("{name}.{own}");
        let kernel = self.tensor(&name, "weight", "kernel", vec![units, units])?;
        let bias = self.bias(has_bias, &name, units)?;
        Ok([Some(kernel), bias])
    }

    pub(super) fn transformer(
        &mut self,
        block: &TransformerEncoder,
        name: &str,
    ) -> Result<(), NetworkError> {
        let input = self.keep();
        let units = input.shape.n_neurons();
        if block.norm_first {
            self.block_norm(block, name, "norm1")?;
            self.block_attention(block, name)?;
            self.add(input, None, &format!("{name}.sum1"))?;
            let middle = self.keep();
            self.block_norm(block, name, "norm2")?;
            self.feed_forward(block, units, name)?;
            self.add(middle, None, &format!("{name}.sum2"))
        } else {
            self.block_attention(block, name)?;
            self.add(input, None, &format!("{name}.sum1"))?;
            self.block_norm(block, name, "norm1")?;
            let middle = self.keep();
            self.feed_forward(block, units, name)?;
            self.add(middle, None, &format!("{name}.sum2"))?;
            self.block_norm(block, name, "norm2")
        }
    }

    fn block_attention(
        &mut self,
        block: &TransformerEncoder,
        name: &str,
    ) -> Result<(), NetworkError> {
        let attention = Attention {
            name: String::new(),
            heads: block.heads,
            bias: block.bias,
            projections: block.projections.clone(),
        };
        self.attention(&attention, &format!("{name}.self_attn"))
    }

    fn block_norm(
        &mut self,
        block: &TransformerEncoder,
        name: &str,
        own: &str,
    ) -> Result<(), NetworkError> {
        let norm = LayerNorm {
            name: String::new(),
            epsilon: block.epsilon,
            affine: true,
            bias: block.bias,
            activation: None,
        };
        self.layer_norm(&norm, &format!("{name}.{own}"))
    }

    fn feed_forward(
        &mut self,
        block: &TransformerEncoder,
        units: usize,
        name: &str,
    ) -> Result<(), NetworkError> {
        let layers = [
            ("linear1", block.feed_forward, block.activation),
            ("linear2", units, Activation::Linear),
        ];
        for (own, units, activation) in layers {
            let dense = Dense {
                name: String::new(),
                units,
                bias: block.bias,
                activation: Some(activation),
            };
            self.dense(&dense, &format!("{name}.{own}"))?;
        }
        Ok(())
    }
}

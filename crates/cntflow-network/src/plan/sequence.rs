//! Layers that make sequences, and attention over them.

use super::recurrent::rows;
use super::{Joinable, NewLinks, NewNeurons, Output, Plan, check_positive};
use crate::{
    Activation, Attention, Dense, Embedding, LayerKind, LayerNorm, Links, NetworkError,
    Projections, Shape, StepsOf, TakenStep, TensorSlice, TransformerEncoder, View,
};

impl Plan {
    pub(super) fn embedding(&mut self, layer: &Embedding, name: &str) -> Result<(), NetworkError> {
        check_positive(name, "tokens", &[layer.tokens])?;
        check_positive(name, "units", &[layer.units])?;
        let (tokens, units) = (layer.tokens, layer.units);
        let inputs = &mut self.graph.neurons[self.current.layer];
        let (Shape::Units(steps), LayerKind::Input, View::Same) =
            (self.current.shape, inputs.kind, self.current.view)
        else {
            return Err(self.unsupported_input(name, LayerKind::Embedding));
        };
        inputs.shape = Shape::Tokens { steps, tokens };
        self.current.shape = inputs.shape;
        self.counts.neurons(name, self.current.shape)?;
        let kernel = self.own_tensor(name, "weight", "embedding", vec![tokens, units])?;
        let neurons = NewNeurons {
            name,
            kind: LayerKind::Embedding,
            shape: Shape::Steps { steps, units },
            activation: Some(Activation::Linear),
        };
        let links = Links::Embedding { tokens, units };
        self.push_layer(neurons, NewLinks::new(name, links, Some(kernel), None))?;
        self.joinable = Joinable::Sum;
        Ok(())
    }

    pub(super) fn steps(&mut self, of: StepsOf, name: &str) -> Result<(), NetworkError> {
        let (
            Shape::Spatial {
                channels,
                rows,
                columns,
            },
            View::Same,
        ) = (self.current.shape, self.current.view)
        else {
            return Err(self.cannot_reshape(name));
        };
        let (view, steps, units) = match of {
            StepsOf::Rows => (View::Rows, rows, channels * columns),
            StepsOf::Places => (View::Positions, rows * columns, channels),
        };
        self.current.view = view;
        self.current.shape = Shape::Steps { steps, units };
        Ok(())
    }

    pub(super) fn take_step(&mut self, which: TakenStep, name: &str) -> Result<(), NetworkError> {
        let (Shape::Steps { units, .. }, View::Same) = (self.current.shape, self.current.view)
        else {
            return Err(self.cannot_reshape(name));
        };
        let layer = self.current.layer;
        let mut links = self.graph.links.iter();
        let is_bidirectional = links.any(|links| {
            let stands_beside = matches!(links.links, Links::Beside { .. });
            links.to == layer && links.first_neurons[0] > 0 && !stands_beside
        });
        let taken = match which {
            TakenStep::Final if !is_bidirectional => TakenStep::Last,
            which => which,
        };
        self.current.view = View::Step(taken);
        self.current.shape = Shape::Units(units);
        Ok(())
    }

    pub(super) fn flatten(&mut self, name: &str) -> Result<(), NetworkError> {
        match (self.current.shape, self.current.view) {
            (Shape::Units(_), _) => {}
            (Shape::Spatial { .. } | Shape::Steps { .. }, View::Same) => {
                self.current.shape = Shape::Units(self.current.shape.n_values());
                self.current.view = View::Flat;
            }
            _ => return Err(self.cannot_reshape(name)),
        }
        Ok(())
    }

    fn cannot_reshape(&self, name: &str) -> NetworkError {
        NetworkError::Reshape {
            layer: name.to_owned(),
            input: self.current.shape.to_string(),
        }
    }

    pub(super) fn attention(&mut self, layer: &Attention, name: &str) -> Result<(), NetworkError> {
        let Shape::Steps { units, .. } = self.current.shape else {
            return Err(self.unsupported_input(name, LayerKind::Attention));
        };
        check_positive(name, "heads", &[layer.heads])?;
        if !units.is_multiple_of(layer.heads) {
            return Err(NetworkError::Heads {
                layer: name.to_owned(),
                heads: layer.heads,
                units,
            });
        }
        let [q, k, v, out] = self.projections(layer, units, name)?;
        let source = self.current;
        let mut layers = [0; 3];
        for (index, (side, projection)) in [("q", q), ("k", k), ("v", v)].into_iter().enumerate() {
            self.projection(&format!("{name}.{side}"), projection, source)?;
            layers[index] = self.current.layer;
        }
        // The output projection sees the values, mixed by queries and keys.
        let attended = Output {
            view: View::Attended {
                query: layers[0],
                key: layers[1],
                heads: layer.heads,
            },
            ..self.current
        };
        self.projection(&format!("{name}.out"), out, attended)?;
        self.joinable = Joinable::Sum;
        Ok(())
    }

    /// Adds a dense layer with as many units as its source.
    fn projection(
        &mut self,
        name: &str,
        [kernel, bias]: [Option<TensorSlice>; 2],
        source: Output,
    ) -> Result<(), NetworkError> {
        let n = source.shape.n_neurons();
        let neurons = NewNeurons {
            name,
            kind: LayerKind::Attention,
            shape: source.shape,
            activation: Some(Activation::Linear),
        };
        self.current = source;
        let links = Links::Dense { n_in: n, n_out: n };
        self.push_layer(neurons, NewLinks::new(name, links, kernel, bias))
    }

    /// Adds the tensors of the projections. Returns kernel and bias of query, key, value and
    /// output.
    fn projections(
        &mut self,
        layer: &Attention,
        units: usize,
        name: &str,
    ) -> Result<[[Option<TensorSlice>; 2]; 4], NetworkError> {
        // Query, key and value share a tensor: a third of its rows each.
        let third = |tensor: &TensorSlice, i: usize| rows(tensor, i * units, units);
        let (weight, bias, output) = match &layer.projections {
            Projections::Torch => ("in_proj_weight", "in_proj_bias", "out_proj"),
            Projections::Qkv => ("qkv.weight", "qkv.bias", "proj"),
            Projections::Separate {
                query,
                key,
                value,
                output,
            } => {
                let mut module = |module: &String| self.module(layer.bias, units, name, module);
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
        let weight = self.own_tensor(name, weight, used_as, vec![tripled, units])?;
        let bias = if layer.bias {
            let used_as = "queries', keys' and values' bias";
            Some(self.own_tensor(name, bias, used_as, vec![tripled])?)
        } else {
            None
        };
        let [q, k, v] = [0, 1, 2].map(|i| {
            [
                Some(third(&weight, i)),
                bias.as_ref().map(|bias| third(bias, i)),
            ]
        });
        let output = self.module(layer.bias, units, name, output)?;
        Ok([q, k, v, output])
    }

    /// Adds kernel and bias of the module `<name>.<module>`.
    fn module(
        &mut self,
        has_bias: bool,
        units: usize,
        name: &str,
        module: &str,
    ) -> Result<[Option<TensorSlice>; 2], NetworkError> {
        let name = format!("{name}.{module}");
        let kernel = self.own_tensor(&name, "weight", "kernel", vec![units, units])?;
        let bias = self.bias(has_bias, &name, units)?;
        Ok([Some(kernel), bias])
    }

    pub(super) fn transformer(
        &mut self,
        block: &TransformerEncoder,
        name: &str,
    ) -> Result<(), NetworkError> {
        let input = self.close();
        let units = input.shape.n_neurons();
        if block.norm_first {
            self.block_norm(block, name, "norm1")?;
            self.block_attention(block, name)?;
            self.add(input, None, &format!("{name}.sum1"))?;
            let middle = self.close();
            self.block_norm(block, name, "norm2")?;
            self.feed_forward(block, units, name)?;
            self.add(middle, None, &format!("{name}.sum2"))
        } else {
            self.block_attention(block, name)?;
            self.add(input, None, &format!("{name}.sum1"))?;
            self.block_norm(block, name, "norm1")?;
            let middle = self.close();
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
        module: &str,
    ) -> Result<(), NetworkError> {
        let norm = LayerNorm {
            name: String::new(),
            epsilon: block.epsilon,
            affine: true,
            bias: block.bias,
            activation: None,
        };
        self.layer_norm(&norm, &format!("{name}.{module}"))
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
        for (module, units, activation) in layers {
            let dense = Dense {
                name: String::new(),
                units,
                bias: block.bias,
                activation: Some(activation),
            };
            self.dense(&dense, &format!("{name}.{module}"))?;
        }
        Ok(())
    }
}

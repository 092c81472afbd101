//! The architecture of an ONNX graph: its nodes followed from the input to the output, each
//! becoming a layer, part of one, or nothing.
//!
//! Every value of the graph is one of few things ([`Value`]): data on its way, with the meaning of
//! each axis; a weight; numbers that shapes and scales are made of; zeros; or a value within an
//! attention or a recurrence that is written as many nodes. An attention or recurrence is not
//! recognised by a pattern of nodes but by what each node computes. Nodes make an attention if
//! queries, keys and values are projections of all units of one sequence, their heads lie one after
//! the other, the scores are scaled by `1 / sqrt(units of a head)`, and no other node changes them
//! on the way. A node that cannot be expressed is named with its operator.
//!
//! What cannot be told as a whole is told in parts, by `islands`.
//!
//! `value`, `axes`, `symbolic`, `strided_view`, `weight`, `kernel`, `attention_values` and
//! `recurrence_values` hold the types and call no other file; `translator` holds the graph in
//! translation. All others translate nodes, and are called from here.

mod activations;
mod addition;
mod attention;
mod attention_values;
mod axes;
mod concat;
mod constants;
mod convolution;
mod dense;
mod flow;
mod islands;
mod kernel;
mod layer_names;
mod lookahead;
mod norms;
mod recurrence_values;
mod recurrent;
mod reduction;
mod reshaping;
mod selection;
mod strided_view;
mod symbolic;
mod translator;
mod unrolled;
mod value;
mod weight;
mod weight_recipes;
mod window;

use std::collections::HashMap;

use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Model;

use crate::error::{Translated, unsupported};
use crate::image_size::has_places;
use crate::resolved::ResolvedArchitecture;
use flow::Flow;
use translator::Translator;
use value::Value;
use weight::Weight;

/// The architecture of a model's graph: whole, or in parts where a node cannot be expressed, or the
/// graph has not one input.
///
/// # Errors
/// It is not whole, and no node has a kernel.
pub(crate) fn translate(model: &Model<'_>, file: &[u8]) -> Translated<ResolvedArchitecture> {
    let whole = translate_whole(model, file, None);
    let whole = whole.or_else(|reason| with_open_sizes(model, file).ok_or(reason));
    whole.or_else(|reason| islands::parts(model, file, &reason).ok_or(reason))
}

/// Sizes that stand for those that a graph leaves open, largest first: images of most networks may
/// have each of them.
const STAND_INS: [i64; 3] = [256, 224, 32];

/// The architecture of a graph that leaves sizes of its input open, if it is the same for other
/// sizes; `None` if it leaves none open, or they matter.
fn with_open_sizes(model: &Model<'_>, file: &[u8]) -> Option<ResolvedArchitecture> {
    // Of several outputs only the first would be followed. Parts have all of them.
    if model.graph().outputs.len() != 1 {
        return None;
    }
    let is_open = |size: &Option<i64>| size.is_none_or(|size| size < 1);
    let mut inputs = model.graph().inputs.iter();
    if !inputs.any(|input| input.sizes.iter().skip(1).any(is_open)) {
        return None;
    }
    let mut found = STAND_INS
        .iter()
        .filter_map(|&size| Some((size, translate_whole(model, file, Some(size)).ok()?)));
    let (size, mut resolved) = found.next()?;
    let layers = &resolved.architecture.layers;
    resolved.image_size_unknown = layers.iter().any(has_places);
    resolved.assumptions.push(format!(
        "sizes of the input that the graph leaves open are taken as {size}"
    ));
    Some(resolved)
}

/// The architecture of a model's graph as a whole. `open_size` stands for sizes of the input that
/// the graph leaves open, if they may be any.
///
/// # Errors
/// A node cannot be expressed, or the graph has not one input, or no output that is made of it.
fn translate_whole(
    model: &Model<'_>,
    file: &[u8],
    open_size: Option<i64>,
) -> Translated<ResolvedArchitecture> {
    let mut translator = Translator::new(model, file);
    let output = followed_output(&mut translator)?;
    let needed = needed_nodes(model, output)?;
    record_consumers(&mut translator, &needed);
    record_weights(&mut translator);
    let input = record_input(&mut translator, open_size)?;
    translator.find_partial_products(&needed);
    for &index in &needed {
        let node = &model.graph().nodes[index];
        let mut outputs = node.outputs.iter();
        // Operations that are written as several nodes are translated at the first of them.
        let is_translated = outputs.all(|name| translator.values.contains_key(name));
        if !is_translated {
            translate_node(&mut translator, node)
                .map_err(|error| error.at_layer(|| format!("node {}", node.shown())))?;
        }
    }
    match translator.values.get(output) {
        Some(Value::Flow(flow)) if flow.n_layers == translator.builder.n_layers() => {}
        _ => {
            let reason = format!("the output {output} is not made of the input");
            return Err(unsupported(reason));
        }
    }
    translator.mark_linear_layers();
    translator.builder.finish(input, "ONNX").checked()
}

/// The output that is followed: the first.
fn followed_output<'a>(translator: &mut Translator<'_, 'a>) -> Translated<&'a str> {
    let outputs = &translator.model.graph().outputs;
    let (first, others) = outputs
        .split_first()
        .ok_or_else(|| unsupported("the graph has no output"))?;
    if !others.is_empty() {
        let others = others.join(", ");
        let assumption = format!("only the output {first} is followed, not {others}");
        translator.builder.assume(assumption);
    }
    Ok(first)
}

/// Indices of the nodes that the output depends on, in the file's order, which ONNX requires to be
/// topological.
fn needed_nodes(model: &Model<'_>, output: &str) -> Translated<Vec<usize>> {
    let nodes = &model.graph().nodes;
    let mut makers = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for &name in node.outputs.iter().filter(|name| !name.is_empty()) {
            if makers.insert(name, index).is_some() {
                return Err(unsupported(format!("the value {name} is made twice")));
            }
        }
    }
    let mut is_needed = vec![false; nodes.len()];
    let mut pending = vec![output];
    while let Some(name) = pending.pop() {
        if let Some(&index) = makers.get(name)
            && !is_needed[index]
        {
            is_needed[index] = true;
            let inputs = nodes[index].inputs.iter();
            pending.extend(inputs.filter(|name| !name.is_empty()));
        }
    }
    Ok((0..nodes.len()).filter(|&index| is_needed[index]).collect())
}

fn record_consumers(translator: &mut Translator<'_, '_>, needed: &[usize]) {
    for &index in needed {
        for &name in &translator.model.graph().nodes[index].inputs {
            let consumers = translator.consumers.entry(name).or_default();
            // A node that takes a value twice is one consumer.
            if consumers.last() != Some(&index) {
                consumers.push(index);
            }
        }
    }
}

fn record_weights(translator: &mut Translator<'_, '_>) {
    for (index, listed) in translator.model.tensors.iter().enumerate() {
        let tensor = &listed.tensor;
        if listed.graph == Some(0) {
            let weight = Weight::new(index, tensor.name, &tensor.shape);
            translator.values.insert(tensor.name, Value::Weight(weight));
        }
    }
}

/// Records the data at the graph's one input; gives the architecture's input.
fn record_input(
    translator: &mut Translator<'_, '_>,
    open_size: Option<i64>,
) -> Translated<Vec<usize>> {
    let inputs = translator.model.graph().inputs.iter();
    // Old files list weights among the inputs.
    let data: Vec<_> = inputs
        .filter(|input| !translator.values.contains_key(input.name))
        .collect();
    // Inputs that the only output does not depend on are no hindrance.
    let has_one_output = translator.model.graph().outputs.len() == 1;
    let taken = data.iter().copied();
    let taken: Vec<_> = taken
        .filter(|input| translator.consumers.contains_key(input.name))
        .collect();
    let data = if has_one_output && taken.len() == 1 {
        taken
    } else {
        data
    };
    let [input] = data[..] else {
        let names: Vec<_> = data.iter().map(|input| input.name).collect();
        let reason = format!("the graph has the inputs {names:?}, not one");
        return Err(unsupported(reason));
    };
    let consumers = translator.consumers.get(input.name).into_iter().flatten();
    let consumers: Vec<_> = consumers
        .map(|&index| &translator.model.graph().nodes[index])
        .collect();
    let (batch, axes) = axes::of_input(input, &consumers, open_size)?;
    translator.batch = batch;
    let sizes = axes.iter().filter_map(|axis| axis.size()).collect();
    let flow = Flow { n_layers: 0, axes };
    translator.values.insert(input.name, Value::Flow(flow));
    Ok(sizes)
}

fn translate_node<'m, 'a>(
    translator: &mut Translator<'m, 'a>,
    node: &'m Node<'a>,
) -> Translated<()> {
    if !["", "ai.onnx"].contains(&node.domain) {
        let reason = format!("operators of {} are not known", node.domain);
        return Err(unsupported(reason));
    }
    if translator.fold_constants(node)? {
        return Ok(());
    }
    translator.refuse_on_scores(node)?;
    match node.operator {
        "Identity" | "Dropout" | "Cast" | "CastLike" => translator.identity(node),
        "Constant" => Err(unsupported("its value is not a tensor")),
        "ConstantOfShape" => translator.zeros(node),
        "Expand" => translator.expand(node),
        "Transpose" => translator.transpose(node),
        "Reshape" => translator.reshape(node),
        "Flatten" => translator.flatten(node),
        "Squeeze" => translator.squeeze(node),
        "Unsqueeze" => translator.unsqueeze(node),
        "Gather" => translator.gather(node),
        "Slice" => translator.slice(node),
        "Split" => translator.split(node),
        "Concat" => translator.concat(node),
        "ReduceMean" => translator.mean(node),
        "Gemm" => translator.gemm(node),
        "MatMul" => translator.matmul(node),
        "Add" => translator.add(node),
        "Mul" | "Div" if translator.takes_attention_part(node) => translator.scale(node),
        "Tanh" | "Relu" if translator.takes_state_sum(node) => translator.next_state(node),
        "Softmax" if translator.takes_attention_part(node) => translator.attention_weights(node),
        "BatchNormalization" => translator.batch_norm(node),
        "LayerNormalization" => translator.layer_norm(node),
        "Conv" => translator.convolution(node),
        "ConvTranspose" => translator.transposed_convolution(node),
        "MaxPool" => translator.max_pool(node),
        "AveragePool" => translator.average_pool(node),
        "GlobalAveragePool" | "GlobalMaxPool" => translator.global_pool(node),
        "RNN" | "LSTM" | "GRU" => translator.recurrent(node),
        _ => translator.activation(node),
    }
}

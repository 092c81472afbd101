//! A model's configuration: its layers with what each takes, in an order in which a chain of layers
//! stays together.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Translated, TranslationError, unsupported};

/// One layer of a model.
#[derive(Clone, Debug)]
pub(super) struct KerasLayer {
    /// Name of its class: `Dense`.
    pub(super) class: String,
    /// Its own name.
    pub(super) name: String,
    /// Its settings.
    pub(super) settings: Map<String, Value>,
    /// Names of the layers whose outputs it takes.
    pub(super) inputs: Vec<String>,
    /// Named arguments of its call: `use_causal_mask`.
    pub(super) call_arguments: Map<String, Value>,
    /// How many layers of its class come before it in the model.
    pub(super) class_index: usize,
}

impl KerasLayer {
    /// The settings as a class has them.
    ///
    /// # Errors
    /// A setting is missing or of another type.
    pub(super) fn settings<T: DeserializeOwned>(&self) -> Translated<T> {
        let settings = serde_json::from_value(Value::Object(self.settings.clone()));
        settings.map_err(|source| TranslationError::Settings {
            layer: self.shown(),
            source,
        })
    }

    /// The layer as messages show it.
    pub(super) fn shown(&self) -> String {
        format!("layer {} ({})", self.name, self.class)
    }

    /// The shape of its input without the batch, as an input layer or the first layer of older
    /// versions has it; `None` for a size that is left open.
    pub(super) fn input_shape(&self) -> Option<Vec<Option<usize>>> {
        let keys = ["batch_shape", "batch_input_shape", "build_input_shape"];
        let shape = keys
            .iter()
            .find_map(|key| self.settings.get(*key)?.as_array());
        let size = |size: &Value| size.as_u64().map(|size| size as usize);
        Some(shape?.iter().skip(1).map(size).collect())
    }
}

/// The layers of a model.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// From the inputs to the outputs, each behind all that it takes.
    pub(super) layers: Vec<KerasLayer>,
    /// Names of the layers that give outputs, if there are several.
    pub(super) outputs: Vec<String>,
}

/// The layers of a model from its inputs to its outputs.
///
/// # Errors
/// It is no model of layers that Keras writes, or uses a layer twice.
pub(super) fn parse(text: &str) -> Translated<Model> {
    let model: Value = serde_json::from_str(text)
        .map_err(|error| unsupported(format!("it is no JSON: {error}")))?;
    let class = model.get("class_name").and_then(Value::as_str);
    let config = model.get("config").unwrap_or(&Value::Null);
    match class {
        Some("Sequential") => sequential(config),
        Some("Functional" | "Model") if config.get("layers").is_some() => functional(config),
        Some(class) => Err(unsupported(format!(
            "a model of class {class} does not tell its layers"
        ))),
        None => Err(unsupported("it has no class_name")),
    }
}

/// Layers of a list: each takes what the one before gives. In the first versions the configuration
/// itself is the list.
fn sequential(config: &Value) -> Translated<Model> {
    let mut layers = list(config.get("layers").unwrap_or(config))?;
    if let Some(first) = layers.first()
        && first.class != "InputLayer"
    {
        // Older versions have no input layer: the first layer, or the model, holds the shape of the
        // input.
        let mut settings = first.settings.clone();
        if let Some(shape) = config.get("build_input_shape") {
            settings
                .entry("build_input_shape")
                .or_insert_with(|| shape.clone());
        }
        let input = KerasLayer {
            class: "InputLayer".to_owned(),
            name: "the input".to_owned(),
            settings,
            inputs: Vec::new(),
            call_arguments: Map::new(),
            class_index: 0,
        };
        layers.insert(0, input);
    }
    for index in 1..layers.len() {
        layers[index].inputs = vec![layers[index - 1].name.clone()];
    }
    Ok(Model {
        layers,
        outputs: Vec::new(),
    })
}

/// Layers of a graph, those that the outputs need.
fn functional(config: &Value) -> Translated<Model> {
    let values = &config["layers"];
    let mut layers = list(values)?;
    for (layer, value) in layers
        .iter_mut()
        .zip(values.as_array().into_iter().flatten())
    {
        let calls = value.get("inbound_nodes").and_then(Value::as_array);
        let calls = calls.map_or(&[][..], Vec::as_slice);
        if calls.len() > 1 {
            let error = unsupported(format!("it is used {} times", calls.len()));
            return Err(error.at_layer(|| layer.shown()));
        }
        for call in calls {
            collect_inputs(call, &mut layer.inputs);
            collect_arguments(call, &mut layer.call_arguments);
        }
    }
    let mut outputs = Vec::new();
    let ends = config.get("output_layers").unwrap_or(&Value::Null);
    collect_inputs(ends, &mut outputs);
    if outputs.is_empty() {
        return Err(unsupported("it has no output_layers"));
    }
    let layers = chains_in_order(&layers, &outputs)?;
    if outputs.len() == 1 {
        outputs.clear();
    }
    Ok(Model { layers, outputs })
}

/// The layers of a list, without what they take.
fn list(values: &Value) -> Translated<Vec<KerasLayer>> {
    let values = values
        .as_array()
        .ok_or_else(|| unsupported("it has no list of layers"))?;
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let layers = values.iter().enumerate().map(|(index, value)| {
        let class = value.get("class_name").and_then(Value::as_str);
        let class = class
            .ok_or_else(|| unsupported(format!("layer {index} of its list has no class_name")))?;
        let settings = value.get("config").and_then(Value::as_object);
        let settings = settings.cloned().unwrap_or_default();
        let name = value.get("name").or_else(|| settings.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
        let count = counts.entry(class).or_default();
        *count += 1;
        Ok(KerasLayer {
            class: class.to_owned(),
            name,
            settings,
            inputs: Vec::new(),
            call_arguments: Map::new(),
            class_index: *count - 1,
        })
    });
    layers.collect()
}

/// Names of the layers whose outputs a call takes: in Keras 3 from the `keras_history` of its
/// tensors, in earlier versions from lists `[name, 0, 0, {...}]`.
fn collect_inputs(call: &Value, inputs: &mut Vec<String>) {
    match call {
        Value::Object(object) => {
            let history = object.get("keras_history").and_then(Value::as_array);
            if let Some(name) = history.and_then(|history| history.first()?.as_str()) {
                inputs.push(name.to_owned());
            } else {
                for value in object.values() {
                    collect_inputs(value, inputs);
                }
            }
        }
        Value::Array(list) => {
            let others = match list.as_slice() {
                [
                    Value::String(name),
                    Value::Number(_),
                    Value::Number(_),
                    others @ ..,
                ] => {
                    inputs.push(name.clone());
                    others
                }
                list => list,
            };
            for value in others {
                collect_inputs(value, inputs);
            }
        }
        _ => {}
    }
}

/// Named arguments of a call: in Keras 3 its `kwargs`; in earlier versions an object at the end of
/// each tensor's list.
fn collect_arguments(call: &Value, arguments: &mut Map<String, Value>) {
    let named = match call {
        Value::Object(object) => object.get("kwargs"),
        Value::Array(list) => {
            for value in list.iter().filter(|value| value.is_array()) {
                collect_arguments(value, arguments);
            }
            list.iter().find(|value| value.is_object())
        }
        _ => None,
    };
    let named = named.and_then(Value::as_object).into_iter().flatten();
    arguments.extend(named.map(|(name, value)| (name.clone(), value.clone())));
}

/// The layers that the outputs need, each behind all that it takes, so that every chain stays in
/// one piece.
///
/// This is a depth-first search from each output in turn: what a layer takes first comes first,
/// with everything that leads to it.
fn chains_in_order(layers: &[KerasLayer], outputs: &[String]) -> Translated<Vec<KerasLayer>> {
    let names = layers.iter().enumerate();
    let indices: HashMap<&str, usize> = names.map(|(index, layer)| (&*layer.name, index)).collect();
    let index_of = |name: &str| {
        let index = indices.get(name).copied();
        index.ok_or_else(|| {
            unsupported(format!(
                "it refers to a layer {name}, which it does not list"
            ))
        })
    };
    let mut ordered = Vec::with_capacity(layers.len());
    let mut entered = vec![false; layers.len()];
    let mut done = vec![false; layers.len()];
    // An explicit stack: a hostile model may be nested deeper than the call stack allows.
    let ends = outputs.iter().rev().map(|output| index_of(output));
    let mut pending: Vec<usize> = ends.collect::<Translated<_>>()?;
    while let Some(&index) = pending.last() {
        if done[index] {
            pending.pop();
            continue;
        }
        let inputs = layers[index].inputs.iter().map(|name| index_of(name));
        let inputs: Vec<usize> = inputs.collect::<Translated<_>>()?;
        match inputs.iter().find(|&&input| !done[input]) {
            Some(&input) if entered[input] => {
                let error = unsupported("it takes, by way of others, its own output");
                return Err(error.at_layer(|| layers[input].shown()));
            }
            Some(&input) => {
                entered[index] = true;
                pending.push(input);
            }
            None => {
                pending.pop();
                done[index] = true;
                ordered.push(layers[index].clone());
            }
        }
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(text: &str) -> Translated<Vec<String>> {
        let layers = parse(text)?.layers.into_iter();
        Ok(layers.map(|layer| layer.name).collect())
    }

    fn graph(layers: &[(&str, &str)], output: &str) -> String {
        let layers: Vec<String> = layers
            .iter()
            .map(|(name, inputs)| {
                format!(r#"{{"class_name": "A", "name": "{name}", "config": {{}}, "inbound_nodes": {inputs}}}"#)
            })
            .collect();
        format!(
            r#"{{"class_name": "Functional", "config": {{"layers": [{}], "input_layers": [["x", 0, 0]],
                "output_layers": [["{output}", 0, 0]]}}}}"#,
            layers.join(",")
        )
    }

    #[test]
    fn chains_of_a_graph_stay_together() {
        let text = graph(
            &[
                ("x", "[]"),
                ("a", r#"[[["x", 0, 0, {}]]]"#),
                (
                    "side",
                    r#"[{"args": [{"config": {"keras_history": ["x", 0, 0]}}]}]"#,
                ),
                ("b", r#"[[["a", 0, 0, {}]]]"#),
                ("sum", r#"[[["b", 0, 0, {}], ["side", 0, 0, {}]]]"#),
            ],
            "sum",
        );
        assert_eq!(order(&text).unwrap(), ["x", "a", "b", "side", "sum"]);
    }

    #[test]
    fn arguments_of_calls_are_kept() {
        for call in [
            r#"[[["x", 0, 0, {"causal": true, "mask": null}]]]"#,
            r#"[{"args": [{"config": {"keras_history": ["x", 0, 0]}}], "kwargs": {"causal": true, "mask": null}}]"#,
        ] {
            let layers = parse(&graph(&[("x", "[]"), ("a", call)], "a"))
                .unwrap()
                .layers;
            assert_eq!(layers[1].inputs, ["x"]);
            assert_eq!(
                Value::Object(layers[1].call_arguments.clone()),
                json!({"causal": true, "mask": null})
            );
        }
    }

    #[test]
    fn models_that_are_no_graph_of_layers_are_errors() {
        let check = |text: &str, expected: &str| {
            let error = order(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let ring = [
            ("a", r#"[[["b", 0, 0, {}]]]"#),
            ("b", r#"[[["a", 0, 0, {}]]]"#),
        ];
        check(&graph(&ring, "b"), "its own output");
        check(&graph(&[("x", "[]")], "y"), "refers to a layer y");
        let twice = [
            ("x", "[]"),
            ("a", r#"[[["x", 0, 0, {}]], [["x", 0, 0, {}]]]"#),
        ];
        check(&graph(&twice, "a"), "layer a (A): it is used 2 times");
        check("{", "no JSON");
        check(r#"{"class_name": "Mine", "config": {}}"#, "class Mine");
    }
}

//! A model's configuration: its layers with what each takes, in an order in which a chain of layers stays together.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One layer of a model.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Name of its class: `Dense`.
    pub(super) class: String,
    /// Its own name.
    pub(super) name: String,
    /// Its settings.
    pub(super) config: Map<String, Value>,
    /// Names of the layers whose outputs it takes.
    pub(super) takes: Vec<String>,
    /// Settings of its call that have names: `use_causal_mask`.
    pub(super) arguments: Map<String, Value>,
    /// How many layers of its class come before it in the model.
    pub(super) count: usize,
}

impl Node {
    /// The settings as a class has them.
    ///
    /// # Errors
    /// A setting is missing or of another kind; the text names the layer.
    pub(super) fn settings<T: DeserializeOwned>(&self) -> Result<T, String> {
        let settings = serde_json::from_value(Value::Object(self.config.clone()));
        settings.map_err(|error| self.says(format!("its settings: {error}")))
    }

    /// A reason with the layer's name and class.
    pub(super) fn says(&self, reason: impl std::fmt::Display) -> String {
        format!("layer {} ({}): {reason}", self.name, self.class)
    }

    /// The shape of its input without the batch, as an input layer or the first layer of older versions says; `None` for a size that
    /// is left open.
    pub(super) fn input_shape(&self) -> Option<Vec<Option<usize>>> {
        let keys = ["batch_shape", "batch_input_shape", "build_input_shape"];
        let shape = keys
            .iter()
            .find_map(|key| self.config.get(*key)?.as_array());
        let sizes = shape?.iter().skip(1);
        Some(
            sizes
                .map(|size| size.as_u64().map(|size| size as usize))
                .collect(),
        )
    }
}

/// The layers of a model from its input to its output.
///
/// # Errors
/// It is no model of layers that Keras writes, has several inputs or outputs, or uses a layer twice.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let model: Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let class = model.get("class_name").and_then(Value::as_str);
    let config = model.get("config").unwrap_or(&Value::Null);
    match class {
        Some("Sequential") => sequential(config),
        Some("Functional" | "Model") if config.get("layers").is_some() => functional(config),
        Some(class) => Err(format!("a model of class {class} does not tell its layers")),
        None => Err("it has no class_name".to_owned()),
    }
}

/// Layers of a list: each takes what the one before gives. The list is the configuration itself in the first versions.
fn sequential(config: &Value) -> Result<Vec<Node>, String> {
    let mut nodes = nodes(config.get("layers").unwrap_or(config))?;
    if let Some(first) = nodes.first()
        && first.class != "InputLayer"
    {
        let mut settings = first.config.clone();
        if let Some(shape) = config.get("build_input_shape") {
            settings
                .entry("build_input_shape")
                .or_insert_with(|| shape.clone());
        }
        let input = Node {
            class: "InputLayer".to_owned(),
            name: "the input".to_owned(),
            config: settings,
            takes: Vec::new(),
            arguments: Map::new(),
            count: 0,
        };
        nodes.insert(0, input);
    }
    for at in 1..nodes.len() {
        nodes[at].takes = vec![nodes[at - 1].name.clone()];
    }
    Ok(nodes)
}

/// Layers of a graph, those that the output needs.
fn functional(config: &Value) -> Result<Vec<Node>, String> {
    let listed = &config["layers"];
    let mut nodes = nodes(listed)?;
    for (node, value) in nodes
        .iter_mut()
        .zip(listed.as_array().into_iter().flatten())
    {
        let calls = value.get("inbound_nodes").and_then(Value::as_array);
        let calls = calls.map_or(&[][..], Vec::as_slice);
        if calls.len() > 1 {
            return Err(node.says(format!("it is used {} times", calls.len())));
        }
        for call in calls {
            sources(call, &mut node.takes);
            arguments(call, &mut node.arguments);
        }
    }
    one_end(config, "input_layers")?;
    let output = one_end(config, "output_layers")?;
    in_order(nodes, &output)
}

fn nodes(layers: &Value) -> Result<Vec<Node>, String> {
    let layers = layers.as_array().ok_or("it has no list of layers")?;
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let nodes = layers.iter().enumerate().map(|(at, layer)| {
        let class = layer.get("class_name").and_then(Value::as_str);
        let class = class.ok_or_else(|| format!("layer {at} of its list has no class_name"))?;
        let config = layer.get("config").and_then(Value::as_object);
        let config = config.cloned().unwrap_or_default();
        let name = layer.get("name").or_else(|| config.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
        let count = counts.entry(class).or_default();
        *count += 1;
        Ok(Node {
            class: class.to_owned(),
            name,
            config,
            takes: Vec::new(),
            arguments: Map::new(),
            count: *count - 1,
        })
    });
    nodes.collect()
}

/// Names of the layers whose outputs a call takes: `keras_history` of its tensors in Keras 3, lists `[name, 0, 0, {...}]` before.
fn sources(call: &Value, takes: &mut Vec<String>) {
    match call {
        Value::Object(object) => {
            let history = object.get("keras_history").and_then(Value::as_array);
            if let Some(name) = history.and_then(|history| history.first()?.as_str()) {
                takes.push(name.to_owned());
            } else {
                object.values().for_each(|value| sources(value, takes));
            }
        }
        Value::Array(list) => match list.as_slice() {
            [
                Value::String(name),
                Value::Number(_),
                Value::Number(_),
                rest @ ..,
            ] => {
                takes.push(name.clone());
                rest.iter().for_each(|value| sources(value, takes));
            }
            list => list.iter().for_each(|value| sources(value, takes)),
        },
        _ => {}
    }
}

/// Settings of a call: its `kwargs` in Keras 3, behind the tensors that it takes before.
fn arguments(call: &Value, named: &mut Map<String, Value>) {
    let own = match call {
        Value::Object(object) => object.get("kwargs"),
        Value::Array(list) => {
            let lists = list.iter().filter(|value| value.is_array());
            lists.for_each(|value| arguments(value, named));
            list.iter().find(|value| value.is_object())
        }
        _ => None,
    };
    let own = own.and_then(Value::as_object).into_iter().flatten();
    named.extend(own.map(|(name, value)| (name.clone(), value.clone())));
}

/// The one input or output of a model: `["x", 0, 0]`, or a list with one of these.
fn one_end(config: &Value, key: &str) -> Result<String, String> {
    let mut names = Vec::new();
    sources(config.get(key).unwrap_or(&Value::Null), &mut names);
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) => Err(format!(
            "it has {} {key}, one can be expressed",
            names.len()
        )),
    }
}

/// Layers after all that they take, first what they take first; every chain in one piece.
fn in_order(nodes: Vec<Node>, output: &str) -> Result<Vec<Node>, String> {
    let names = nodes.iter().enumerate();
    let places: HashMap<String, usize> = names.map(|(i, node)| (node.name.clone(), i)).collect();
    let place = |name: &str| {
        let place = places.get(name).copied();
        place.ok_or_else(|| format!("it refers to a layer {name}, which it does not list"))
    };
    let mut order = Vec::with_capacity(nodes.len());
    let mut entered = vec![false; nodes.len()];
    let mut done = vec![false; nodes.len()];
    let mut pending = vec![place(output)?];
    while let Some(&at) = pending.last() {
        let takes = nodes[at].takes.iter().map(|name| place(name));
        let takes: Vec<usize> = takes.collect::<Result<_, _>>()?;
        match takes.iter().find(|&&before| !done[before]) {
            Some(&before) if entered[before] => {
                return Err(nodes[before].says("it takes, by way of others, its own output"));
            }
            Some(&before) => {
                entered[at] = true;
                pending.push(before);
            }
            None => {
                pending.pop();
                done[at] = true;
                order.push(at);
            }
        }
    }
    Ok(order.into_iter().map(|at| nodes[at].clone()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(text: &str) -> Result<Vec<String>, String> {
        Ok(parse(text)?.into_iter().map(|node| node.name).collect())
    }

    fn graph(layers: &[(&str, &str)], output: &str) -> String {
        let layers: Vec<String> = layers
            .iter()
            .map(|(name, takes)| {
                format!(r#"{{"class_name": "A", "name": "{name}", "config": {{}}, "inbound_nodes": {takes}}}"#)
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
    fn settings_of_calls_are_kept() {
        for call in [
            r#"[[["x", 0, 0, {"causal": true, "mask": null}]]]"#,
            r#"[{"args": [{"config": {"keras_history": ["x", 0, 0]}}], "kwargs": {"causal": true, "mask": null}}]"#,
        ] {
            let nodes = parse(&graph(&[("x", "[]"), ("a", call)], "a")).unwrap();
            assert_eq!(nodes[1].takes, ["x"]);
            assert_eq!(
                Value::Object(nodes[1].arguments.clone()),
                json!({"causal": true, "mask": null})
            );
        }
    }

    #[test]
    fn what_is_no_chain_is_told() {
        let check = |text: &str, expected: &str| {
            let reason = order(text).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
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

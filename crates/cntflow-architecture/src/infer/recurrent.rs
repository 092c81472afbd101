//! Recurrent layers by PyTorch's names for their tensors.

use cntflow_network::{Layer, Recurrent};

use super::build::{At, Builder};
use super::names::Module;

/// Adds a recurrent layer, stacked and bidirectional ones too, or a cell.
///
/// # Errors
/// Its tensors are not those of an Elman layer, an LSTM or a GRU, or do not take what comes before.
pub(super) fn push(builder: &mut Builder, module: &Module<'_>) -> Result<(), String> {
    let module = &as_layer(module);
    let (into, own) = (module.shape("weight_ih_l0"), module.shape("weight_hh_l0"));
    let (&[rows, n_in], &[_, units]) = (&into[..], &own[..]) else {
        return Err(format!(
            "{} has no weight_hh_l0 [gates units, units] beside it",
            module.shown()
        ));
    };
    let gates = rows
        .checked_div(units)
        .filter(|gates| gates * units == rows);
    let has = |name: String| module.has(&name);
    let layers = (0..)
        .take_while(|layer| has(format!("weight_ih_l{layer}")))
        .count();
    let layer = Recurrent {
        name: module.path.clone(),
        units,
        layers,
        bidirectional: module.has("weight_ih_l0_reverse"),
        bias: module.has("bias_ih_l0"),
        activation: None,
    };
    if let Some(projected) = module
        .parameters
        .keys()
        .find(|name| name.starts_with("weight_hr"))
    {
        return Err(format!(
            "{}.{projected} projects the hidden units, which is not expressed",
            module.path
        ));
    }
    take(builder, module, n_in)?;
    builder.at = At::Steps(units * if layer.bidirectional { 2 } else { 1 });
    let layer = match gates {
        Some(4) => Layer::Lstm(layer),
        Some(3) => Layer::Gru(layer),
        Some(1) => {
            builder.doubt(format!(
                "{} is taken to be of tanh units, which no weight shows",
                module.path
            ));
            Layer::Elman(layer)
        }
        _ => {
            return Err(format!(
                "{}: {rows} rows for {units} hidden units are the gates of no recurrent layer",
                module.shown()
            ));
        }
    };
    builder.add(module, layer);
    Ok(())
}

fn take(builder: &mut Builder, module: &Module<'_>, n_in: usize) -> Result<(), String> {
    match builder.at {
        At::Start => {
            builder.input = vec![1, n_in];
            builder.doubt("the number of steps is not in the weights: 1 is assumed, no weight metric depends on it");
            Ok(())
        }
        At::Steps(given) if given == n_in => Ok(()),
        At::Units(given) if given == n_in && builder.input.len() == 1 => {
            builder.input.insert(0, 1);
            builder.doubt("the number of steps is not in the weights: 1 is assumed, no weight metric depends on it");
            Ok(())
        }
        At::Units(given) | At::Steps(given) | At::Places(given, _) => {
            Err(builder.does_not_fit(module, n_in, given))
        }
    }
}

/// A cell's tensors under the names that a layer has for them.
fn as_layer<'t>(module: &Module<'t>) -> Module<'t> {
    let mut layer = module.clone();
    if module.has("weight_ih") {
        let parameters = module.parameters.iter();
        let renamed = parameters.map(|(name, tensor)| (format!("{name}_l0"), *tensor));
        layer.parameters = renamed.collect();
    }
    layer
}

//! Networks that are known in parts and too large to be in memory at once: each part is measured
//! alone, and what was measured is joined.

use super::measured::{Measured, MeasuredTwin};

/// What is said of a network that was measured part by part.
const PIECEWISE: &str = "; measured part by part, without all_weights";

/// A measured network with its measured twins.
type WithTwins = (Option<Measured>, Vec<MeasuredTwin>);

/// What was measured of some parts, and of the next one, as one network.
pub(super) fn append_all(before: WithTwins, next: WithTwins) -> WithTwins {
    let real = before.0.zip(next.0);
    let twins = before.1.into_iter().zip(next.1).map(|(before, next)| {
        let both = before
            .measured
            .and_then(|before| Ok((before, next.measured?)));
        MeasuredTwin {
            twin: before.twin,
            measured: both.map(|(before, next)| append(before, next)),
            seconds: before.seconds + next.seconds,
        }
    });
    (
        real.map(|(before, next)| append(before, next)),
        twins.collect(),
    )
}

/// Appends what was measured of a part.
pub(super) fn append(mut before: Measured, mut next: Measured) -> Measured {
    let n_layers = before.metrics.neurons.len();
    for sample in &mut next.samples {
        sample.layer += n_layers;
    }
    before.samples.extend(next.samples);
    before.metrics.append_part(next.metrics);
    before.omitted = before.omitted.map(|omitted| {
        if omitted.ends_with(PIECEWISE) {
            omitted
        } else {
            format!("{omitted}{PIECEWISE}")
        }
    });
    before.not_finite = before.not_finite.or(next.not_finite);
    before
}

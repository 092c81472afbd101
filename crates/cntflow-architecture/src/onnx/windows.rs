//! Convolutions, their transposes, and pooling.

use serde_json::{Value as Json, json};

use super::axes::{Axis, sane};
use super::weight::Weight;
use super::{Path, Told};
use cntflow_formats::onnx::node::Node;

/// The geometry of a sliding operator; one number for each of one or two axes.
struct Geometry {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    dilation: Vec<i64>,
    /// Padding before and after.
    padding: Vec<(i64, i64)>,
}

impl Geometry {
    fn of(node: &Node<'_>, kernel: Vec<i64>, sizes: &[i64]) -> Told<Self> {
        let n = sizes.len();
        let ones = vec![1; n];
        let list = |name: &str, otherwise: &[i64], n: usize| {
            let list = node.ints(name).unwrap_or_else(|| otherwise.to_vec());
            match list.len() == n {
                true => Ok(list),
                false => Err(format!("its {name} are {list:?}, {n} numbers are needed")),
            }
        };
        let positive = |name: &str, list: Vec<i64>| -> Told<Vec<i64>> {
            list.into_iter()
                .map(|size| sane(&format!("one of its {name}"), size))
                .collect()
        };
        let stride = positive("strides", list("strides", &ones, n)?)?;
        let dilation = positive("dilations", list("dilations", &ones, n)?)?;
        let kernel = positive("kernel_shape", kernel)?;
        let pads = list("pads", &vec![0; 2 * n], 2 * n)?;
        let mut geometry = Self {
            kernel,
            stride,
            dilation,
            padding: (0..n).map(|axis| (pads[axis], pads[axis + n])).collect(),
        };
        match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" => {}
            "VALID" => geometry.padding = vec![(0, 0); n],
            same @ ("SAME_UPPER" | "SAME_LOWER") => {
                for (axis, &size) in sizes.iter().enumerate() {
                    let [stride, span] = [geometry.stride[axis], geometry.span(axis)?];
                    let outputs = (size + stride - 1) / stride;
                    let total = ((outputs - 1) * stride + span - size).max(0);
                    let (less, more) = (total / 2, total - total / 2);
                    geometry.padding[axis] = match same {
                        "SAME_UPPER" => (less, more),
                        _ => (more, less),
                    };
                }
            }
            other => return Err(format!("its auto_pad is {other}")),
        }
        let pads = geometry
            .padding
            .iter()
            .flat_map(|&(before, after)| [before, after]);
        for pad in pads {
            sane("one more than its padding", pad.saturating_add(1))?;
        }
        Ok(geometry)
    }

    /// Places that a kernel spans along an axis.
    fn span(&self, axis: usize) -> Told<i64> {
        let span = (self.kernel[axis] - 1).checked_mul(self.dilation[axis]);
        span.and_then(|span| span.checked_add(1))
            .ok_or_else(|| "its kernel is too large".to_owned())
    }

    fn output(&self, axis: usize, size: i64) -> Told<i64> {
        let (before, after) = self.padding[axis];
        let room = size.saturating_add(before).saturating_add(after) - self.span(axis)?;
        if room < 0 {
            return Err(format!("its kernel is larger than {size} and its padding"));
        }
        sane("the size of its output", room / self.stride[axis] + 1)
    }

    fn transposed_output(&self, axis: usize, size: i64, more: i64) -> Told<i64> {
        let (before, after) = self.padding[axis];
        let size = (size - 1)
            .checked_mul(self.stride[axis])
            .and_then(|size| size.checked_add(self.span(axis).ok()?))
            .and_then(|size| {
                size.checked_add(more)?
                    .checked_sub(before)?
                    .checked_sub(after)
            });
        sane("the size of its output", size.unwrap_or(-1))
    }

    /// As architectures have it: a number for each axis, or where sides differ two.
    fn padding(&self) -> Json {
        let equal = self.padding.iter().all(|(before, after)| before == after);
        match equal {
            true => one_or_both(
                &self
                    .padding
                    .iter()
                    .map(|&(before, _)| before)
                    .collect::<Vec<_>>(),
            ),
            false => one_or_both(&self.padding),
        }
    }
}

/// A number, or a pair of them.
fn one_or_both<T: serde::Serialize>(list: &[T]) -> Json {
    match list {
        [one] => json!(one),
        both => json!(both),
    }
}

/// Channels and the sizes that an operator slides along.
fn places(axes: &[Axis]) -> Told<(i64, Vec<i64>)> {
    match *axes {
        [
            Axis::Batch,
            Axis::Channels(channels),
            Axis::Columns(columns),
        ] => Ok((channels, vec![columns])),
        [
            Axis::Batch,
            Axis::Channels(channels),
            Axis::Rows(rows),
            Axis::Columns(columns),
        ] => Ok((channels, vec![rows, columns])),
        _ => Err(format!("it does not slide along {axes:?}")),
    }
}

fn axes(channels: i64, sizes: &[i64]) -> Vec<Axis> {
    let mut axes = vec![Axis::Batch, Axis::Channels(channels)];
    if let [rows, _] = *sizes {
        axes.push(Axis::Rows(rows));
    }
    axes.extend(sizes.last().map(|&columns| Axis::Columns(columns)));
    axes
}

impl<'m, 'a> Path<'m, 'a> {
    pub(super) fn convolution(&mut self, node: &Node<'a>, transposed: bool) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let kernel = self.weight(node, 1)?;
        let (channels, sizes) = places(&flow.axes)?;
        if kernel.shape.len() != sizes.len() + 2 {
            return Err(format!(
                "its kernel has shape {:?}, its data {:?}",
                kernel.shape, flow.axes
            ));
        }
        let groups = sane("its group", node.int("group").unwrap_or(1))?;
        let window = kernel.shape[2..]
            .iter()
            .map(|&size| i64::try_from(size).unwrap_or(-1));
        let geometry = Geometry::of(node, window.collect(), &sizes)?;
        let [first, second] = [0, 1].map(|place| i64::try_from(kernel.shape[place]).unwrap_or(-1));
        let (filters, n_in) = match transposed {
            true => (second.saturating_mul(groups), first),
            false => (first, second.saturating_mul(groups)),
        };
        sane("the number of its filters", filters)?;
        if n_in != channels {
            return Err(format!(
                "its kernel takes {n_in} channels, the data has {channels}"
            ));
        }
        let bias = match self.has(node, 2) {
            true => Some(self.weight(node, 2)?),
            false => None,
        };
        let more = match transposed {
            true => self.output_padding(node, sizes.len())?,
            false => vec![0; sizes.len()],
        };
        let outputs = sizes
            .iter()
            .enumerate()
            .map(|(axis, &size)| match transposed {
                true => geometry.transposed_output(axis, size, more[axis]),
                false => geometry.output(axis, size),
            });
        let outputs = outputs.collect::<Told<Vec<i64>>>()?;
        let bias_name = bias.as_ref().map_or("", Weight::name);
        self.go_to(&flow)?;
        let name = self.name(&[kernel.name(), bias_name], node);
        let kind = if transposed { "conv_transpose" } else { "conv" };
        let mut layer = json!({
            "kind": format!("{kind}{}d", sizes.len()),
            "name": name,
            "filters": filters,
            "kernel": one_or_both(&geometry.kernel),
            "stride": one_or_both(&geometry.stride),
            "padding": geometry.padding(),
            "dilation": one_or_both(&geometry.dilation),
            "groups": groups,
            "bias": bias.is_some(),
        });
        if transposed {
            layer["output_padding"] = one_or_both(&more);
        }
        self.push(layer)?;
        let fill = self.filled(&kernel)?;
        self.fill(format!("{name}.weight"), fill);
        if let Some(bias) = bias {
            let fill = self.filled(&bias)?;
            self.fill(format!("{name}.bias"), fill);
        }
        self.give_flow(node, axes(filters, &outputs));
        Ok(())
    }

    fn output_padding(&self, node: &Node<'a>, n: usize) -> Told<Vec<i64>> {
        if node.ints("output_shape").is_some()
            || node.text("auto_pad").unwrap_or("NOTSET") != "NOTSET"
        {
            return Err("its padding is told by its output's shape".to_owned());
        }
        let more = node.ints("output_padding").unwrap_or_else(|| vec![0; n]);
        match more.len() == n && more.iter().all(|more| (0..1 << 16).contains(more)) {
            true => Ok(more),
            false => Err(format!("its output_padding is {more:?}")),
        }
    }

    pub(super) fn pool(&mut self, node: &Node<'a>) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let (channels, sizes) = places(&flow.axes)?;
        let window = node.ints("kernel_shape").unwrap_or_default();
        if window.len() != sizes.len() {
            return Err(format!(
                "its window is {window:?}, its data {:?}",
                flow.axes
            ));
        }
        let geometry = Geometry::of(node, window, &sizes)?;
        let padded = geometry.padding.iter().any(|&pads| pads != (0, 0));
        let average = node.operator == "AveragePool";
        if geometry.dilation.iter().any(|&dilation| dilation != 1) {
            return Err(format!("its dilations are {:?}", geometry.dilation));
        }
        if average && padded && node.int("count_include_pad").unwrap_or(0) == 0 {
            return Err("its means do not count the padding".to_owned());
        }
        let mut outputs = Vec::new();
        for (axis, &size) in sizes.iter().enumerate() {
            let output = geometry.output(axis, size)?;
            let (before, after) = geometry.padding[axis];
            let rest = (size + before + after - geometry.kernel[axis]) % geometry.stride[axis];
            if node.int("ceil_mode").unwrap_or(0) != 0 && rest != 0 {
                return Err("its last windows go beyond the data".to_owned());
            }
            outputs.push(output);
        }
        let kind = if average { "average_pool" } else { "max_pool" };
        self.go_to(&flow)?;
        self.push(json!({
            "kind": format!("{kind}{}d", sizes.len()),
            "window": one_or_both(&geometry.kernel),
            "stride": one_or_both(&geometry.stride),
            "padding": geometry.padding(),
        }))?;
        self.give_flow(node, axes(channels, &outputs));
        Ok(())
    }

    pub(super) fn global_pool(&mut self, node: &Node<'a>, kind: &str) -> Told<()> {
        let flow = self.flow(node, 0)?;
        let (channels, sizes) = places(&flow.axes)?;
        self.go_to(&flow)?;
        self.push(json!({"kind": kind}))?;
        let mut axes = vec![Axis::Batch, Axis::Channels(channels)];
        axes.extend(sizes.iter().map(|_| Axis::One));
        self.give_flow(node, axes);
        Ok(())
    }
}

//! ONNX files that are cut short, changed or hostile. The fixtures are made by
//! `tests/formats/make_onnx.py`.

use std::path::Path;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::{Content, FullMessage, Limits};

use crate::bounded::{alone, bounded};

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new("tests/data/onnx");
    std::fs::read(folder.join(name)).unwrap()
}

fn opened(file: &[u8]) -> Result<OpenCheckpoint, String> {
    let read = OpenCheckpoint::read(
        Path::new("a.onnx"),
        Content::in_memory(file.to_vec()),
        &Limits::default(),
    );
    read.map_err(|error| error.full_message())
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let _alone = alone();
    let read = |name: &str| {
        let whole = bytes(name);
        let lengths = 0..whole.len();
        lengths
            .filter(|&length| opened(&whole[..length]).is_ok())
            .count()
    };
    assert_eq!(read("mlp_script.onnx"), 0);
    // After its operator set come metadata; without them it is a whole file too, since ONNX has no
    // length of its own.
    assert_eq!(read("by_hand.onnx"), 1);
    let error = opened(&bytes("mlp_script.onnx")[..400]).unwrap_err();
    assert!(error.contains("cut short"), "{error}");
}

#[test]
fn changed_bytes_never_panic() {
    let _alone = alone();
    let parts = [
        "branches",
        "layouts",
        "loop",
        "lstm_behind_conv",
        "norms",
        "quantised",
    ];
    let parts = parts.map(|name| format!("../onnx_parts/{name}.onnx"));
    let whole = ["lstm_script.onnx", "by_hand.onnx", "conv1d_new.onnx"];
    let names = whole.into_iter().chain(parts.iter().map(String::as_str));
    for name in names {
        let whole = bytes(name);
        for place in (0..whole.len()).step_by(3) {
            for change in [0xff, 0x01, 0x80] {
                let mut file = whole.clone();
                file[place] ^= change;
                if let Ok(checkpoint) = opened(&file)
                    && let Ok(resolved) = resolve_architecture(&checkpoint, None).0
                {
                    let _ = resolved.network(&checkpoint);
                }
            }
        }
    }
}

#[test]
fn other_files_are_not_taken_for_onnx() {
    let _alone = alone();
    let mut state = 1_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(1 << 16)
    .collect();
    let mut files: Vec<Vec<u8>> = random.windows(64).step_by(7).map(<[u8]>::to_vec).collect();
    files.extend(
        random
            .windows(64)
            .step_by(7)
            .map(|bytes| [&[8, 8], bytes].concat()),
    );
    let others: [&[u8]; 8] = [
        b"",
        b"\x08",
        b"\x08\x08",
        b"PK\x03\x04\x14\0\0\0\0\0data.pkl",
        b"\x80\x02}q\0(X\x01\0\0\0a.",
        b"\x93NUMPY\x01\0v\0{'descr': '<f4'}",
        b"\x89HDF\r\n\x1a\n",
        b"epoch,loss\n1,0.5\n",
    ];
    files.extend(others.map(<[u8]>::to_vec));
    for file in files {
        if let Ok(checkpoint) = opened(&file) {
            panic!("{file:?} is taken for {}", checkpoint.format());
        }
    }
}

/// A varint.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    [
        varint(field << 3 | 2),
        varint(bytes.len() as u64),
        bytes.to_vec(),
    ]
    .concat()
}

/// A model with a graph of these fields.
fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), message(7, graph), message(8, &number(2, 17))].concat()
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
    let texts = |field, names: &[&str]| {
        names
            .iter()
            .flat_map(|name| message(field, name.as_bytes()))
            .collect::<Vec<_>>()
    };
    message(
        1,
        &[
            texts(1, inputs),
            texts(2, outputs),
            message(4, operator.as_bytes()),
        ]
        .concat(),
    )
}

#[track_caller]
fn attack(file: &[u8], expected: &str) {
    let reason = bounded(|| match opened(file) {
        Err(error) => error,
        Ok(checkpoint) => resolve_architecture(&checkpoint, None)
            .0
            .unwrap_err()
            .full_message(),
    });
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn attacks_are_errors_within_a_second() {
    let _alone = alone();
    let tensor = |dims: &[u64], name: &str, data: &[u8]| {
        let dims: Vec<u8> = dims.iter().flat_map(|&size| number(1, size)).collect();
        message(
            5,
            &[
                dims,
                number(2, 1),
                message(8, name.as_bytes()),
                message(9, data),
            ]
            .concat(),
        )
    };
    let input = message(11, &message(1, b"x"));
    let output = message(12, &message(1, b"y"));
    attack(&model(&tensor(&[1 << 63], "w", &[])), "tensor w has shape");
    attack(
        &model(&tensor(&[1 << 62, 4], "w", &[])),
        "more elements than a file can hold",
    );
    attack(&model(&tensor(&[u64::MAX], "w", &[])), "shape [-1]");
    attack(
        &model(&tensor(&[3], "w", &[0; 8])),
        "tensor w [3] of F32 takes 12 bytes, the file has 8",
    );
    attack(&model(&tensor(&[1], "", &[0; 4])), "has no name");
    attack(
        &model(&[tensor(&[1], "w", &[0; 4]), tensor(&[1], "w", &[0; 4])].concat()),
        "twice",
    );
    attack(
        &model(&tensor(&[1; 65], "w", &[0; 4])),
        "more than 64 numbers",
    );
    let huge = [
        number(1, 8),
        vec![0x3a],
        varint(u64::MAX),
        node("Relu", &["x"], &["y"]),
    ]
    .concat();
    attack(&huge, "cut short");
    let cycle = [
        node("Relu", &["b"], &["y"]),
        node("Relu", &["y"], &["b"]),
        input.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&cycle), "the input x has 0 dimensions");
    let strange = message(
        11,
        &[
            message(1, b"x"),
            message(
                2,
                &message(
                    1,
                    &message(
                        2,
                        &[message(1, &number(1, 1)), message(1, &number(1, 2))].concat(),
                    ),
                ),
            ),
        ]
        .concat(),
    );
    let cycle = [
        node("Relu", &["b"], &["y"]),
        node("Relu", &["y"], &["b"]),
        strange.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&cycle), "nothing before it gives its input b");
    // A product with a number, and a number added to it.
    let scalar = [
        node("MatMul", &["x", "w"], &["z"]),
        node("Add", &["z", "b"], &["y"]),
        tensor(&[], "w", &[0; 4]),
        tensor(&[], "b", &[0; 4]),
        strange.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&scalar), "(MatMul): ");
    let unknown = [node("If", &["x"], &["y"]), strange, output].concat();
    attack(&model(&unknown), "node y (If): the operator is not known");
    let many: Vec<u8> = (0..200_001)
        .flat_map(|i| message(5, &message(8, format!("{i}").as_bytes())))
        .collect();
    attack(&model(&many), "the limit tensors allows 200000");
    let nodes = [0x0a, 0].repeat(1_000_001);
    attack(&model(&nodes), "nodes: 1000001");
    let graphs = message(5, &message(6, &[])).repeat(200_001);
    attack(&model(&message(1, &graphs)), "graphs: 200001");
}

#[test]
fn a_million_graphs_in_each_other_are_too_deep() {
    let _alone = alone();
    // Written from the innermost outwards, backwards, so that making it takes no longer than its
    // length.
    let mut backwards: Vec<u8> = Vec::new();
    for _ in 0..1_000_000 {
        for key in [6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2] {
            let mut head = vec![key];
            head.extend(varint(backwards.len() as u64));
            head.reverse();
            backwards.extend(head);
        }
    }
    backwards.reverse();
    attack(
        &model(&backwards),
        "levels of graphs: 65, but the limit depth allows 64",
    );
}

/// Reads a file within the bounds, its network too, whatever it is.
#[track_caller]
fn survive(file: &[u8]) -> usize {
    bounded(|| {
        let checkpoint = opened(file).unwrap();
        match resolve_architecture(&checkpoint, None).0 {
            Ok(resolved) => resolved.architecture.layers.len(),
            Err(_) => 0,
        }
    })
}

fn tensor(dims: &[u64], name: &str) -> Vec<u8> {
    let n: u64 = dims.iter().product();
    let sizes: Vec<u8> = dims.iter().flat_map(|&size| number(1, size)).collect();
    let data = vec![0; n as usize * 4];
    let fields = [
        sizes,
        number(2, 1),
        message(8, name.as_bytes()),
        message(9, &data),
    ];
    message(5, &fields.concat())
}

/// An input of the model without a shape.
fn input(name: &str) -> Vec<u8> {
    message(11, &message(1, name.as_bytes()))
}

fn output(name: &str) -> Vec<u8> {
    message(12, &message(1, name.as_bytes()))
}

#[test]
fn parts_of_hostile_graphs_take_linear_time() {
    let _alone = alone();
    let ends = [input("x"), input("z"), output("y")].concat();
    let weight = tensor(&[2, 2], "w.weight");
    // A value that is made of itself, and of values that come later.
    let circles = [
        node("MatMul", &["y", "w.weight"], &["y"]),
        node("Relu", &["b"], &["a"]),
        node("Add", &["a", "y"], &["b"]),
        node("Mul", &["y", "y"], &["y"]),
        node("MatMul", &["y", "w.weight"], &["y"]),
    ];
    survive(&model(
        &[circles.concat(), weight.clone(), ends.clone()].concat(),
    ));
    // One kernel behind the other, all of the same weight; and a long way between two.
    let name = |i: usize| format!("v{i}");
    let chain = |operator: &str, other: &str, n: usize| -> Vec<u8> {
        let step = |i: usize| {
            let (from, to) = (name(i), name(i + 1));
            let inputs: Vec<&str> = [&*from, other]
                .into_iter()
                .filter(|i| !i.is_empty())
                .collect();
            node(operator, &inputs, &[&to])
        };
        (0..n).flat_map(step).collect()
    };
    let first = node("MatMul", &["x", "w.weight"], &["v0"]);
    for (operator, other) in [
        ("MatMul", "w.weight"),
        ("Relu", ""),
        ("Mul", "x"),
        ("Transpose", ""),
    ] {
        let nodes = chain(operator, other, 100_000);
        let graph = [first.clone(), nodes, weight.clone(), ends.clone()].concat();
        survive(&model(&graph));
    }
    // Squares of squares.
    let squares = (0..100_000).flat_map(|i| {
        let (from, to) = (name(i), name(i + 1));
        node("Mul", &[&from, &from], &[&to])
    });
    let graph = [
        first.clone(),
        squares.collect(),
        weight.clone(),
        ends.clone(),
    ]
    .concat();
    survive(&model(&graph));
    // Weights that are made of weights without end.
    let doubled = (0..20_000).flat_map(|i| {
        let (from, to) = (name(i), name(i + 1));
        let from = if i == 0 { "w.weight" } else { &from };
        node("Concat", &[from; 60], &[&to])
    });
    survive(&model(&[doubled.collect(), weight, ends].concat()));
}

#[test]
fn many_kernels_side_by_side_and_in_branches_take_linear_time() {
    let _alone = alone();
    let ends = [input("x"), input("z"), output("y")].concat();
    let n = 20_000;
    // All take one value, so that a tree has as many branches.
    let names: Vec<String> = (0..n).map(|i| format!("w{i}")).collect();
    let tensors: Vec<u8> = names
        .iter()
        .flat_map(|name| tensor(&[2, 2], name))
        .collect();
    let products = names.iter().flat_map(|name| {
        let made = format!("{name}y");
        node("MatMul", &["v", name], &[&made])
    });
    let first = node("MatMul", &["x", "w0"], &["v"]);
    let graph = [first, products.collect(), tensors, ends.clone()].concat();
    assert!(survive(&model(&graph)) > n / 2);
    // A body for each of many nodes, each with a kernel of the same name.
    let body = [
        node("MatMul", &["x", "w"], &["v"]),
        tensor(&[2, 2], "w"),
        output("v"),
    ];
    let branch = message(
        5,
        &[message(1, b"then_branch"), message(6, &body.concat())].concat(),
    );
    let nodes: Vec<u8> = (0..n)
        .flat_map(|i| {
            let made = format!("i{i}");
            let fields = [
                message(2, made.as_bytes()),
                message(4, b"If"),
                branch.clone(),
            ];
            message(1, &fields.concat())
        })
        .collect();
    assert!(survive(&model(&[nodes, ends].concat())) > n / 2);
}

#[test]
fn a_loop_with_very_many_values_takes_linear_time() {
    let _alone = alone();
    let n = 30_000;
    let names: Vec<String> = (0..n).map(|i| format!("s{i}")).collect();
    let inputs: Vec<u8> = ["turn", "go"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .flat_map(input)
        .collect();
    let copies = names
        .iter()
        .flat_map(|name| node("Identity", &[name], &[&format!("{name}n")]));
    let outputs = names.iter().flat_map(|name| output(&format!("{name}n")));
    let body = [inputs, copies.collect(), output("go"), outputs.collect()].concat();
    let attribute = message(5, &[message(1, b"body"), message(6, &body)].concat());
    let taken: Vec<u8> = ["", ""]
        .into_iter()
        .chain(names.iter().map(|_| "w"))
        .flat_map(|name| message(1, name.as_bytes()))
        .collect();
    let fields = [taken, message(2, b"y"), message(4, b"Loop"), attribute];
    let graph = [
        message(1, &fields.concat()),
        tensor(&[2, 2], "w"),
        input("x"),
        input("z"),
        output("y"),
    ];
    survive(&model(&graph.concat()));
}

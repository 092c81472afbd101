//! Recurrent layers.

use super::*;

#[test]
fn recurrent_layers_by_their_gates() {
    let list = |rows: usize| -> Vec<(&'static str, Vec<usize>)> {
        vec![
            ("rnn.weight_ih_l0", vec![rows, 7]),
            ("rnn.weight_hh_l0", vec![rows, 5]),
            ("rnn.bias_ih_l0", vec![rows]),
            ("rnn.bias_hh_l0", vec![rows]),
            ("fc.weight", vec![2, 5]),
        ]
    };
    for (rows, kind) in [(20, "lstm"), (15, "gru"), (5, "elman")] {
        let list = list(rows);
        let list: Vec<(&str, &[usize])> =
            list.iter().map(|(name, shape)| (*name, &**shape)).collect();
        check(
            &list,
            &[&format!("{kind} rnn 5"), "take_step", "dense fc 2"],
        );
    }
    let wrong = list(10);
    let wrong: Vec<(&str, &[usize])> = wrong
        .iter()
        .map(|(name, shape)| (*name, &**shape))
        .collect();
    check_error(&wrong, "the number of rows, 10, is not 1, 3 or 4 x 5");
    let found = check(
        &[
            ("embedding.weight", &[100, 4]),
            ("lstm.weight_ih_l0", &[12, 4]),
            ("lstm.weight_hh_l0", &[12, 3]),
            ("lstm.weight_ih_l0_reverse", &[12, 4]),
            ("lstm.weight_hh_l0_reverse", &[12, 3]),
            ("lstm.weight_ih_l1", &[12, 6]),
            ("lstm.weight_hh_l1", &[12, 3]),
            ("lstm.weight_ih_l1_reverse", &[12, 6]),
            ("lstm.weight_hh_l1_reverse", &[12, 3]),
            ("fc.weight", &[2, 6]),
        ],
        &[
            "embedding embedding 4",
            "lstm lstm 3",
            "take_step",
            "dense fc 2",
        ],
    );
    assert_eq!(found.architecture.input, [1]);
}

//! Models that were written and read again.

use cntflow_models::{FittedModel, InconsistentModel, ModelKind, PlattCalibration, fit};
use serde_json::Value;

use crate::data::{Rows, all_settings, bits};

fn read(value: Value) -> Option<FittedModel> {
    serde_json::from_value(value).ok()
}

#[test]
fn a_model_is_read_back_bit_for_bit() {
    let (rows, test) = (Rows::new(80, 1), Rows::new(50, 2));
    for setting in all_settings() {
        for is_three in [false, true] {
            let model = fit(&setting, &rows.training(setting.kind(), is_three), 5).unwrap();
            let text = serde_json::to_string(&model).unwrap();
            let back: FittedModel = serde_json::from_str(&text).unwrap();
            assert_eq!(back, model);
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
            assert_eq!(back.check_consistency(6), Ok(()));
            let [a, b] = [back, model].map(|model| bits(&model.predict(test.features.view())));
            assert_eq!(a, b);
        }
    }
}

#[test]
fn a_model_for_other_columns_is_refused() {
    let rows = Rows::new(80, 1);
    let training = rows.training(ModelKind::NaiveBayes, false);
    let model = fit(&ModelKind::NaiveBayes.settings()[0], &training, 5).unwrap();
    let expected = InconsistentModel::Columns {
        expected: 6,
        found: 5,
    };
    assert_eq!(model.check_consistency(5), Err(expected));
}

/// Every copy of a value with one list, text or number in it changed.
fn damaged(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => {
            let mut copies = vec![Value::Array(list[..list.len().saturating_sub(1)].to_vec())];
            for index in 0..list.len().min(3) {
                for changed in damaged(&list[index]) {
                    let mut copy = list.clone();
                    copy[index] = changed;
                    copies.push(Value::Array(copy));
                }
            }
            copies
        }
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                damaged(value)
                    .into_iter()
                    .map(move |changed| (key, changed))
            })
            .map(|(key, changed)| {
                let mut copy = map.clone();
                copy.insert(key.clone(), changed);
                Value::Object(copy)
            })
            .collect(),
        // Lists of floats are texts.
        Value::String(text) => {
            let shorter = text
                .rsplit_once(' ')
                .map_or("", |(start, _)| start)
                .to_owned();
            let not_a_number = text.split_once(' ').map(|(_, rest)| format!("NaN {rest}"));
            [Some(shorter), not_a_number, Some(format!("{text} 1"))]
                .into_iter()
                .flatten()
                .map(Value::from)
                .collect()
        }
        Value::Number(_) => [0_u64, 1, 77, u64::from(u32::MAX)]
            .map(Value::from)
            .to_vec(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

#[test]
fn a_damaged_model_is_refused_or_predicts_without_panic() {
    let rows = Rows::new(80, 1);
    let (mut n_refused, mut n_copies) = (0, 0);
    for kind in ModelKind::ALL {
        for is_three in [false, true] {
            let model = fit(&kind.settings()[0], &rows.training(kind, is_three), 5).unwrap();
            for copy in damaged(&serde_json::to_value(&model).unwrap()) {
                n_copies += 1;
                match read(copy) {
                    Some(model) if model.check_consistency(6).is_ok() => {
                        assert_eq!(model.predict(rows.features.view()).len(), 80);
                    }
                    _ => n_refused += 1,
                }
            }
        }
    }
    // The rest changed a number into another that is as good.
    assert!(n_refused * 2 > n_copies, "{n_refused} of {n_copies}");
}

#[test]
fn a_calibration_is_read_back_bit_for_bit() {
    let calibration = PlattCalibration::fit(&[-1.0, 0.3, 0.1, 2.0], &[0, 0, 1, 1]).unwrap();
    let text = serde_json::to_string(&calibration).unwrap();
    let back: PlattCalibration = serde_json::from_str(&text).unwrap();
    assert!(back.is_consistent() && back == calibration);
    assert_eq!(
        back.probability(0.7).to_bits(),
        calibration.probability(0.7).to_bits()
    );
}

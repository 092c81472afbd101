//! Numbers of scikit-learn 1.9.1, scipy 1.17.1 and numpy 2.4.6 over the rows of `data`. `m` is
//! `sklearn.metrics`, `stats` is `scipy.stats`.

use cntflow_statistics::corrected_resampled::{
    FoldSizes, corrected_difference, corrected_interval,
};
use cntflow_statistics::equivalence::equivalence;
use cntflow_statistics::{Confidence, binary, calibration, delong, multiclass, rank_correlation};
use cntflow_statistics::{granulated, mutual_information, regression};

use crate::data::{N_ROWS, coarse, distinct, hyperparameters, is_positive, probabilities, tied};

fn check(actual: f64, expected: f64) {
    let is_close = (actual - expected).abs() <= 1e-9 * expected.abs();
    assert!(is_close, "{actual} is not {expected}");
}

#[test]
fn binary_figures_are_those_of_scikit_learn() {
    // m.roc_auc_score(pos, tied), m.roc_auc_score(pos, distinct)
    check(binary::auc(&tied(), &is_positive()).unwrap(), 0.67875);
    check(binary::auc(&distinct(), &is_positive()).unwrap(), 0.83125);
    let predicted: Vec<bool> = tied().iter().map(|&score| score >= 0.6).collect();
    let confusion = binary::Confusion::new(&predicted, &is_positive()).unwrap();
    // m.accuracy_score, m.balanced_accuracy_score, m.matthews_corrcoef of (pos, tied >= .6)
    check(confusion.accuracy(), 0.583_333_333_333_333_4);
    check(confusion.balanced_accuracy(), 0.575);
    check(confusion.matthews(), 0.142_133_810_903_740_28);
}

#[test]
fn delong_is_the_naive_formula() {
    // x, y = s[pos], s[~pos]; psi = (x[:, None] > y) + .5 * (x[:, None] == y)
    // v10, v01 = psi.mean(1), psi.mean(0)
    // se = np.sqrt(np.var(v10, ddof=1) / 20 + np.var(v01, ddof=1) / 40)
    let of_one = delong::auc_interval(&tied(), &is_positive(), Confidence::NINETY_FIVE).unwrap();
    check(of_one.value, 0.67875);
    check(of_one.standard_error, 0.073_128_615_231_809_22);
    // l = log(auc / (1 - auc)); h = stats.norm.ppf(.975) * se / (auc * (1 - auc)); expit(l -+ h)
    check(of_one.low, 0.522_660_649_759_524_1);
    check(of_one.high, 0.803_033_336_412_043_3);
    // The same, with v10 and v01 of `tied` minus those of `distinct`; p = 2 * stats.norm.sf(|z|)
    let paired = delong::auc_difference(
        &tied(),
        &distinct(),
        &is_positive(),
        Confidence::NINETY_FIVE,
    )
    .unwrap();
    check(paired.difference, -0.1525);
    check(paired.standard_error, 0.086_006_484_549_802_32);
    check(paired.p, 0.076_208_473_784_071_79);
    check(paired.high + paired.low, 2.0 * paired.difference);
}

#[test]
fn multiclass_figures_are_those_of_scikit_learn() {
    // y = i % 4 % 3; yh = np.where(i * 7 % 10 < 6, y, i * 11 % 3)
    let actual: Vec<usize> = (0..N_ROWS).map(|i| i % 4 % 3).collect();
    let predicted: Vec<usize> = (0..N_ROWS)
        .map(|i| {
            if i * 7 % 10 < 6 {
                actual[i]
            } else {
                i * 11 % 3
            }
        })
        .collect();
    let confusion = multiclass::Confusion::new(&predicted, &actual, 3).unwrap();
    check(confusion.accuracy(), 0.733_333_333_333_333_3);
    check(confusion.balanced_accuracy(), 0.733_333_333_333_333_3);
    check(confusion.matthews(), 0.587_595_560_057_671_4);
    // raw = np.stack([1 + (i * (17 + 6 * k) % 23) + np.where(y == k, 9, 0) for k in range(3)], 1)
    // prob = raw / raw.sum(1, keepdims=True)
    let raw = |i: usize, k: usize| {
        let shift = if actual[i] == k { 9 } else { 0 };
        (1 + i * (17 + 6 * k) % 23 + shift) as f64
    };
    let scores: Vec<Vec<f64>> = (0..3)
        .map(|k| {
            let share = |i| raw(i, k) / (raw(i, 0) + raw(i, 1) + raw(i, 2));
            (0..N_ROWS).map(share).collect()
        })
        .collect();
    let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    // m.roc_auc_score(y, prob, multi_class="ovr"), the same with "ovo"
    let one_against_rest = multiclass::one_against_rest_auc(&scores, &actual).unwrap();
    check(one_against_rest, 0.951_975_308_641_975_4);
    check(
        multiclass::hand_till_auc(&scores, &actual).unwrap(),
        0.948_333_333_333_333_3,
    );
    assert!(multiclass::Confusion::new(&[3], &[0], 3).is_err());
}

#[test]
fn regression_and_rank_figures_are_those_of_scikit_learn_and_scipy() {
    // m.r2_score(tied, distinct), m.mean_absolute_error, m.root_mean_squared_error
    let (predicted, actual) = (distinct(), tied());
    check(
        regression::r_squared(&predicted, &actual).unwrap(),
        -0.851_211_270_559_626,
    );
    let absolute = regression::mean_absolute_error(&predicted, &actual).unwrap();
    check(absolute, 0.336_263_135_771_332_5);
    let squared = regression::root_mean_squared_error(&predicted, &actual).unwrap();
    check(squared, 0.412_677_740_109_030_1);
    // stats.kendalltau(tied, coarse).statistic, stats.spearmanr(tied, coarse).statistic
    let tau = rank_correlation::kendall_tau(&tied(), &coarse()).unwrap();
    check(tau, 0.126_320_522_240_920_55);
    let rho = rank_correlation::spearman(&tied(), &coarse()).unwrap();
    check(rho, 0.193_226_241_391_011_47);
}

#[test]
fn calibration_is_that_of_scikit_learn_and_numpy() {
    let (p, positive) = (probabilities(), is_positive());
    // m.brier_score_loss(pos, p), m.log_loss(pos, p)
    check(
        calibration::brier_score(&p, &positive).unwrap(),
        0.215_529_158_828_272,
    );
    check(
        calibration::log_loss(&p, &positive).unwrap(),
        0.605_294_683_863_819_9,
    );
    // o = np.argsort(p); bins = [o[10 * k:10 * k + 10] for k in range(6)]
    // np.mean([abs(pos[q].mean() - p[q].mean()) for q in bins])
    let error = calibration::expected_calibration_error(&p, &positive, 6).unwrap();
    check(error, 0.179_234_972_677_595_64);
}

#[test]
fn the_corrected_test_and_equivalence_are_those_of_scipy() {
    // f = (np.arange(15) * 7 % 15) / 100 - .03; se = np.sqrt((1 / 15 + 1 / 4) * np.var(f, ddof=1))
    // 2 * stats.t.sf(f.mean() / se, 14); f.mean() - stats.t.ppf(.975, 14) * se
    let figures: Vec<f64> = (0..15)
        .map(|i| f64::from(i * 7 % 15) / 100.0 - 0.03)
        .collect();
    let sizes = FoldSizes {
        n_test: 20,
        n_train: 80,
    };
    let comparison = corrected_difference(&figures, sizes, Confidence::NINETY_FIVE).unwrap();
    check(comparison.difference, 0.04);
    check(comparison.standard_error, 0.025_166_114_784_235_832);
    check(comparison.p, 0.134_282_893_406_686_98);
    check(comparison.low, -0.013_975_947_975_840_439);
    let interval = corrected_interval(&figures, sizes, Confidence::NINETY_FIVE).unwrap();
    assert_eq!(
        (interval.low, interval.high),
        (comparison.low, comparison.high)
    );
    // max(stats.t.sf(.014 / .003, 14), stats.t.cdf(-.006 / .003, 14))
    let test = equivalence(0.004, 0.003, Some(14.0), 0.01, 0.05).unwrap();
    check(test.p, 0.032_643_976_444_555_97);
}

#[test]
fn conditional_scores_are_those_of_a_loop_over_pairs() {
    // Tables of np.sign over itertools.product(range(60), repeat=2) with r != s, per value of the
    // levels of both; stats.entropy of their margins and of the table.
    let levels = hyperparameters();
    let levels: Vec<&[usize]> = levels.iter().map(Vec::as_slice).collect();
    let (x, y) = (tied(), coarse());
    let score = mutual_information::conditional_information_score(&x, &y, &levels).unwrap();
    assert_eq!(score.sets.len(), 7);
    check(score.sets[0].normalised.unwrap(), 0.011_242_001_950_484_24);
    check(score.score.unwrap(), 0.011_049_033_680_329_052);
    // np.mean of np.sign(a_r - a_s) * np.sign(c_r - c_s) over the pairs of each setting, then over
    // settings, then over hyperparameters
    let tau = granulated::granulated_kendall(&x, &y, &levels).unwrap();
    check(tau.tau.unwrap(), 0.055_555_555_555_555_57);
    check(
        tau.per_hyperparameter[2].tau.unwrap(),
        -0.133_333_333_333_333_33,
    );
}

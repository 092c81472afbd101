// The lines of medians and quartiles lie where the original values put them.
import assert from 'node:assert/strict';
import { columnNamed } from '../lib/table.js';

/** Epochs go from 0 to 200. */
const BINS = 24;

/** The points of the lines of one kind, in values of the axes. */
async function lines({ explorer, page }, role) {
  const paths = await page.locator(`.traces .${role}`)
    .evaluateAll((all) => all.map((path) => path.getAttribute('d')));
  return Promise.all(paths.map(async (path) => {
    const points = path.slice(1).split('L').map((point) => point.split(',').map(parseFloat));
    const x = await explorer.valuesAt('x', points.map(([at]) => at));
    const y = await explorer.valuesAt('y', points.map(([, at]) => at));
    return points.map((_, k) => [x[k], y[k]]);
  }));
}

const quantile = (sorted, part) => {
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? 0) - sorted[below] || 0);
};

/** Quantiles of the accuracy for the epochs around `middle`, for one activation function. */
function direct(activation, middle, part) {
  const [epochs, accuracy, groups] = ['epoch', 'test_accuracy', 'activation']
    .map((name) => columnNamed(name).values);
  const half = 201 / BINS / 2;
  const inside = accuracy.filter((value, row) => value !== null && groups[row] === activation
    && epochs[row] !== null && Math.abs(epochs[row] - middle) < half);
  return quantile(inside.sort((a, b) => a - b), part);
}

export const checks = {
  async 'medians and quartiles follow the original values'(context) {
    const { explorer, page } = context;
    await explorer.choose('x', 'epoch');
    await explorer.choose('colour', 'activation');
    await page.getByLabel('median and quartiles of each colour, after filters').check();
    await explorer.settle();
    const activations = [...new Set(columnNamed('activation').values)]
      .filter((name) => name !== null).sort();
    const medians = await lines(context, 'median');
    const quartiles = await lines(context, 'quartile');
    assert.equal(quartiles.length, 2 * medians.length);
    const [zero, one] = await explorer.valuesAt('y', [0, 1]);
    const close = (found, expected, what) =>
      assert.ok(Math.abs(found - expected) < 2 * Math.abs(one - zero), `${what}: ${found}, not ${expected}`);
    activations.forEach((activation, group) => {
      assert.equal(medians[group].length, BINS);
      for (const bin of [0, 7, 15, 23]) {
        const [middle, median] = medians[group][bin];
        close(median, direct(activation, middle, 0.5), `median of ${activation} in bin ${bin}`);
        const [lower, upper] = [0, 1].map((k) => quartiles[2 * group + k][bin][1]);
        close(lower, direct(activation, middle, 0.25), `lower quartile of ${activation}`);
        close(upper, direct(activation, middle, 0.75), `upper quartile of ${activation}`);
      }
    });
  },

  async 'the lines go away again'({ explorer, page }) {
    const box = page.getByLabel('median and quartiles of each colour, after filters');
    await box.check();
    await explorer.choose('colour', 'epoch');
    await explorer.settle();
    assert.equal(await page.locator('.traces .median').count(), 1);
    await box.uncheck();
    await explorer.settle();
    assert.equal(await page.locator('.traces path').count(), 0);
  },
};

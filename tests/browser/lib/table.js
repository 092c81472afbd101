// A table of 50,000 checkpoints with 30 columns, the same every time, with names that are hostile
// or not English. Values are kept as doubles, for comparison with what the page selects.
import { gaussian, randomNumbers } from './random.js';

export const ROWS = 50_000;
export const HOSTILE = '<img src=x onerror=alert(1)>';
export const QUOTED = `it's "quoted"`;

/** Values without a number or text are null. */
const real = (name, values, more = {}) => ({ name, kind: 'real', label: false, values, ...more });
const integer = (name, values, more = {}) => ({ ...real(name, values, more), kind: 'integer' });
const category = (name, values) => ({ ...real(name, values, { label: true }), kind: 'category' });

const layer = (number, metric, column) => ({
  sql: { table: 'layers', where: `layer = ${number} AND metric = '${metric}'`, column },
});

const numbered = (name, count) => Array.from({ length: count }, (_, k) => `${name} ${k + 1}`);

const RARE_NAMES = [
  `a/${HOSTILE}.pt`, `a/${QUOTED}.pt`, 'modelle/größe-übung.pt', 'modèles/été déjà.pt',
  '模型/第一层/检查点.pt', 'emoji/🙂🙃.pt', 'emoji/🙂🙂.pt', '</script><script>alert(1)</script>',
];

function checkpointNames() {
  const names = Array.from({ length: ROWS - RARE_NAMES.length }, (_, i) => {
    const run = String(Math.floor(i / 10)).padStart(6, '0');
    return `zoo/run-${run}/step-${String((i % 10) * 100).padStart(5, '0')}.safetensors`;
  });
  // Rows are in the order of SQL: by the bytes of the names.
  return [...names, ...RARE_NAMES].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function makeColumns() {
  const random = randomNumbers(0x9e3779b9);
  const each = (make) => Array.from({ length: ROWS }, (_, i) => make(i));
  const pick = (list) => each(() => list[Math.floor(random() * list.length)]);
  const without = (values, part) => values.map((value) => (random() < part ? null : value));
  const activation = pick(
    ['relu', 'tanh', QUOTED, HOSTILE, '激活函数', 'Größe', "entrée d'activation"]);
  const centre = new Map([...new Set(activation)].map((name, k) => [name, k]));
  const width = each(() => Math.exp(0.7 * gaussian(random)));
  const accuracy = each((i) => Math.round(1e4 * (0.55 + 0.4 * Math.tanh(
    0.3 * centre.get(activation[i]) - 0.4 * width[i] + 0.5 * gaussian(random)))) / 1e4);
  const accuracyOrNone = accuracy.map((value, i) => (i % 2941 === 7 ? null : value));
  return [
    real('test_accuracy', accuracyOrNone, { label: true }),
    category('activation', without(activation, 0.001)),
    category('optimizer', pick(numbered('optimizer', 12))),
    category('dataset', pick(numbered('data set', 300))),
    integer('seed', each(() => Math.floor(random() * 2 ** 31))),
    integer('epoch', without(each(() => Math.floor(random() * 201)), 0.002), { label: true }),
    real('layer 2 link_weights mean', without(width, 0.01), layer(2, 'link_weights', 'mean')),
    real('layer 1 link_weights mean', each(() => 0.1 * gaussian(random)),
      layer(1, 'link_weights', 'mean')),
    real('layer 2 node_strengths "max"', each(() => gaussian(random)),
      layer(2, 'node_strengths', 'the "max"')),
    real('tiny', each(() => 1e-9 * gaussian(random))),
    real('huge', each(() => 1e21 * (1 + random()))),
    real('constant', each(() => 0.1)),
    real('never', each(() => null)),
    real(HOSTILE, each(() => random())),
    real('Schichtstärke "Größe"', each(() => random())),
    real("précision d'essai", each(() => random())),
    real('第二层权重', each(() => random())),
    ...numbered('measure', 13).map((name, k) =>
      real(name, each(() => gaussian(random) * 10 ** (k - 6)))),
  ].map((column) => ({
    sql: { table: 'networks', where: null, column: column.name }, ...column,
  }));
}

let made = null;

/** The table; it is made once. */
export function table() {
  made ??= { names: checkpointNames(), columns: makeColumns() };
  return made;
}

/** @param {string} name */
export const columnNamed = (name) => table().columns.find((column) => column.name === name);

import { MISSING } from './codes.js';
import { pixel } from './colours.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./colours.js').Encoding} Encoding
 * @typedef {{x: number, lower: number, median: number, upper: number}} Summary codes
 * @typedef {{colour: string | null, summaries: Summary[]}} Trace
 */

const MOST_BINS = 24;

/** A median of fewer rows says little. */
const FEWEST_ROWS = 5;

const NO_GROUP = 255;

/**
 * The group of each code, and the colours of the groups. Numbers are one group without a colour.
 *
 * @param {Encoding} encoding
 */
function groupsOf(encoding) {
  const ofCode = new Uint8Array(MISSING + 1);
  if (encoding.continuous) return { ofCode, colours: [null] };
  const colours = encoding.entries.map(({ colour }) => colour);
  const byPixel = new Map(colours.map((colour, group) => [pixel(colour), group]));
  for (let code = 0; code <= MISSING; code++) {
    ofCode[code] = byPixel.get(encoding.ofCode[code]) ?? NO_GROUP;
  }
  return { ofCode, colours };
}

/** @param {Column} column */
function binsOf(column) {
  const { first, last } = column.extent;
  const count = Math.min(MOST_BINS, last - first + 1);
  const width = (last - first + 1) / count;
  return {
    count,
    indexOf: (code) => Math.min(count - 1, Math.floor((code - first + 0.5) / width)),
    middleOf: (bin) => first + (bin + 0.5) * width - 0.5,
  };
}

/** The value below which a part of sorted values lies. @param {Uint16Array} sorted */
const quantile = (sorted, part) => {
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
};

/**
 * The codes of y, sorted by cells. Cell `c` has the entries from `starts[c]` to `starts[c + 1]`.
 *
 * @param {Int32Array} cells the cell of each row, negative for none
 * @param {Uint16Array} codes
 * @param {number} count
 */
function sortByCell(cells, codes, count) {
  const starts = new Uint32Array(count + 1);
  for (const cell of cells) if (cell >= 0) starts[cell + 1]++;
  for (let cell = 0; cell < count; cell++) starts[cell + 1] += starts[cell];
  const next = starts.slice();
  const sorted = new Uint16Array(starts[count]);
  for (let i = 0; i < cells.length; i++) if (cells[i] >= 0) sorted[next[cells[i]]++] = codes[i];
  for (let cell = 0; cell < count; cell++) sorted.subarray(starts[cell], starts[cell + 1]).sort();
  return { starts, sorted };
}

/**
 * The median and the quartiles of y in bins of x, for each group of colours.
 *
 * @param {Column} x
 * @param {Column} y
 * @param {Column} colour
 * @param {Encoding} encoding
 * @param {Uint8Array} rows
 * @returns {Trace[]}
 */
export function computeTraces(x, y, colour, encoding, rows) {
  const groups = groupsOf(encoding);
  const bins = binsOf(x);
  const cells = new Int32Array(rows.length).fill(-1);
  for (let i = 0; i < rows.length; i++) {
    const group = groups.ofCode[colour.codes[i]];
    if (!rows[i] || group === NO_GROUP) continue;
    if (x.codes[i] === MISSING || y.codes[i] === MISSING) continue;
    cells[i] = group * bins.count + bins.indexOf(x.codes[i]);
  }
  const { starts, sorted } = sortByCell(cells, y.codes, groups.colours.length * bins.count);
  return groups.colours.map((groupColour, group) => {
    const summaries = [];
    for (let bin = 0; bin < bins.count; bin++) {
      const cell = group * bins.count + bin;
      const values = sorted.subarray(starts[cell], starts[cell + 1]);
      if (values.length < FEWEST_ROWS) continue;
      const [lower, median, upper] = [0.25, 0.5, 0.75].map((part) => quantile(values, part));
      summaries.push({ x: bins.middleOf(bin), lower, median, upper });
    }
    return { colour: groupColour, summaries };
  }).filter(({ summaries }) => summaries.length > 0);
}

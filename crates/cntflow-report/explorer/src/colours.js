import { MISSING } from './codes.js';
import { VIRIDIS } from './viridis.js';
import { valueText } from './text.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {{dark: boolean, back: string, none: string, other: string, ramp: string[]}} Theme
 * @typedef {{label: string, colour: string}} Entry
 * @typedef {{ofCode: Uint32Array, entries: Entry[], continuous: boolean}} Encoding
 */

/** Okabe and Ito's colours, which people with any colour vision can distinguish. */
const OKABE_ITO = [
  '#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#000000', '#f0e442',
];
const MOST_GROUPS = OKABE_ITO.length;

/** @param {string} css @returns {[number, number, number]} */
function channels(css) {
  // A canvas reads every notation of a colour that a style sheet may use.
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

/** A colour `#rrggbb` as a pixel of a little-endian canvas. @param {string} hex */
export function pixel(hex) {
  const rgb = parseInt(hex.slice(1), 16);
  const [red, green, blue] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * The theme that suits the colour of the paper. The ramp leaves out the end of viridis that is
 * close to the paper.
 *
 * @param {HTMLElement} section
 * @returns {Theme}
 */
export function themeOf(section) {
  const [red, green, blue] = channels(getComputedStyle(section).backgroundColor);
  const dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 110;
  return dark
    ? { dark, back: '#4b4b4b', none: '#8a8a8a', other: '#a6a6a6', ramp: VIRIDIS.slice(40) }
    : { dark, back: '#d9d9d9', none: '#8f8f8f', other: '#767676', ramp: VIRIDIS.slice(0, 232) };
}

/** @param {number} group @param {Theme} theme */
const groupColour = (group, theme) =>
  OKABE_ITO[group] === '#000000' && theme.dark ? '#ffffff' : OKABE_ITO[group];

/**
 * The codes of a category column that have a colour of their own: the most frequent ones.
 *
 * @param {Column} column
 */
function ownGroups(column) {
  const rows = new Uint32Array(MISSING + 1);
  for (const code of column.codes) rows[code]++;
  return column.categories.map((_, code) => code)
    .sort((a, b) => rows[b] - rows[a] || a - b)
    .slice(0, MOST_GROUPS)
    .sort((a, b) => a - b);
}

/** @param {Column} column @param {Theme} theme @returns {Encoding} */
function categoryEncoding(column, theme) {
  const ofCode = new Uint32Array(MISSING + 1).fill(pixel(theme.other));
  const entries = ownGroups(column).map((code, group) => {
    const colour = groupColour(group, theme);
    ofCode[code] = pixel(colour);
    return { label: column.categories[code], colour };
  });
  const others = column.categories.length - entries.length;
  if (others > 0) entries.push({ label: `other (${others})`, colour: theme.other });
  return { ofCode, entries, continuous: false };
}

/** @param {Column} column @param {Theme} theme @returns {Encoding} */
function numberEncoding(column, theme) {
  const { first, last } = column.extent;
  const ofCode = new Uint32Array(MISSING + 1);
  const ramp = theme.ramp.map(pixel);
  const scale = (ramp.length - 1) / Math.max(1, last - first);
  for (let code = first; code <= last; code++) ofCode[code] = ramp[Math.round((code - first) * scale)];
  const entries = [0, 0.25, 0.5, 0.75, 1].map((part) => ({
    label: valueText(column, Math.round(first + part * (last - first))),
    colour: theme.ramp[Math.round(part * (ramp.length - 1))],
  }));
  return { ofCode, entries: last > first ? entries : entries.slice(0, 1), continuous: true };
}

/**
 * The colours of the codes of a column, with the entries of their legend.
 *
 * @param {Column} column
 * @param {Theme} theme
 * @returns {Encoding}
 */
export function encodeColours(column, theme) {
  const encode = column.kind === 'category' ? categoryEncoding : numberEncoding;
  const encoding = encode(column, theme);
  encoding.ofCode[MISSING] = pixel(theme.none);
  if (column.extent.missing > 0) encoding.entries.push({ label: 'no value', colour: theme.none });
  return encoding;
}

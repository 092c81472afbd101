import { codeOf, valueOf } from './codes.js';

/** @typedef {import('./table.js').Column} Column */

/** @param {number} count */
export const countText = (count) => count.toLocaleString('en-US');

/** @param {number} count @param {string} one @param {string} many */
export const plural = (count, one, many) => `${countText(count)} ${count === 1 ? one : many}`;

/**
 * @param {string} text
 * @param {number} most
 */
export const shortened = (text, most) => {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
};

/**
 * The fewest digits that lead back to a code.
 *
 * @param {Column} column
 * @param {number} code
 */
export function valueText(column, code) {
  if (column.kind === 'category') return column.categories[code] ?? '';
  const value = valueOf(column, code);
  for (let digits = 4; digits < 17; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (codeOf(column, rounded) === code) return String(rounded);
  }
  return String(value);
}

/**
 * Codes of 16 bits stand for the values of a column.
 *
 * @typedef {import('./table.js').Column} Column
 */

/** The code of a missing value. */
export const MISSING = 65535;

/** The greatest code of a value. */
export const LAST_CODE = 65534;

/**
 * The lower boundary of code `k`. The writer of the table computes it in the same order of
 * operations, so that both agree on every double.
 *
 * @param {Column} column
 * @param {number} k
 */
export const boundary = (column, k) => column.min + (k - 0.5) * column.step;

/**
 * The value that a code stands for.
 *
 * @param {Column} column
 * @param {number} code
 */
export const valueOf = (column, code) => column.min + code * column.step;

/**
 * The code of a value, clamped to the codes of values.
 *
 * @param {Column} column
 * @param {number} value
 */
export function codeOf(column, value) {
  const guess = Math.round((value - column.min) / column.step);
  let code = Math.min(LAST_CODE, Math.max(0, guess));
  // The division rounds; the boundaries decide.
  while (code > 0 && value < boundary(column, code)) code--;
  while (code < LAST_CODE && value >= boundary(column, code + 1)) code++;
  return code;
}

/**
 * The codes of the values from `from` to `to`, both included. Whole numbers and categories lie
 * between the two; a real bound belongs to the code that contains it. The first code is greater
 * than the last where no value lies between.
 *
 * @param {Column} column
 * @param {number} from
 * @param {number} to
 * @returns {[number, number]}
 */
export function codesBetween(column, from, to) {
  const whole = column.kind !== 'real';
  const low = whole ? Math.ceil(from) : from;
  const high = whole ? Math.floor(to) : to;
  if (low > high || high < boundary(column, 0) || low >= boundary(column, LAST_CODE + 1)) {
    const code = codeOf(column, low);
    return code > 0 ? [code, code - 1] : [1, 0];
  }
  return [codeOf(column, low), codeOf(column, high)];
}

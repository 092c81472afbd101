import { LAST_CODE, MISSING } from './codes.js';

/**
 * A condition accepts values of one column. A range has its first and last code; it accepts no
 * value where the first is greater. A choice has the codes of categories.
 *
 * @typedef {import('./table.js').Column} Column
 * @typedef {{column: Column, first: number, last: number, missing: boolean}} Range
 * @typedef {{column: Column, chosen: Set<number>, missing: boolean}} Choice
 * @typedef {Range | Choice} Condition
 */

/**
 * The condition of codes from `first` to `last`: a choice of categories or a range of numbers.
 *
 * @param {Column} column
 * @param {[number, number]} codes
 * @returns {Condition}
 */
export function between(column, [first, last]) {
  if (column.kind !== 'category') return { column, first, last, missing: false };
  const chosen = new Set();
  for (let code = first; code <= Math.min(last, column.categories.length - 1); code++) {
    chosen.add(code);
  }
  return { column, chosen, missing: false };
}

/**
 * For each code whether a condition accepts it.
 *
 * @param {Condition} condition
 * @returns {Uint8Array}
 */
export function acceptedCodes(condition) {
  const accepted = new Uint8Array(MISSING + 1);
  if ('chosen' in condition) {
    for (const code of condition.chosen) accepted[code] = 1;
  } else if (condition.first <= condition.last) {
    accepted.fill(1, condition.first, Math.min(condition.last, LAST_CODE) + 1);
  }
  accepted[MISSING] = condition.missing ? 1 : 0;
  return accepted;
}

/** Whether a condition accepts every row. @param {Condition} condition */
export function acceptsAll(condition) {
  const { column, missing } = condition;
  const { extent } = column;
  if (extent.missing > 0 && !missing) return false;
  if ('chosen' in condition) return condition.chosen.size === column.categories.length;
  return condition.first <= extent.first && condition.last >= extent.last;
}

/**
 * Marks the rows of `from` that every condition accepts, and counts them.
 *
 * @param {Condition[]} conditions
 * @param {Uint8Array | null} from all rows where it is null
 * @param {Uint8Array} into
 * @returns {number}
 */
export function markRows(conditions, from, into) {
  if (from) into.set(from);
  else into.fill(1);
  for (const condition of conditions) {
    const accepted = acceptedCodes(condition);
    const codes = condition.column.codes;
    for (let i = 0; i < into.length; i++) into[i] &= accepted[codes[i]];
  }
  let count = 0;
  for (let i = 0; i < into.length; i++) count += into[i];
  return count;
}

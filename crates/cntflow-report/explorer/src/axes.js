import { axisBottom, axisLeft } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { valueOf } from './codes.js';
import { shortened } from './text.js';

/** @typedef {import('./table.js').Column} Column */

/** Width of a digit of the ticks in pixels, about. */
const DIGIT = 6.5;

/**
 * The scale of a column along `range`. Categories lie at their codes.
 *
 * @param {Column} column
 * @param {[number, number]} range
 */
export function scaleOf(column, range) {
  const { first, last } = column.extent;
  if (column.kind === 'category') return scaleLinear([first - 0.5, last + 0.5], range);
  const [low, high] = [valueOf(column, first), valueOf(column, last)];
  if (low === high) return scaleLinear([low - 1, high + 1], range);
  return scaleLinear([low, high], range).nice();
}

/** @param {Column} column @param {number} count @param {number} most characters of a label */
function categoryTicks(axis, column, count, most) {
  const every = Math.ceil(column.categories.length / count);
  const ticks = column.categories.map((_, code) => code).filter((code) => code % every === 0);
  axis.tickValues(ticks).tickFormat((code) => shortened(column.categories[code], most));
}

/** @param {Column} column @param {number} count */
function numberTicks(axis, scale, column, count) {
  axis.ticks(count);
  if (column.kind !== 'integer') return;
  axis.tickValues(scale.ticks(count).filter(Number.isInteger));
}

/**
 * Draws the axis below the plot.
 *
 * @param {SVGGElement} group
 * @param {Column} column
 */
export function drawBottomAxis(group, scale, column, width) {
  const axis = axisBottom(scale);
  if (column.kind === 'category') {
    const count = Math.max(2, Math.min(column.categories.length, Math.floor(width / 60)));
    categoryTicks(axis, column, count, Math.floor(width / count / DIGIT));
  } else {
    numberTicks(axis, scale, column, Math.max(2, Math.floor(width / 90)));
  }
  select(group).call(axis);
}

/**
 * Draws the axis beside the plot.
 *
 * @param {SVGGElement} group
 * @param {Column} column
 * @param {number} room width of the labels in pixels
 */
export function drawLeftAxis(group, scale, column, height, room) {
  const axis = axisLeft(scale);
  const count = Math.max(2, Math.floor(height / 48));
  if (column.kind === 'category') categoryTicks(axis, column, count, Math.floor(room / DIGIT));
  else numberTicks(axis, scale, column, count);
  select(group).call(axis);
}

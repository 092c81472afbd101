import { axisBottom, axisLeft } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { valueOf } from './codes.js';
import { shortened } from './text.js';

/** @typedef {import('./table.js').Column} Column */

/** Width of a digit of the ticks in pixels, about. */
const DIGIT = 6.5;

/** Characters of the longest number that is not written as a power of ten. */
const LONGEST_NUMBER = 8;

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

/** A tick as a power of ten. Its last digits are the rounding of its computation. */
const exponential = (tick) => (tick === 0 ? '0' : Number(tick.toPrecision(12)).toExponential());

/**
 * Ticks of numbers with their texts, and the width of the widest text in pixels.
 *
 * @param {Column} column
 * @param {number} count
 */
function numbersAlong(scale, column, count) {
  const ticks = scale.ticks(count).filter((tick) => column.kind === 'real' || Number.isInteger(tick));
  const plain = ticks.map(scale.tickFormat(count));
  const long = plain.some((text) => text.length > LONGEST_NUMBER);
  const texts = long ? ticks.map(exponential) : plain;
  const width = DIGIT * Math.max(...texts.map((text) => text.length));
  return { ticks, textOf: new Map(ticks.map((tick, k) => [tick, texts[k]])), width };
}

/** @param {Column} column @param {number} count */
function numberTicks(axis, scale, column, count) {
  const { ticks, textOf } = numbersAlong(scale, column, count);
  axis.tickValues(ticks).tickFormat((tick) => textOf.get(tick));
}

/** The number of ticks whose texts fit below the plot. @param {Column} column */
function fittingCount(scale, column, width) {
  const count = Math.max(2, Math.floor(width / 90));
  const needed = numbersAlong(scale, column, count).width + 3 * DIGIT;
  return Math.max(2, Math.min(count, Math.floor(width / needed)));
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
    numberTicks(axis, scale, column, fittingCount(scale, column, width));
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

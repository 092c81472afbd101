import { brush as d3Brush } from 'd3-brush';
import { select } from 'd3-selection';
import { boundary, codesBetween } from './codes.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {[number, number]} Codes first and last
 * @typedef {{x: Codes, y: Codes}} Rectangle
 * @typedef {{column: Column, scale: Function}} Side
 */

const ARROWS = {
  ArrowLeft: ['x', -1], ArrowRight: ['x', 1], ArrowDown: ['y', -1], ArrowUp: ['y', 1],
};

/** @param {Column} column */
const stepOf = (column) =>
  Math.max(1, Math.round((column.extent.last - column.extent.first) / 100));

/** The middle fifth. @param {Column} column @returns {Codes} */
function middle(column) {
  const { first, last } = column.extent;
  return [Math.floor(first + 0.4 * (last - first)), Math.ceil(first + 0.6 * (last - first))];
}

/** @param {Column} column @param {Codes} codes @param {number} steps @returns {Codes} */
function moved(column, [first, last], steps) {
  const by = Math.max(column.extent.first - first,
    Math.min(column.extent.last - last, steps * stepOf(column)));
  return [first + by, last + by];
}

/** @param {Column} column @param {Codes} codes @param {number} steps @returns {Codes} */
function resized(column, [first, last], steps) {
  const end = last + steps * stepOf(column);
  return [first, Math.max(first, Math.min(column.extent.last, end))];
}

/**
 * The pixels of a range of codes, at least one pixel wide.
 *
 * @param {Side} side
 * @param {Codes} codes
 * @param {number} size
 */
function pixelsOf({ column, scale }, [first, last], size) {
  const ends = [scale(boundary(column, first)), scale(boundary(column, last + 1))]
    .map((at) => Math.min(size, Math.max(0, at)));
  const [low, high] = ends.sort((a, b) => a - b);
  return high - low >= 1 ? [low, high] : [Math.max(0, low - 0.5), Math.min(size, low + 0.5)];
}

/** @param {Side} side @param {number} from pixel @param {number} to pixel @returns {Codes} */
function codesOf({ column, scale }, from, to) {
  const [low, high] = [scale.invert(from), scale.invert(to)].sort((a, b) => a - b);
  return codesBetween(column, low, high);
}

/** A rectangle over the plot, by pointer and by keyboard. Its sides are codes. */
export class Brush {
  #group;
  #behaviour = d3Brush();
  #onChange;
  /** @type {Rectangle | null} */
  #rectangle = null;
  /** @type {Side} */
  #x;
  /** @type {Side} */
  #y;
  #width = 0;
  #height = 0;

  /**
   * @param {SVGGElement} group
   * @param {HTMLElement} keyboard takes the focus and the keys
   * @param {(rectangle: Rectangle | null) => void} onChange
   */
  constructor(group, keyboard, onChange) {
    this.#group = select(group);
    this.#onChange = onChange;
    this.#behaviour.on('brush end', (event) => this.#dragged(event));
    keyboard.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {number} width @param {number} height @param {Side} x @param {Side} y */
  setFrame(width, height, x, y) {
    [this.#width, this.#height, this.#x, this.#y] = [width, height, x, y];
    this.#behaviour.extent([[0, 0], [width, height]]);
    this.#group.call(this.#behaviour);
    this.show(this.#rectangle);
  }

  /** Shows a rectangle without telling about it. @param {Rectangle | null} rectangle */
  show(rectangle) {
    this.#rectangle = rectangle;
    if (!rectangle) {
      this.#group.call(this.#behaviour.move, null);
      return;
    }
    const [left, right] = pixelsOf(this.#x, rectangle.x, this.#width);
    const [top, bottom] = pixelsOf(this.#y, rectangle.y, this.#height);
    this.#group.call(this.#behaviour.move, [[left, top], [right, bottom]]);
  }

  #dragged({ type, selection, sourceEvent }) {
    // A move by code has no event of its own; its codes are exact already.
    if (!sourceEvent) return;
    this.#rectangle = selection && {
      x: codesOf(this.#x, selection[0][0], selection[1][0]),
      y: codesOf(this.#y, selection[0][1], selection[1][1]),
    };
    if (type === 'end') this.#snap();
    this.#onChange(this.#rectangle);
  }

  /** Moves the edges to the boundaries of whole numbers and categories. */
  #snap() {
    const rectangle = this.#rectangle;
    const empty = !rectangle || [rectangle.x, rectangle.y].some(([first, last]) => first > last);
    if (!empty) this.show(rectangle);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = this.#afterKey(event.key, event.shiftKey);
    if (next === undefined) return;
    event.preventDefault();
    this.show(next);
    this.#onChange(next);
  }

  /** @returns {Rectangle | null | undefined} undefined where the key means nothing here */
  #afterKey(key, shift) {
    if (key === 'Escape') return null;
    const arrow = ARROWS[key];
    if (!arrow && key !== 'Enter') return undefined;
    if (!arrow || !this.#rectangle) {
      return { x: middle(this.#x.column), y: middle(this.#y.column) };
    }
    const [name, steps] = arrow;
    const { column } = name === 'x' ? this.#x : this.#y;
    const change = shift ? resized : moved;
    return { ...this.#rectangle, [name]: change(column, this.#rectangle[name], steps) };
  }
}

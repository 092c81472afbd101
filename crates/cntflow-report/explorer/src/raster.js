import { MISSING, valueOf } from './codes.js';
import { pixel } from './colours.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./colours.js').Theme} Theme
 */

/** Side of a cell of the counts and of a point, in pixels of the page. */
const CELL = 5;
const POINT = 3;

/** Part of the room of a category over which its rows are spread, so that they can be seen. */
const SPREAD = 0.7;

/** Multiples of these, without their whole parts, cover a square evenly (the R2 sequence). */
const SPREAD_ACROSS = 0.7548776662466927;
const SPREAD_UP = 0.5698402909980532;

/**
 * The pixel of each row along one side of the canvas; -1 where the value is missing.
 *
 * @param {Column} column
 * @param {(value: number) => number} scale
 * @param {number} ratio device pixels of a pixel
 * @param {number} size
 * @param {number} multiple
 */
function pixelsOfRows(column, scale, ratio, size, multiple) {
  const ofCode = new Float32Array(MISSING + 1).fill(-1);
  const { first, last } = column.extent;
  for (let code = first; code <= last; code++) ofCode[code] = scale(valueOf(column, code)) * ratio;
  const spread = column.kind === 'category' ? SPREAD * Math.abs(scale(1) - scale(0)) * ratio : 0;
  return Int32Array.from(column.codes, (code, row) => {
    if (code === MISSING) return -1;
    const at = Math.round(ofCode[code] + spread * ((row * multiple) % 1 - 0.5));
    return Math.min(size - 1, Math.max(0, at));
  });
}

/** Draws rows as counts of cells or as points, pixel by pixel. */
export class Raster {
  #canvas;
  #context;
  #image;
  #pixels;
  /** The upper left pixel of the point of each row; -1 where a value is missing. */
  #points;
  /** The cell of each row, and the number of rows in each cell. */
  #cells;
  #rowsOfCells;

  /** @param {HTMLCanvasElement} canvas @param {number} count rows */
  constructor(canvas, count) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#points = new Int32Array(count);
    this.#cells = new Int32Array(count);
  }

  /** @param {number} width @param {number} height @param {number} ratio device pixels of a pixel */
  resize(width, height, ratio) {
    const canvas = this.#canvas;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    this.ratio = ratio;
    this.pointSide = Math.max(1, Math.round(POINT * ratio));
    this.cellSide = Math.max(1, Math.round(CELL * ratio));
    this.cellsAcross = Math.ceil(canvas.width / this.cellSide);
    this.#image = this.#context.createImageData(canvas.width, canvas.height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
  }

  /** Computes where each row lies. @param {Column} x @param {Column} y */
  place(x, xScale, y, yScale) {
    const { width, height } = this.#canvas;
    const across = pixelsOfRows(x, xScale, this.ratio, width, SPREAD_ACROSS);
    const up = pixelsOfRows(y, yScale, this.ratio, height, SPREAD_UP);
    const { pointSide, cellSide, cellsAcross } = this;
    // A point at the edge moves inwards, so that drawing needs no comparison with the edges.
    const inside = (at, size) => Math.max(0, Math.min(size - pointSide, at - (pointSide >> 1)));
    for (let i = 0; i < across.length; i++) {
      const missing = across[i] < 0 || up[i] < 0;
      this.#points[i] = missing ? -1 : inside(up[i], height) * width + inside(across[i], width);
      this.#cells[i] = missing ? -1
        : Math.floor(up[i] / cellSide) * cellsAcross + Math.floor(across[i] / cellSide);
    }
    this.#rowsOfCells = this.#countCells(null);
  }

  /**
   * Draws the selected rows in the colours of their codes, above the others.
   *
   * @param {Uint8Array} selected
   * @param {Uint16Array} codes
   * @param {Uint32Array} colours
   * @param {Theme} theme
   */
  drawPoints(selected, codes, colours, theme) {
    const back = pixel(theme.back);
    this.#pixels.fill(0);
    for (let i = 0; i < selected.length; i++) {
      if (!selected[i] && this.#points[i] >= 0) this.#point(this.#points[i], back);
    }
    for (let i = 0; i < selected.length; i++) {
      if (selected[i] && this.#points[i] >= 0) this.#point(this.#points[i], colours[codes[i]]);
    }
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** @param {number} start its upper left pixel @param {number} colour */
  #point(start, colour) {
    const { pointSide } = this;
    const { width } = this.#image;
    const end = start + pointSide * width;
    for (let row = start; row < end; row += width) {
      for (let at = row; at < row + pointSide; at++) this.#pixels[at] = colour;
    }
  }

  /**
   * Draws the number of selected rows of each cell on a logarithmic scale, and returns the
   * greatest number of rows in a cell.
   *
   * @param {Uint8Array} selected
   * @param {Theme} theme
   */
  drawCounts(selected, theme) {
    const all = this.#rowsOfCells;
    const chosen = this.#countCells(selected);
    let most = 1;
    for (const count of all) if (count > most) most = count;
    const ramp = countRamp(theme).map(pixel);
    const back = pixel(theme.back);
    const scale = (ramp.length - 1) / Math.log(Math.max(2, most));
    this.#pixels.fill(0);
    for (let cell = 0; cell < all.length; cell++) {
      if (!all[cell]) continue;
      const count = chosen[cell];
      this.#cell(cell, count ? ramp[Math.round(Math.log(count) * scale)] : back);
    }
    this.#context.putImageData(this.#image, 0, 0);
    return most;
  }

  /** The number of rows in each cell. @param {Uint8Array | null} selected null for all rows */
  #countCells(selected) {
    const rows = new Uint32Array(this.cellsAcross * Math.ceil(this.#canvas.height / this.cellSide));
    const cells = this.#cells;
    for (let i = 0; i < cells.length; i++) {
      if (cells[i] >= 0 && (!selected || selected[i])) rows[cells[i]]++;
    }
    return rows;
  }

  /** @param {number} cell @param {number} colour */
  #cell(cell, colour) {
    const { width, height } = this.#image;
    const left = (cell % this.cellsAcross) * this.cellSide;
    const top = Math.floor(cell / this.cellsAcross) * this.cellSide;
    const right = Math.min(width, left + this.cellSide);
    const bottom = Math.min(height, top + this.cellSide);
    for (let y = top; y < bottom; y++) this.#pixels.fill(colour, y * width + left, y * width + right);
  }
}

/** Colours from one row to the greatest count: from the paper's side of the ramp to the far one. */
export const countRamp = (theme) => (theme.dark ? theme.ramp : [...theme.ramp].reverse());

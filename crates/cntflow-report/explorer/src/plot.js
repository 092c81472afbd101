import { drawBottomAxis, drawLeftAxis, scaleOf } from './axes.js';
import { Brush } from './brush.js';
import { element, uniqueId } from './dom.js';
import { Raster } from './raster.js';
import { shortened } from './text.js';
import { drawTraces } from './trace_lines.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./brush.js').Rectangle} Rectangle
 */

const SVG = 'http://www.w3.org/2000/svg';
const HELP = 'Drag to select checkpoints. With the keyboard: Enter makes a rectangle, arrow keys ' +
  'move it, Shift and arrow keys resize it, Escape removes it. The fields for x and y above the ' +
  'plot take exact bounds.';
const TOP = 10;
const RIGHT = 28;
const BOTTOM = 46;

/** @param {string} tag @param {Record<string, string>} attributes */
function svgElement(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Names of categories need more room than numbers. @param {number} width @param {Column} y */
function leftMargin(width, y) {
  if (y.kind !== 'category') return 84;
  return width < 520 ? 104 : 150;
}

/** The drawing: a canvas of rows, axes, lines of traces and the brush. */
export class Plot {
  #canvas = element('canvas', { role: 'img' });
  #bottom = svgElement('g', { class: 'axis' });
  #left = svgElement('g', { class: 'axis' });
  #xTitle = svgElement('text', { class: 'title', 'text-anchor': 'middle' });
  #yTitle = svgElement('text', { class: 'title', 'text-anchor': 'middle' });
  #traces = svgElement('g', { class: 'traces' });
  #brushGroup = svgElement('g', { class: 'brush' });
  #svg = svgElement('svg', { 'aria-hidden': 'true' },
    this.#bottom, this.#left, this.#xTitle, this.#yTitle, this.#traces, this.#brushGroup);
  #keyboard;
  #brush;
  #frame = element('div', { class: 'plot' });
  #scales = null;

  /** @param {number} count rows @param {(rectangle: Rectangle | null) => void} onBrush */
  constructor(count, onBrush) {
    const help = element('p', { class: 'help', id: uniqueId('help') }, HELP);
    this.#keyboard = element('div', {
      class: 'keyboard', tabindex: 0, role: 'application',
      'aria-label': 'Selected rectangle', 'aria-describedby': help.id,
    });
    this.raster = new Raster(this.#canvas, count);
    this.#brush = new Brush(this.#brushGroup, this.#keyboard, onBrush);
    this.#frame.append(this.#canvas, this.#svg, this.#keyboard);
    this.root = element('div', { class: 'drawing' }, this.#frame, help);
  }

  /** The width that the page has for the plot, in pixels. */
  get room() {
    return this.root.clientWidth;
  }

  /** Lays out the plot for its width and its columns. @param {Column} x @param {Column} y */
  layOut(x, y) {
    const width = Math.max(280, this.room);
    const height = Math.round(Math.min(560, Math.max(300, width * 0.6)));
    const left = leftMargin(width, y);
    const inner = [width - left - RIGHT, height - TOP - BOTTOM];
    this.#position(width, height, left, inner);
    this.raster.resize(inner[0], inner[1], Math.max(1, devicePixelRatio || 1));
    this.#scales = [scaleOf(x, [0, inner[0]]), scaleOf(y, [inner[1], 0])];
    drawBottomAxis(this.#bottom, this.#scales[0], x, inner[0]);
    drawLeftAxis(this.#left, this.#scales[1], y, inner[1], left - 42);
    this.#xTitle.textContent = shortened(x.name, Math.floor(inner[0] / 7));
    this.#yTitle.textContent = shortened(y.name, Math.floor(inner[1] / 7));
    const sides = [{ column: x, scale: this.#scales[0] }, { column: y, scale: this.#scales[1] }];
    this.#brush.setFrame(...inner, ...sides);
    this.raster.place(x, this.#scales[0], y, this.#scales[1]);
  }

  // Sides are parts of the whole, so that a narrower page, such as a printed one, scales the plot.
  #position(width, height, left, [innerWidth, innerHeight]) {
    this.#frame.style.aspectRatio = `${width} / ${height}`;
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    for (const layer of [this.#canvas, this.#keyboard]) {
      layer.style.left = `${(100 * left) / width}%`;
      layer.style.top = `${(100 * TOP) / height}%`;
      layer.style.width = `${(100 * innerWidth) / width}%`;
      layer.style.height = `${(100 * innerHeight) / height}%`;
    }
    for (const group of [this.#left, this.#traces, this.#brushGroup]) {
      group.setAttribute('transform', `translate(${left},${TOP})`);
    }
    this.#bottom.setAttribute('transform', `translate(${left},${TOP + innerHeight})`);
    this.#xTitle.setAttribute('transform', `translate(${left + innerWidth / 2},${height - 8})`);
    this.#yTitle.setAttribute('transform', `translate(14,${TOP + innerHeight / 2}) rotate(-90)`);
  }

  /** Describes the drawing to those who cannot see it. @param {string} text */
  describe(text) {
    this.#canvas.setAttribute('aria-label', text);
  }

  /** @param {Rectangle | null} rectangle */
  showBrush(rectangle) {
    this.#brush.show(rectangle);
  }

  /** @param {import('./traces.js').Trace[]} traces @param {Column} x @param {Column} y */
  showTraces(traces, x, y) {
    drawTraces(this.#traces, traces, x, y, ...this.#scales);
  }
}

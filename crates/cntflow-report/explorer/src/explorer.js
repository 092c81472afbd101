import { encodeColours, themeOf } from './colours.js';
import { acceptsAll, between, markRows } from './conditions.js';
import { Controls } from './controls.js';
import { element } from './dom.js';
import { Filters } from './filters.js';
import { Legend } from './legend.js';
import { Plot } from './plot.js';
import { Results } from './results.js';
import { countText, plural } from './text.js';
import { computeTraces } from './traces.js';

/**
 * @typedef {import('./table.js').Table} Table
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./controls.js').View} View
 */

/** What a change makes anew; each stage includes the later ones. */
const LAYOUT = 0;
const FILTERS = 1;
const COLOURS = 2;
const SELECTION = 3;
const NOTHING = 4;

/** The first view: a label against a measure, coloured by a category. @param {Column[]} columns */
function firstView(columns) {
  const numbers = columns.filter(({ kind }) => kind !== 'category');
  const y = numbers.find(({ label, kind }) => label && kind === 'real') ?? numbers[0] ?? columns[0];
  const x = numbers.find((column) => !column.label && column !== y)
    ?? numbers.find((column) => column !== y) ?? y;
  const colour = columns.find(({ kind }) => kind === 'category') ?? y;
  return { x, y, colour, points: false, traces: false };
}

/** Holds what is chosen and draws what changes, once a frame. */
export class Explorer {
  #table;
  #section;
  /** @type {View} */
  #view;
  #rectangle = null;
  #filterConditions = [];
  #passing;
  #selected;
  #selectedCount;
  #theme = null;
  #encoding = null;
  #pending = NOTHING;
  #plot;
  #controls;
  #filters;
  #legend = new Legend();
  #results;
  #missingText = element('p', { class: 'missing' });

  /** @param {HTMLElement} section @param {Table} table */
  constructor(section, table) {
    this.#section = section;
    this.#table = table;
    this.#passing = new Uint8Array(table.count);
    this.#selected = new Uint8Array(table.count);
    this.#view = firstView(table.columns);
    this.#plot = new Plot(table.count, (rectangle) => this.#brushed(rectangle));
    this.#controls = new Controls(table.columns, this.#view,
      (name) => this.#viewed(name), (rectangle) => this.#typed(rectangle));
    this.#filters = new Filters(table.columns, () => this.#later(FILTERS));
    this.#results = new Results(table);
    this.root = element('div', { class: 'explorer' }, this.#controls.root, this.#plot.root,
      this.#missingText, this.#legend.root, this.#filters.root, this.#results.root);
  }

  /** Draws the first time, when `root` is part of the page, and follows the page from then on. */
  start() {
    this.#update(LAYOUT);
    let width = this.#plot.room;
    new ResizeObserver(() => {
      if (this.#plot.room === width) return;
      width = this.#plot.room;
      this.#later(LAYOUT);
    }).observe(this.#plot.root);
    matchMedia('(prefers-color-scheme: dark)')
      .addEventListener('change', () => this.#later(LAYOUT));
    this.#followPixelRatio();
  }

  #followPixelRatio() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => {
      this.#later(LAYOUT);
      this.#followPixelRatio();
    }, { once: true });
  }

  /** @param {keyof View} name */
  #viewed(name) {
    if (name === 'x' || name === 'y') {
      this.#controls.renewBounds();
      this.#rectangle = null;
      this.#plot.showBrush(null);
      // At once: a key or a drag before the next frame is meant for the new columns.
      this.#layOut();
      this.#later(FILTERS);
    } else {
      this.#later(COLOURS);
    }
  }

  #brushed(rectangle) {
    this.#rectangle = rectangle;
    this.#later(SELECTION);
  }

  #typed(rectangle) {
    this.#plot.showBrush(rectangle);
    this.#brushed(rectangle);
  }

  /** @param {number} stage */
  #later(stage) {
    if (this.#pending === NOTHING) {
      requestAnimationFrame(() => {
        const first = this.#pending;
        this.#pending = NOTHING;
        this.#update(first);
      });
    }
    this.#pending = Math.min(this.#pending, stage);
  }

  /** @param {number} first stage */
  #update(first) {
    if (first <= LAYOUT) this.#layOut();
    if (first <= FILTERS) this.#applyFilters();
    if (first <= COLOURS) this.#applyColours();
    if (first <= SELECTION) this.#applySelection();
  }

  #layOut() {
    this.#theme = themeOf(this.#section);
    this.#plot.layOut(this.#view.x, this.#view.y);
    const columns = new Set([this.#view.x, this.#view.y]);
    this.#missingText.textContent = [...columns].filter(({ extent }) => extent.missing > 0)
      .map(({ name, extent }) => `${countText(extent.missing)} of ` +
        `${countText(this.#table.count)} have no value of ${name}.`).join(' ');
  }

  #applyFilters() {
    this.#filterConditions = this.#filters.conditions.filter((one) => !acceptsAll(one));
    markRows(this.#filterConditions, null, this.#passing);
  }

  #applyColours() {
    const { x, y, colour, traces } = this.#view;
    this.#encoding = encodeColours(colour, this.#theme);
    // The median of categories means nothing.
    const wanted = traces && y.kind !== 'category';
    const computed = wanted ? computeTraces(x, y, colour, this.#encoding, this.#passing) : [];
    this.#plot.showTraces(computed, x, y);
    this.#describe();
  }

  #brushConditions() {
    if (!this.#rectangle) return [];
    const { x, y } = this.#view;
    return [between(x, this.#rectangle.x), between(y, this.#rectangle.y)];
  }

  #applySelection() {
    const conditions = this.#brushConditions();
    this.#selectedCount = markRows(conditions, this.#passing, this.#selected);
    this.#draw();
    this.#controls.showBrush(this.#rectangle);
    this.#results.show(this.#selected, this.#selectedCount,
      [...conditions, ...this.#filterConditions]);
  }

  #draw() {
    const { colour, points, traces } = this.#view;
    const { raster } = this.#plot;
    const rest = this.#selectedCount < this.#table.count;
    const { entries, continuous, ofCode } = this.#encoding;
    if (points) raster.drawPoints(this.#selected, colour.codes, ofCode, this.#theme);
    const counts = points ? null : { most: raster.drawCounts(this.#selected, this.#theme) };
    const coloured = points || (traces && !continuous);
    this.#legend.show(counts, colour.name, coloured ? entries : [], rest, this.#theme);
  }

  #describe() {
    const { x, y, points } = this.#view;
    this.#plot.describe(`${points ? 'Points' : 'Counts'} of ` +
      `${plural(this.#table.count, 'checkpoint', 'checkpoints')}: ${x.name} across, ${y.name} up`);
  }
}

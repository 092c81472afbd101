import { Bounds } from './bounds.js';
import { button, choice, element, labelled, tickBox } from './dom.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./brush.js').Rectangle} Rectangle
 * @typedef {{x: Column, y: Column, colour: Column, points: boolean, traces: boolean}} View
 */

/**
 * What the plot shows, and the bounds of its rectangle.
 */
export class Controls {
  #onBrush;
  #view;
  #rectangle = null;
  #fields = element('div', { class: 'row' });
  #bounds = null;

  /**
   * @param {Column[]} columns
   * @param {View} view changed here
   * @param {(name: keyof View) => void} onView
   * @param {(rectangle: Rectangle | null) => void} onBrush
   */
  constructor(columns, view, onView, onBrush) {
    this.#view = view;
    this.#onBrush = onBrush;
    const names = columns.map(({ name }) => name);
    const chooser = (name) => choice(names, columns.indexOf(view[name]), (index) => {
      view[name] = columns[index];
      onView(name);
    });
    const mode = choice(['counts', 'points'], 0, (index) => {
      view.points = index === 1;
      onView('points');
    });
    const tracesText = 'median and quartiles of each colour, after filters';
    const traces = tickBox(tracesText, view.traces, (checked) => {
      view.traces = checked;
      onView('traces');
    });
    this.root = element('div', { class: 'controls' },
      element('div', { class: 'row' }, labelled('x', chooser('x')), labelled('y', chooser('y')),
        labelled('colour', chooser('colour')), labelled('show', mode), traces),
      element('fieldset', {}, element('legend', {}, 'Selected rectangle'), this.#fields));
    this.renewBounds();
  }

  /** Makes the fields for the bounds anew, since the columns have changed. */
  renewBounds() {
    const { x, y } = this.#view;
    this.#rectangle = null;
    this.#bounds = {
      x: new Bounds('x', x, (codes) => this.#typed('x', codes)),
      y: new Bounds('y', y, (codes) => this.#typed('y', codes)),
    };
    this.#fields.replaceChildren(...this.#bounds.x.fields, ...this.#bounds.y.fields,
      button('Remove rectangle', () => this.#onBrush(null)));
  }

  #typed(name, codes) {
    const { x, y } = this.#view;
    const whole = (column) => [column.extent.first, column.extent.last];
    this.#onBrush({ ...(this.#rectangle ?? { x: whole(x), y: whole(y) }), [name]: codes });
  }

  /** @param {Rectangle | null} rectangle */
  showBrush(rectangle) {
    this.#rectangle = rectangle;
    this.#bounds.x.show(rectangle && rectangle.x);
    this.#bounds.y.show(rectangle && rectangle.y);
  }
}

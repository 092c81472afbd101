import { codesBetween, valueOf } from './codes.js';
import { choice, element, labelled } from './dom.js';
import { valueText } from './text.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {[number, number]} Codes first and last
 */

/** Two fields for the first and the last value of a range: numbers, or lists of categories. */
export class Bounds {
  #column;
  #from;
  #to;
  /** @type {Codes | null} */
  #codes = null;
  /** The text of each field that stands for its code. A text may be rounded; the code is exact. */
  #shown = ['', ''];
  #onChange;

  /**
   * @param {string} name what the bounds belong to, for the labels
   * @param {Column} column
   * @param {(codes: Codes) => void} onChange
   */
  constructor(name, column, onChange) {
    this.#column = column;
    this.#onChange = onChange;
    this.#from = this.#control();
    this.#to = this.#control();
    this.fields = [labelled(`${name} from`, this.#from), labelled('to', this.#to)];
    this.#to.setAttribute('aria-label', `${name} to`);
  }

  #control() {
    const changed = () => this.#changed();
    if (this.#column.kind === 'category') return choice(['', ...this.#column.categories], 0, changed);
    return element('input', { type: 'number', step: 'any', onchange: changed });
  }

  /** @param {Codes | null} codes empty fields where it is null */
  show(codes) {
    const before = this.#codes;
    this.#codes = codes;
    [this.#from, this.#to].forEach((field, end) => {
      // What was typed stays as long as it stands for the same code, and what is being typed stays.
      const typed = field.value === this.#shown[end] || field === document.activeElement;
      if (before?.[end] === codes?.[end] && typed) return;
      field.value = this.#text(end);
      field.removeAttribute('aria-invalid');
      this.#shown[end] = field.value;
    });
  }

  #text(end) {
    if (this.#column.kind === 'category') return this.#codes ? String(this.#codes[end] + 1) : '0';
    return this.#codes ? valueText(this.#column, this.#codes[end]) : '';
  }

  /** The value of a field; the end of the column where it is empty. */
  #value(field, end) {
    if (this.#codes && field.value === this.#shown[end]) {
      return valueOf(this.#column, this.#codes[end]);
    }
    const category = this.#column.kind === 'category';
    if (field.value === (category ? '0' : '')) {
      const { first, last } = this.#column.extent;
      return valueOf(this.#column, end === 0 ? first : last);
    }
    return category ? Number(field.value) - 1 : field.valueAsNumber;
  }

  #changed() {
    const fields = [this.#from, this.#to];
    const [from, to] = fields.map((field, end) => this.#value(field, end));
    const refused = !(from <= to);
    for (const field of fields) {
      if (refused) field.setAttribute('aria-invalid', 'true');
      else field.removeAttribute('aria-invalid');
    }
    if (refused) return;
    this.#codes = codesBetween(this.#column, from, to);
    this.#shown = fields.map((field) => field.value);
    this.#onChange(this.#codes);
  }
}

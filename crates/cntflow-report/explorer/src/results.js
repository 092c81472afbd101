import { button, element, labelled } from './dom.js';
import { copy, download } from './download.js';
import { selectionSql } from './sql.js';
import { countText, plural } from './text.js';

/**
 * @typedef {import('./table.js').Table} Table
 * @typedef {import('./conditions.js').Condition} Condition
 */

const FIRST_NAMES = 20;
const MORE_NAMES = 1000;

/** Milliseconds without a change before names and SQL follow, and the count is said. */
const PAUSE = 200;

/** The selected checkpoints: their number, names and SQL. */
export class Results {
  #table;
  #selected = new Uint8Array(0);
  #count = 0;
  /** @type {Condition[]} */
  #conditions = [];
  #timer = 0;
  #shownNames = 0;
  #nextRow = 0;
  #countText = element('p', { class: 'count' });
  // Screen readers get a copy of the count when it has settled.
  #status = element('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  #names = element('ol', { class: 'names' });
  #more = button('', () => this.#showNames(MORE_NAMES));
  #sql = element('textarea', { readonly: true, rows: 4, spellcheck: 'false' });

  /** @param {Table} table */
  constructor(table) {
    this.#table = table;
    const buttons = element('div', { class: 'row' },
      button('Copy SQL', () => this.#copy()),
      button('Download SQL', () => download('selection.sql', `${this.#currentSql()}\n`)),
      button('Download names', () => download('checkpoints.txt', this.#nameLines())));
    this.root = element('section', { 'aria-label': 'Selected checkpoints' },
      element('h3', {}, 'Selected checkpoints'), this.#countText, this.#status,
      labelled('SQL of the selection', this.#sql), buttons, this.#names, this.#more);
  }

  /**
   * @param {Uint8Array} selected
   * @param {number} count
   * @param {Condition[]} conditions
   */
  show(selected, count, conditions) {
    [this.#selected, this.#count, this.#conditions] = [selected, count, conditions];
    this.#countText.textContent = this.#summary();
    this.root.setAttribute('aria-busy', 'true');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), PAUSE);
  }

  #summary() {
    const all = plural(this.#table.count, 'checkpoint', 'checkpoints');
    if (this.#conditions.length === 0) return `All ${all}; there is no condition.`;
    return `${countText(this.#count)} of ${all} selected.`;
  }

  #settle() {
    this.#status.textContent = this.#summary();
    this.#sql.value = this.#currentSql();
    this.#sql.rows = Math.min(16, this.#sql.value.split('\n').length + 1);
    this.#names.replaceChildren();
    [this.#shownNames, this.#nextRow] = [0, 0];
    this.#showNames(FIRST_NAMES);
    this.root.setAttribute('aria-busy', 'false');
  }

  #currentSql() {
    return selectionSql(this.#conditions);
  }

  #showNames(most) {
    const { names, count } = this.#table;
    const end = Math.min(this.#count, this.#shownNames + most);
    const items = [];
    for (; this.#nextRow < count && this.#shownNames < end; this.#nextRow++) {
      if (!this.#selected[this.#nextRow]) continue;
      items.push(element('li', {}, element('bdi', {}, names[this.#nextRow])));
      this.#shownNames++;
    }
    this.#names.append(...items);
    const left = this.#count - this.#shownNames;
    this.#more.hidden = left === 0;
    this.#more.textContent = `Show ${countText(Math.min(MORE_NAMES, left))} more of ${countText(left)}`;
  }

  #nameLines() {
    return this.#table.names.filter((_, row) => this.#selected[row])
      .map((name) => `${name}\n`).join('');
  }

  async #copy() {
    this.#sql.value = this.#currentSql();
    this.#status.textContent = (await copy(this.#sql)) ? 'The SQL is copied.' : 'Not copied.';
  }
}

import { Bounds } from './bounds.js';
import { button, choice, element, labelled, tickBox } from './dom.js';

/**
 * @typedef {import('./table.js').Column} Column
 * @typedef {import('./conditions.js').Condition} Condition
 */

/** Ticks that are shown at once. */
const MOST_TICKS = 100;

/** @param {import('./conditions.js').Range} condition @param {() => void} onChange */
function rangeFields(condition, onChange) {
  const { column } = condition;
  const bounds = new Bounds('values', column, ([first, last]) => {
    [condition.first, condition.last] = [first, last];
    onChange();
  });
  const { first, last } = column.extent;
  bounds.show([first, last]);
  const missing = missingTick(condition, onChange);
  return [...bounds.fields, ...missing];
}

/** @param {Condition} condition @param {() => void} onChange */
function missingTick(condition, onChange) {
  if (condition.column.extent.missing === 0) return [];
  return [tickBox('no value', condition.missing, (checked) => {
    condition.missing = checked;
    onChange();
  })];
}

/** @param {import('./conditions.js').Choice} condition @param {() => void} onChange */
function categoryTicks(condition, onChange) {
  const { categories } = condition.column;
  const list = element('div', { class: 'ticks' });
  const show = (text) => {
    const codes = categories.map((_, code) => code)
      .filter((code) => categories[code].toLowerCase().includes(text.toLowerCase()));
    const shown = codes.slice(0, MOST_TICKS);
    list.replaceChildren(...shown.map((code) => codeTick(condition, code, onChange)));
    if (codes.length > MOST_TICKS) list.append(`and ${codes.length - MOST_TICKS} more`);
  };
  show('');
  const fields = [list, ...missingTick(condition, onChange)];
  if (categories.length <= MOST_TICKS) return fields;
  const search = element('input', { type: 'search', oninput: () => show(search.value) });
  return [labelled('find', search), ...fields];
}

/** @param {import('./conditions.js').Choice} condition @param {number} code */
function codeTick(condition, code, onChange) {
  const { chosen, column } = condition;
  return tickBox(column.categories[code], chosen.has(code), (checked) => {
    if (checked) chosen.add(code);
    else chosen.delete(code);
    onChange();
  });
}

/** A new condition that accepts every value. @param {Column} column @returns {Condition} */
function wholeCondition(column) {
  const { first, last, missing } = column.extent;
  if (column.kind !== 'category') return { column, first, last, missing: false };
  return { column, chosen: new Set(column.categories.keys()), missing: missing > 0 };
}

/** The list of conditions beside the rectangle. */
export class Filters {
  /** @type {Condition[]} */
  conditions = [];
  #list = element('ul', { class: 'filters' });
  #column;
  #onChange;

  /** @param {Column[]} columns @param {() => void} onChange */
  constructor(columns, onChange) {
    this.#onChange = onChange;
    this.#column = choice(columns.map(({ name }) => name), 0, () => {});
    const add = button('Add filter', () => this.#add(columns[Number(this.#column.value)]));
    this.root = element('section', { 'aria-label': 'Filters' }, element('h3', {}, 'Filters'),
      this.#list, element('div', { class: 'row adding' }, labelled('column', this.#column), add));
  }

  /** @param {Column} column */
  #add(column) {
    const condition = wholeCondition(column);
    const makeFields = 'chosen' in condition ? categoryTicks : rangeFields;
    const remove = button('Remove', () => this.#remove(condition, item));
    remove.setAttribute('aria-label', `Remove the filter on ${column.name}`);
    const item = element('li', {}, element('fieldset', {},
      element('legend', {}, element('bdi', {}, column.name)),
      element('div', { class: 'row' }, ...makeFields(condition, this.#onChange), remove)));
    this.conditions.push(condition);
    this.#list.append(item);
    item.querySelector('input, select').focus();
    this.#onChange();
  }

  /** @param {Condition} condition @param {HTMLElement} item */
  #remove(condition, item) {
    this.conditions.splice(this.conditions.indexOf(condition), 1);
    item.remove();
    this.#column.focus();
    this.#onChange();
  }
}

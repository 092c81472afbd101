import { button, element } from '../dom.js';
import { Explorer } from '../explorer.js';
import { Table } from '../table.js';
import { plural } from '../text.js';
import { endListeners } from './page_events.js';

const FIELDS = 'select, input, .filters > li';

/** The data of a page's explorer; `null` without one. @param {Document} page */
const dataOf = (page) => page.getElementById('explorer-data')?.textContent ?? null;

/** The explorer of the page, and its replacement by one of newer data. */
export class LiveExplorer {
  /** @type {Explorer | null} */
  #explorer = null;
  #count = 0;
  /** What its fields say before a user has touched one. */
  #untouched = '';
  #shown = null;
  #newest = null;
  #offer = element('div', { class: 'renew', role: 'status', 'aria-live': 'polite' });
  /** The data that it is about. */
  #offered = null;

  constructor() {
    this.#start(dataOf(document));
  }

  /** Takes the data of a newer page, at once or when the user asks for it. @param {Document} page */
  renew(page) {
    const data = dataOf(page);
    if (data === null) return;
    if (!document.getElementById('explore')) this.#insert(page);
    this.#newest = data;
    this.settle();
  }

  /** Shows the newest data where nothing is lost by it, and offers it otherwise. */
  settle() {
    if (this.#newest === null || this.#newest === this.#shown) return;
    if (this.#isUntouched()) this.#start(this.#newest);
    else this.#showOffer();
  }

  /** The first networks have come. @param {Document} page */
  #insert(page) {
    const section = document.importNode(page.getElementById('explore'), true);
    document.querySelector('main').append(section);
  }

  #isUntouched() {
    if (!this.#explorer) return true;
    const { root } = this.#explorer;
    return !root.contains(document.activeElement) && !root.matches(':active')
      && this.#fields() === this.#untouched;
  }

  #fields() {
    const fields = [...this.#explorer.root.querySelectorAll(FIELDS)];
    return JSON.stringify(fields.map((field) =>
      (field.type === 'checkbox' ? field.checked : field.value ?? '')));
  }

  #showOffer() {
    if (this.#offered === this.#newest) return;
    this.#offered = this.#newest;
    const n = new Table(this.#newest).count - this.#count;
    const what = n > 0 ? plural(n, 'new network', 'new networks') : 'The networks have changed';
    document.getElementById('explorer').before(this.#offer);
    this.#offer.replaceChildren(button(`${what}: renew the explorer`, () => {
      this.#start(this.#newest);
      document.getElementById('explore-heading')?.focus();
    }));
  }

  /** @param {string | null} data */
  #start(data) {
    const section = document.getElementById('explorer');
    if (!section || data === null) return;
    this.#offer.remove();
    this.#offer.replaceChildren();
    this.#offered = null;
    [this.#shown, this.#newest] = [data, data];
    document.getElementById('explorer-data')?.remove();
    // The button that was pressed is gone, and the focus with it: the heading takes it.
    document.getElementById('explore-heading').tabIndex = -1;
    const fallback = [...section.childNodes];
    try {
      this.#show(section, new Table(data));
    } catch (error) {
      section.replaceChildren(...fallback,
        element('p', { role: 'alert' }, `The explorer cannot start: ${error.message}.`));
      section.dataset.state = 'failed';
      this.#explorer = null;
    }
  }

  /** @param {HTMLElement} section @param {Table} table */
  #show(section, table) {
    endListeners();
    const explorer = new Explorer(section, table);
    // The page must not become shorter for a moment: the browser would scroll.
    section.style.minHeight = `${section.offsetHeight}px`;
    section.replaceChildren(explorer.root);
    explorer.start();
    section.style.minHeight = '';
    [this.#explorer, this.#count] = [explorer, table.count];
    this.#untouched = this.#fields();
    section.dataset.state = 'ready';
  }
}

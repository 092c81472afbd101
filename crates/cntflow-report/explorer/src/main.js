import { element } from './dom.js';
import { Explorer } from './explorer.js';
import { Table } from './table.js';

/** Runs a function after the browser has painted. @param {() => void} then */
const afterPaint = (then) => requestAnimationFrame(() => setTimeout(then));

/** @param {HTMLElement} section */
function start(section) {
  const data = document.getElementById('explorer-data');
  const explorer = new Explorer(section, new Table(data.textContent));
  const fallback = [...section.childNodes];
  section.replaceChildren(explorer.root);
  try {
    explorer.start();
  } catch (error) {
    section.replaceChildren(...fallback);
    throw error;
  }
  data.remove();
  afterPaint(() => { section.dataset.state = 'ready'; });
}

/** What stands in the page without the explorer stays, with the reason. */
function run() {
  const section = document.getElementById('explorer');
  try {
    start(section);
  } catch (error) {
    section.dataset.state = 'failed';
    section.append(element('p', { role: 'alert' }, `The explorer cannot start: ${error.message}.`));
  }
}

run();

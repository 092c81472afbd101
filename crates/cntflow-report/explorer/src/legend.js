import { element } from './dom.js';
import { countText } from './text.js';
import { countRamp } from './raster.js';

/**
 * @typedef {import('./colours.js').Theme} Theme
 * @typedef {import('./colours.js').Entry} Entry
 */

/** @param {string} title @param {Entry[]} entries */
function list(title, entries) {
  const items = entries.map(({ label, colour }) => {
    const swatch = element('span', { class: 'swatch' });
    swatch.style.backgroundColor = colour;
    return element('li', {}, swatch, element('bdi', {}, label));
  });
  const heading = title ? [element('p', {}, title)] : [];
  return element('div', { class: 'key' }, ...heading, element('ul', {}, ...items));
}

/** @param {number} most @param {Theme} theme @returns {Entry[]} */
function countEntries(most, theme) {
  const ramp = countRamp(theme);
  const counts = [0, 1 / 3, 2 / 3, 1].map((part) => Math.round(most ** part));
  return [...new Set(counts)].map((count) => ({
    label: countText(count),
    colour: ramp[Math.round(((ramp.length - 1) * Math.log(count)) / Math.log(Math.max(2, most)))],
  }));
}

/** The legend under the plot. */
export class Legend {
  root = element('div', { class: 'legend' });
  #shown = '';

  /**
   * @param {{most: number} | null} counts the greatest count, where counts are drawn
   * @param {string} name of the column of the colours
   * @param {Entry[]} entries of the colours; none where no colour is drawn
   * @param {boolean} rest whether rows that are not selected are drawn
   * @param {Theme} theme
   */
  show(counts, name, entries, rest, theme) {
    // A drag draws many times, but the legend stays.
    const wanted = JSON.stringify([counts, name, entries, rest, theme.dark]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const keys = [];
    if (counts) keys.push(list('checkpoints in a cell', countEntries(counts.most, theme)));
    if (entries.length > 0) keys.push(list(name, entries));
    if (rest) keys.push(list('', [{ label: 'not selected', colour: theme.back }]));
    this.root.replaceChildren(...keys);
  }
}

// What a user does with the explorer, for the checks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { table } from './table.js';
import { rowsOf } from './sql.js';

export class Explorer {
  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
  }

  /** Waits until a change is drawn and the names and the SQL have followed. */
  async settle() {
    await this.page.evaluate(() =>
      new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await this.page.waitForSelector('.explorer [aria-busy=false]');
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(label) {
    return this.page.getByLabel(label, { exact: true });
  }

  /** Chooses the column of x, y, colour or what is shown. */
  async choose(label, text) {
    await this.field(label).selectOption({ label: text });
  }

  /** @param {'x' | 'y'} axis */
  async typeBounds(axis, from, to) {
    await this.field(`${axis} from`).fill(String(from));
    await this.page.keyboard.press('Tab');
    await this.field(`${axis} to`).fill(String(to));
    await this.page.keyboard.press('Tab');
    await this.settle();
  }

  async addFilter(column) {
    await this.choose('column', column);
    await this.button('Add filter').click();
    return this.page.locator('.filters > li').last();
  }

  async removeFilters() {
    const remove = this.page.locator('.filters button');
    while (await remove.count() > 0) await remove.first().click();
    await this.settle();
  }

  plot() {
    return this.page.locator('.plot canvas').boundingBox();
  }

  /** Drags over parts of the plot; returns the pixels of its ends inside the plot. */
  async drag([left, top], [right, bottom], steps = 20) {
    await this.page.locator('.plot').scrollIntoViewIfNeeded();
    const box = await this.plot();
    const at = (x, y) => [Math.round(box.x + x * box.width), Math.round(box.y + y * box.height)];
    const [start, end] = [at(left, top), at(right, bottom)];
    await this.page.mouse.move(...start);
    await this.page.mouse.down();
    for (let i = 1; i <= steps; i++) {
      await this.page.mouse.move(start[0] + ((end[0] - start[0]) * i) / steps,
        start[1] + ((end[1] - start[1]) * i) / steps);
      await this.page.waitForTimeout(16);
    }
    await this.page.mouse.up();
    await this.settle();
    return { left: start[0] - box.x, right: end[0] - box.x, top: start[1] - box.y, bottom: end[1] - box.y };
  }

  /** The values of two pixels along an axis within half a pixel, by its first and last tick. */
  async valuesAt(axis, pixels) {
    const ticks = await this.page.evaluate((index) => {
      const group = document.querySelectorAll('.axis')[index];
      return [...group.querySelectorAll('.tick')].map((tick) => ({
        at: Number(tick.getAttribute('transform').match(/[^(,)]+/g)[1 + index]),
        value: tick.__data__,
      }));
    }, axis === 'x' ? 0 : 1);
    const [a, b] = [ticks[0], ticks.at(-1)];
    const perPixel = (b.value - a.value) / (b.at - a.at);
    return pixels.map((pixel) => a.value + (pixel - a.at) * perPixel);
  }

  sql() {
    return this.field('SQL of the selection').inputValue();
  }

  /** The text of the file that a button saves. */
  async save(button) {
    const [saved] = await Promise.all([this.page.waitForEvent('download'), button()]);
    return fs.readFileSync(await saved.path(), 'utf8');
  }

  async selectedNames() {
    const text = await this.save(() => this.button('Download names').click());
    return text.split('\n').slice(0, -1);
  }

  /**
   * Compares the saved names and the count with the rows that the bounds of the SQL select among
   * the original values. Returns the SQL with its names, for a comparison by SQLite.
   */
  async assertExact() {
    const sql = await this.sql();
    for (const [, number] of sql.matchAll(/(?:>=|<) (-?[\d.]\S*)/g)) {
      assert.match(number, /\./, 'Polars reads numbers without a point as whole numbers');
    }
    const names = await this.selectedNames();
    const rows = rowsOf(sql);
    const expected = table().names.filter((_, row) => rows[row]);
    assert.deepEqual(names, expected, `names of ${sql}`);
    const count = await this.page.locator('.count').textContent();
    assert.ok(count.startsWith(names.length.toLocaleString('en-US')) || count.startsWith('All'), count);
    return { sql, names };
  }
}

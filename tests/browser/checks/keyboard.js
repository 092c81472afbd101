// Everything works without a pointer, from the top of the page to the saved file.
import assert from 'node:assert/strict';
import { table } from '../lib/table.js';
import { rowsOf } from '../lib/sql.js';

const MOST_STOPS = 60;

/** What has the focus: its accessible name, and whether the focus is visible. */
const focused = (page) => page.evaluate(() => {
  const { activeElement: active } = document;
  const name = active.getAttribute('aria-label') ?? active.labels?.[0]?.textContent
    ?? active.textContent;
  const { outlineStyle, outlineWidth } = getComputedStyle(active);
  const visible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  return { name: name.trim(), visible };
});

async function tabTo(page, name) {
  for (let i = 0; i < MOST_STOPS; i++) {
    await page.keyboard.press('Tab');
    const stop = await focused(page);
    assert.ok(stop.visible, `no visible focus on "${stop.name}"`);
    if (stop.name === name) return;
  }
  throw new Error(`"${name}" is not reached by Tab`);
}

export const checks = {
  async 'from the top to a selection, a filter and a file'({ explorer, page, queries }) {
    await tabTo(page, 'x');
    await page.keyboard.type('epoch');
    await tabTo(page, 'Selected rectangle');
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowUp');
    await tabTo(page, 'column');
    await page.keyboard.type('activation');
    await tabTo(page, 'Add filter');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Space');
    await tabTo(page, 'Download names');
    await explorer.settle();
    const text = await explorer.save(() => page.keyboard.press('Enter'));
    const sql = await explorer.sql();
    assert.match(sql, /"epoch" >= 79\.5 AND "epoch" < 120\.5/);
    assert.match(sql, /"activation" IN \(/);
    const names = text.split('\n').slice(0, -1);
    assert.deepEqual(names, table().names.filter((_, row) => rowsOf(sql)[row]));
    assert.ok(names.length > 100, `${names.length} names`);
    queries.push({ sql, names });
  },

  async 'the count is said when it has settled'({ explorer, page }) {
    const status = page.getByRole('status');
    assert.equal(await status.getAttribute('aria-live'), 'polite');
    await page.locator('.plot .keyboard').focus();
    await page.keyboard.press('Enter');
    await explorer.settle();
    assert.match(await status.textContent(), /^[\d,]+ of 50,000 checkpoints selected\.$/);
  },
};

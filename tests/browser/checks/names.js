// Names are text everywhere, whatever stands in them.
import assert from 'node:assert/strict';
import { HOSTILE, columnNamed, table } from '../lib/table.js';

export const checks = {
  async 'hostile names never become elements'({ explorer, page }) {
    await explorer.choose('x', HOSTILE);
    await explorer.choose('y', 'activation');
    await explorer.choose('colour', 'activation');
    await explorer.choose('show', 'points');
    await explorer.addFilter('activation');
    await explorer.addFilter(HOSTILE);
    await explorer.settle();
    assert.equal(await page.locator('img').count(), 0);
    assert.equal(await page.locator('#explorer script').count(), 0);
    for (const place of ['.axis', '.legend', '.filters', '.names']) {
      const texts = (await page.locator(place).allTextContents()).join(' ');
      assert.ok(texts.includes('<img s'), `${place}: ${texts.slice(0, 200)}`);
    }
    const titles = await page.locator('.title').allTextContents();
    assert.deepEqual(titles, [HOSTILE, 'activation']);
  },

  async 'the first names are shown, and the rest on demand'({ explorer, page }) {
    await explorer.settle();
    const shown = () => page.locator('.names li').allTextContents();
    assert.deepEqual(await shown(), table().names.slice(0, 20));
    await page.getByRole('button', { name: /^Show 1,000 more of 49,980$/ }).click();
    assert.deepEqual(await shown(), table().names.slice(0, 1020));
  },

  async 'names of any language are shown'({ explorer, page }) {
    for (const name of ['Schichtstärke "Größe"', "précision d'essai", '第二层权重']) {
      await explorer.choose('y', name);
      await explorer.settle();
      assert.equal(await page.locator('.title').last().textContent(), name);
    }
  },

  async 'the SQL is copied and saved as it is shown'({ explorer, page, queries }) {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await explorer.drag([0.3, 0.3], [0.6, 0.6]);
    const sql = await explorer.sql();
    assert.equal(await explorer.save(() => explorer.button('Download SQL').click()), `${sql}\n`);
    await explorer.button('Copy SQL').click();
    await page.getByText('The SQL is copied.').waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), sql);
    queries.push(await explorer.assertExact());
  },

  async 'the legend names every group'({ explorer, page }) {
    await explorer.choose('show', 'points');
    await explorer.choose('colour', 'optimizer');
    await explorer.settle();
    const texts = await page.locator('.key li').allTextContents();
    assert.equal(texts.length, 9);
    assert.equal(texts.at(-1), 'other (4)');
    await explorer.choose('colour', 'activation');
    await explorer.settle();
    const groups = await page.locator('.key li').allTextContents();
    const categories = new Set(columnNamed('activation').values.filter((value) => value !== null));
    assert.deepEqual(groups, [...[...categories].sort(), 'no value']);
  },
};

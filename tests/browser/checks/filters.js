// Filters select exactly, alone and with the rectangle.
import assert from 'node:assert/strict';

const exact = async ({ explorer, queries }) => {
  await explorer.settle();
  const found = await explorer.assertExact();
  queries.push(found);
  return found;
};

const untickAllBut = async (item, kept) => {
  for (const box of await item.locator('.ticks input').all()) await box.uncheck();
  for (const text of kept) await item.getByLabel(text, { exact: true }).check();
};

export const checks = {
  async 'categories with quotes and markup'(context) {
    const { explorer } = context;
    const item = await explorer.addFilter('activation');
    assert.equal((await exact(context)).names.length, 50_000);
    await untickAllBut(item, [`it's "quoted"`, '<img src=x onerror=alert(1)>']);
    const both = `IN ('<img src=x onerror=alert(1)>', 'it''s "quoted"') OR "activation" IS NULL`;
    assert.ok((await exact(context)).sql.includes(both));
    await item.getByLabel('no value').uncheck();
    assert.doesNotMatch((await exact(context)).sql, /NULL/);
    await untickAllBut(item, []);
    assert.equal((await exact(context)).names.length, 0);
    await item.getByLabel('no value').check();
    const { sql, names } = await exact(context);
    assert.match(sql, /WHERE "activation" IS NULL/);
    assert.ok(names.length > 0);
  },

  async 'many categories are found by their text'(context) {
    const { explorer } = context;
    const item = await explorer.addFilter('dataset');
    assert.equal(await item.locator('.ticks input').count(), 100);
    await item.getByLabel('find').fill('set 277');
    assert.equal(await item.locator('.ticks input').count(), 1);
    await item.getByLabel('data set 277').uncheck();
    const { names } = await exact(context);
    assert.ok(names.length < 50_000 && names.length > 49_000);
  },

  async 'ranges of other tables, and their missing values'(context) {
    const { explorer, page } = context;
    const item = await explorer.addFilter('layer 2 link_weights mean');
    await item.getByLabel('values from').fill('0.5');
    await page.keyboard.press('Tab');
    const rows = `SELECT checkpoint FROM layers WHERE layer = 2 AND metric = 'link_weights' AND "mean"`;
    assert.ok((await exact(context)).sql.includes(`checkpoint IN (${rows} >= `));
    await item.getByLabel('no value').check();
    assert.ok((await exact(context)).sql.includes(`checkpoint NOT IN (${rows} IS NOT NULL)`));
    const quoted = await explorer.addFilter('layer 2 node_strengths "max"');
    await quoted.getByLabel('values to').fill('0.1');
    await page.keyboard.press('Tab');
    assert.match((await exact(context)).sql, /"the ""max""" >= /);
  },

  async 'filters and the rectangle are joined by AND'(context) {
    const { explorer, page } = context;
    await explorer.drag([0.05, 0.05], [0.7, 0.7]);
    const item = await explorer.addFilter('optimizer');
    await untickAllBut(item, ['optimizer 3', 'optimizer 12']);
    const epoch = await explorer.addFilter('epoch');
    await epoch.getByLabel('values from').fill('50');
    await page.keyboard.press('Tab');
    const { sql, names } = await exact(context);
    assert.equal(sql.split('\n  AND ').length, 4);
    assert.ok(names.length > 10 && names.length < 50_000, `${names.length}`);
    await item.getByRole('button').click();
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SELECT');
    assert.equal((await exact(context)).sql.split('\n  AND ').length, 3);
  },
};

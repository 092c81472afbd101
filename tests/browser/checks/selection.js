// The rectangle selects exactly the rows that its SQL selects: by pointer, keys and typed bounds.
import assert from 'node:assert/strict';
import { columnNamed } from '../lib/table.js';
import { boundsOf, rowsOf } from '../lib/sql.js';

const percentile = (values, part) =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(part * values.length) - 1)];

/** The bounds lie where the pointer was, within a pixel. */
async function assertUnderPointer(explorer, sql, axis, name, pixels) {
  const expected = await explorer.valuesAt(axis, pixels);
  const [zero, one] = await explorer.valuesAt(axis, [0, 1]);
  boundsOf(sql, name).forEach((bound, end) => {
    const off = Math.abs(bound - expected[end]) / Math.abs(one - zero);
    assert.ok(off <= 1, `${axis} bound ${bound} is ${off} pixels from ${expected[end]}`);
  });
}

async function dragExactly({ explorer, queries }, mode) {
  await explorer.choose('show', mode);
  await explorer.button('Remove rectangle').click();
  const pixels = await explorer.drag([0.1, 0.15], [0.6, 0.7]);
  const found = await explorer.assertExact();
  queries.push(found);
  assert.ok(found.names.length > 1000 && found.names.length < 49_000, `${found.names.length} names`);
  const xName = await explorer.field('x').evaluate((list) => list.selectedOptions[0].text);
  const { sql: { column } } = columnNamed(xName);
  await assertUnderPointer(explorer, found.sql, 'x', column, [pixels.left, pixels.right]);
  await assertUnderPointer(explorer, found.sql, 'y', 'test_accuracy', [pixels.bottom, pixels.top]);
}

export const checks = {
  async 'without conditions all rows are selected'({ explorer, queries }) {
    await explorer.settle();
    const found = await explorer.assertExact();
    assert.equal(found.names.length, 50_000);
    queries.push(found);
  },

  async 'a drag over counts selects exactly'(context) {
    await dragExactly(context, 'counts');
  },

  async 'a drag over points selects exactly'(context) {
    await dragExactly(context, 'points');
  },

  async 'the rectangle follows the pointer'({ explorer, page, limits }) {
    for (const mode of ['counts', 'points']) {
      await explorer.choose('show', mode);
      await explorer.button('Remove rectangle').click();
      await page.evaluate(() => { window.watched.delays = []; });
      await explorer.drag([0.1, 0.1], [0.8, 0.8], 150);
      const delays = await page.evaluate(() => window.watched.delays);
      assert.ok(delays.length > 50, `${delays.length} moves`);
      limits.measured(`brush over ${mode}, 95th percentile`, percentile(delays, 0.95), 32);
    }
  },

  async 'keys make, move, resize and remove the rectangle'({ explorer, page, queries }) {
    await explorer.choose('x', 'epoch');
    const press = async (key, times = 1) => {
      await page.locator('.plot .keyboard').focus();
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
      await explorer.settle();
      const found = await explorer.assertExact();
      queries.push(found);
      return found.sql.includes('WHERE') ? boundsOf(found.sql, 'epoch') : null;
    };
    assert.deepEqual(await press('Enter'), [79.5, 120.5]);
    assert.deepEqual(await press('ArrowLeft', 3), [73.5, 114.5]);
    assert.deepEqual(await press('Shift+ArrowRight', 2), [73.5, 118.5]);
    const before = await explorer.sql();
    await press('ArrowUp');
    const [low, high] = boundsOf(await explorer.sql(), 'test_accuracy');
    const [lowBefore, highBefore] = boundsOf(before, 'test_accuracy');
    assert.ok(low > lowBefore && high > highBefore);
    assert.equal(await press('Escape'), null);
  },

  async 'a key right after the choice of a column is meant for that column'({ explorer, page, queries }) {
    await page.evaluate(() => {
      const x = [...document.querySelectorAll('label')].find((label) => label.textContent.startsWith('x'));
      const choice = x.control;
      choice.value = [...choice.options].find(({ text }) => text === 'epoch').value;
      choice.dispatchEvent(new Event('change', { bubbles: true }));
      document.querySelector('.plot .keyboard')
        .dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    });
    await explorer.settle();
    const found = await explorer.assertExact();
    queries.push(found);
    assert.deepEqual(boundsOf(found.sql, 'epoch'), [79.5, 120.5]);
  },

  async 'typed bounds of whole numbers are exact'({ explorer, queries }) {
    await explorer.choose('x', 'epoch');
    await explorer.typeBounds('x', 9.2, 20);
    const found = await explorer.assertExact();
    queries.push(found);
    assert.deepEqual(boundsOf(found.sql, 'epoch'), [9.5, 20.5]);
    const accuracy = columnNamed('test_accuracy').values;
    const expected = columnNamed('epoch').values.filter((value, row) =>
      value !== null && value >= 9.2 && value <= 20 && accuracy[row] !== null);
    assert.equal(found.names.length, expected.length);
    await explorer.typeBounds('x', 5.8, 6.3);
    assert.deepEqual(boundsOf(await explorer.sql(), 'epoch'), [5.5, 6.5]);
  },

  async 'what is typed while the page draws is kept'({ explorer, page, queries }) {
    await explorer.choose('x', 'epoch');
    await explorer.typeBounds('x', 9.2, 20);
    await page.evaluate(() => {
      const field = (label) => document.querySelector(`[aria-label="${label}"]`)
        ?? [...document.querySelectorAll('label')]
          .find((one) => one.textContent.startsWith(label)).control;
      const from = field('x from');
      from.value = '5.8';
      from.dispatchEvent(new Event('change', { bubbles: true }));
      const to = field('x to');
      to.focus();
      to.value = '6.3';
      return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => {
        to.dispatchEvent(new Event('change', { bubbles: true }));
        drawn();
      })));
    });
    await explorer.settle();
    const found = await explorer.assertExact();
    queries.push(found);
    assert.deepEqual(boundsOf(found.sql, 'epoch'), [5.5, 6.5]);
  },

  async 'a drag between two whole numbers selects nothing'({ explorer, queries }) {
    await explorer.choose('x', 'epoch');
    await explorer.drag([0.5012, 0.1], [0.5035, 0.9]);
    const found = await explorer.assertExact();
    queries.push(found);
    assert.match(found.sql, /WHERE FALSE\n/);
  },

  async 'typed bounds of real numbers include them'({ explorer, queries }) {
    await explorer.choose('x', 'layer 2 link_weights mean');
    await explorer.typeBounds('y', 0.5, 0.7);
    const found = await explorer.assertExact();
    queries.push(found);
    const [from, below] = boundsOf(found.sql, 'test_accuracy');
    assert.ok(from <= 0.5 && from > 0.4999 && below > 0.7 && below < 0.7001, `${from} ${below}`);
    const rows = rowsOf(found.sql);
    const width = columnNamed('layer 2 link_weights mean').values;
    columnNamed('test_accuracy').values.forEach((value, row) => {
      const inside = value !== null && value >= 0.5 && value <= 0.7 && width[row] !== null;
      assert.equal(rows[row], inside, `accuracy ${value}`);
    });
  },

  async 'bounds in the wrong order are refused'({ explorer }) {
    await explorer.typeBounds('y', 0.5, 0.7);
    const before = await explorer.sql();
    await explorer.typeBounds('y', 0.9, 0.6);
    assert.equal(await explorer.field('y from').getAttribute('aria-invalid'), 'true');
    assert.equal(await explorer.sql(), before);
    await explorer.typeBounds('y', 0.4, 0.6);
    assert.match(await explorer.sql(), /"test_accuracy" >= 0\.39/);
    assert.equal(await explorer.field('y from').getAttribute('aria-invalid'), null);
  },

  async 'numbers of any size are selected exactly'({ explorer, queries }) {
    const pairs = [
      ['tiny', 'huge'], ['constant', 'seed'], ['measure 1', 'measure 13'], ['never', 'tiny'],
    ];
    for (const [x, y] of pairs) {
      await explorer.choose('x', x);
      await explorer.choose('y', y);
      await explorer.drag([0.2, 0.1], [0.9, 0.6]);
      queries.push(await explorer.assertExact());
    }
  },

  async 'categories on an axis are selected by name'({ explorer, queries }) {
    await explorer.choose('x', 'activation');
    await explorer.choose('y', 'test_accuracy');
    await explorer.drag([0.02, 0.02], [0.45, 0.98]);
    const found = await explorer.assertExact();
    queries.push(found);
    const first = `IN ('<img src=x onerror=alert(1)>', 'Größe', 'entrée d''activation')`;
    assert.ok(found.sql.includes(`"activation" ${first}`), found.sql);
    await explorer.field('x from').selectOption({ label: `it's "quoted"` });
    await explorer.field('x to').selectOption({ label: `it's "quoted"` });
    await explorer.settle();
    const single = await explorer.assertExact();
    queries.push(single);
    assert.match(single.sql, /"activation" = 'it''s "quoted"'/);
  },

  async 'says how many rows have no value'({ explorer, page }) {
    await explorer.choose('x', 'epoch');
    await explorer.choose('y', 'test_accuracy');
    await explorer.settle();
    const missing = columnNamed('test_accuracy').values.filter((value) => value === null).length;
    assert.equal(missing, 17);
    const text = await page.locator('.missing').textContent();
    assert.ok(text.includes('17 of 50,000 have no value of test_accuracy.'), text);
  },
};

// Checks a page that is served while its study grows: node serve.js PROGRAM WORK
import assert from 'node:assert/strict';
import { violations } from './lib/accessibility.js';
import { attempt } from './lib/attempt.js';
import { faultsOf, launch, open, ready } from './lib/browser.js';
import { Explorer } from './lib/explorer.js';
import { GrowingStudy, until } from './lib/study.js';

const [program, work] = process.argv.slice(2);
const study = new GrowingStudy(program, work);

const line = (page) => page.locator('#live').textContent();
const networks = (page, n) => until(`${n} networks`, async () =>
  (await line(page)).startsWith(`${n} networks`));
const count = (page) => page.locator('.count').textContent();
const offer = (page) => page.locator('.renew button');

/** Waits for what follows from a renewal that is over: two questions to the server. */
const settled = (page) => page.waitForTimeout(5000);

// They follow each other in one page, as in the hands of one reader.
const checks = {
  async 'the explorer comes with the first networks that have numbers'({ page }) {
    assert.match(await line(page), /^1 network \(1 failed\); renewed at \d\d:\d\d:\d\d\.$/);
    assert.equal(await page.locator('#explorer').count(), 0);
    study.removeBroken();
    study.add(20);
    await networks(page, 20);
    await ready(page);
    assert.match(await count(page), /^All 20 checkpoints/);
    assert.ok(await page.locator('header nav a[href="#explore"]').isVisible());
  },

  async 'figures are replaced in place: position, open tables and the focus stay'({ page }) {
    const details = page.locator('#figure-statuses details').first();
    await details.locator('summary').click();
    await details.locator('summary').focus();
    await page.evaluate(() => scrollTo({ top: 300, behavior: 'instant' }));
    const topOf = () => page.evaluate(() =>
      document.getElementById('figure-statuses').getBoundingClientRect().top);
    const [cell, top] = [page.locator('#figure-statuses tbody td.number').first(), await topOf()];
    assert.equal(await cell.textContent(), '20');
    await page.evaluate(() => { document.querySelector('header nav').dataset.kept = 'yes'; });
    study.add(5);
    await networks(page, 25);
    assert.equal(await cell.textContent(), '25');
    assert.ok(Math.abs(await topOf() - top) <= 1, `${await topOf()} instead of ${top}`);
    assert.equal(await details.getAttribute('open'), '');
    assert.equal(await page.evaluate(() => document.activeElement.localName), 'summary');
    // What has not changed is not touched.
    assert.equal(await page.locator('header nav').getAttribute('data-kept'), 'yes');
  },

  async 'an explorer that nobody uses is renewed'({ page }) {
    await until('25 in the explorer', async () => /^All 25 /.test(await count(page)));
    assert.equal(await offer(page).count(), 0);
  },

  async 'a selection stays, and new networks are offered'({ page, explorer }) {
    await explorer.drag([0.2, 0.1], [0.8, 0.9]);
    await explorer.addFilter(await page.getByLabel('column', { exact: true }).locator('option').first().textContent());
    await explorer.settle();
    const [sql, names] = [await explorer.sql(), await explorer.selectedNames()];
    assert.ok(names.length > 0 && names.length < 25, `${names.length} selected`);
    study.add(3);
    await networks(page, 28);
    await until('an offer', () => offer(page).isVisible());
    assert.equal(await offer(page).textContent(), '3 new networks: renew the explorer');
    await settled(page);
    assert.equal(await explorer.sql(), sql);
    assert.deepEqual(await explorer.selectedNames(), names);
    assert.match(await count(page), / of 25 checkpoints selected/);
    assert.deepEqual(await violations(page), []);
    await offer(page).click();
    await until('28 in the explorer', async () => /^All 28 /.test(await count(page)));
    assert.equal(await offer(page).count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'explore-heading');
  },

  async 'a brush on the renewed explorer selects what its SQL selects'({ page, explorer }) {
    await explorer.drag([0.1, 0.1], [0.6, 0.7]);
    const names = await explorer.selectedNames();
    const rows = await page.evaluate(async (sql) => {
      const address = `/query?${new URLSearchParams({ sql })}`;
      return (await fetch(address)).json();
    }, await explorer.sql());
    assert.ok(names.length > 0);
    assert.deepEqual(rows.map(({ checkpoint }) => checkpoint), names);
    await page.keyboard.press('Escape');
    await page.locator('.plot .keyboard').press('Escape');
    await page.evaluate(() => document.activeElement.blur());
  },

  async 'explorers that were replaced do not draw any more'({ page }) {
    for (const n of [29, 30, 31]) {
      study.add(1);
      await until(`${n} in the explorer`, async () =>
        (await count(page)).startsWith(`All ${n} `));
    }
    await page.evaluate(() => {
      window.drawn = new Set();
      const draw = CanvasRenderingContext2D.prototype.putImageData;
      CanvasRenderingContext2D.prototype.putImageData = function (...values) {
        window.drawn.add(this.canvas.isConnected);
        return draw.apply(this, values);
      };
    });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForTimeout(1000);
    assert.deepEqual(await page.evaluate(() => [...window.drawn]), [true]);
  },

  async 'selected text is not taken away'({ page }) {
    await page.evaluate(() => {
      const text = document.querySelector('#figure-statuses figcaption p');
      getSelection().selectAllChildren(text);
    });
    const text = await page.evaluate(() => String(getSelection()));
    study.add(1);
    await networks(page, 32);
    await settled(page);
    assert.equal(await page.evaluate(() => String(getSelection())), text);
    await page.evaluate(() => getSelection().removeAllRanges());
    const cell = page.locator('#figure-statuses tbody td.number').first();
    await until('the figure follows', async () => await cell.textContent() === '32');
  },

  async 'axe finds nothing in light, dark and on a narrow screen'({ page }) {
    for (const [colorScheme, width] of [['light', 1100], ['dark', 1100], ['light', 400]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} pixels`);
    }
    await page.setViewportSize({ width: 1100, height: 900 });
  },

  async 'a page that nobody sees asks seldom'({ page }) {
    let asked = 0;
    page.on('request', (request) => { if (request.url().endsWith('/state')) asked += 1; });
    const hide = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await hide(true);
    await page.waitForTimeout(3000);
    asked = 0;
    await page.waitForTimeout(9000);
    assert.ok(asked <= 1, `${asked} questions in 9 s`);
    await hide(false);
    await until('it asks at once', () => asked > 0, 2);
  },
};

/** Chromium itself says in the console that a request has failed. */
async function withoutServer({ page, faults }, address) {
  assert.equal(await study.stopServer(), 143);
  await until('it says so', async () => /^The server is not reachable\. This page is of \d\d:/.test(await line(page)));
  study.add(1);
  await study.serve(new URL(address).port);
  await networks(page, 33);
  const others = faults.filter((text) => !text.includes('ERR_CONNECTION_REFUSED'));
  assert.deepEqual(others, []);
}

const browser = await launch();
try {
  await study.watch();
  const address = await study.serve();
  const opened = await open(browser, address, { reducedMotion: 'reduce' });
  await until('a state', async () => /^1 network /.test(await line(opened.page)));
  for (const [name, check] of Object.entries(checks)) {
    await attempt(name, async () => {
      await check({ page: opened.page, explorer: new Explorer(opened.page) });
      assert.deepEqual(await faultsOf(opened), []);
    });
  }
  await attempt('a server that is gone is said, and found again', () => withoutServer(opened, address));
} finally {
  study.stop();
  await browser.close();
}

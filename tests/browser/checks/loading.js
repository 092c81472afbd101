// The page opens by itself: quickly, without requests, and with its text where scripts are off.
import assert from 'node:assert/strict';
import { faultsOf, open, ready } from '../lib/browser.js';
import { FALLBACK } from '../lib/page.js';

const OPENINGS = 5;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export const checks = {
  async 'opens without faults, and paints at once'({ browser, address, limits }) {
    const [paints, readies] = [[], []];
    for (let i = 0; i < OPENINGS; i++) {
      const opened = await open(browser, address);
      await ready(opened.page);
      await opened.page.waitForTimeout(500);
      const times = await opened.page.evaluate(() => [
        performance.getEntriesByName('first-contentful-paint')[0].startTime, window.watched.ready,
      ]);
      paints.push(times[0]);
      readies.push(times[1]);
      assert.deepEqual(await faultsOf(opened), []);
      await opened.context.close();
    }
    limits.measured('first paint, median', median(paints), 1000);
    limits.measured('ready, median', median(readies), 1000);
  },

  async 'shows its text where scripts are off'({ browser, address }) {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(address);
    assert.ok(await page.getByText(FALLBACK).isVisible());
    assert.equal(await page.locator('#explorer').getAttribute('data-state'), 'waiting');
    await context.close();
  },

  async 'keeps its text where the table is broken'({ browser, brokenAddress }) {
    const opened = await open(browser, brokenAddress);
    await opened.page.waitForSelector('#explorer[data-state=failed]');
    assert.ok(await opened.page.getByText(FALLBACK).isVisible());
    const alert = await opened.page.getByRole('alert').textContent();
    assert.match(alert, /codes have 4 bytes, not 2 x 3/);
    assert.deepEqual(await faultsOf(opened), []);
    await opened.context.close();
  },

  async 'decodes the names quickly'({ names }) {
    const { decodeNames } = await import('../../../crates/cntflow-report/explorer/src/names.js');
    const times = [];
    for (let i = 0; i < OPENINGS; i++) {
      const start = performance.now();
      const decoded = decodeNames(JSON.parse(names.encoded), names.expected.length);
      times.push(performance.now() - start);
      assert.deepEqual(decoded, names.expected);
    }
    console.log(`   names: ${names.encoded.length} bytes, decoded in ${median(times).toFixed(1)} ms`);
  },
};

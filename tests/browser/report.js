// Checks the report of a folder in a browser: node report.js PROGRAM FOLDER
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { violations } from './lib/accessibility.js';
import { attempt } from './lib/attempt.js';
import { faultsOf, launch, open, ready } from './lib/browser.js';
import { Explorer } from './lib/explorer.js';

const [program, folder] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(folder, 'report.html')).href;

/** Fewest drawings of a study with populations and experiments. */
const LEAST_DRAWINGS = 10;

/** Drawings, and those among them in which nothing is drawn or which nothing describes. */
const drawings = (page) => page.evaluate(() => {
  const all = [...document.querySelectorAll('svg.drawing')];
  const isBad = (svg) => {
    const { width, height } = svg.getBoundingClientRect();
    const marks = svg.querySelectorAll('path, circle, rect, line.interval');
    const texts = svg.querySelectorAll(':scope > title, :scope > desc');
    return width < 100 || height < 100 || marks.length === 0 || texts.length !== 2;
  };
  return { n: all.length, bad: all.filter(isBad).map((svg) => svg.getAttribute('aria-labelledby')) };
});

function assertDrawn({ n, bad }) {
  assert.ok(n >= LEAST_DRAWINGS, `${n} drawings`);
  assert.deepEqual(bad, [], 'empty drawings');
}

/** The names that the tables give for the SQL of a selection. */
function answer(sql) {
  const output = execFileSync(program, ['query', folder, sql, '--format', 'csv'], { encoding: 'utf8' });
  return output.trimEnd().split('\n').slice(1);
}

const checks = {
  async 'every drawing is there and described, and nothing leaves the file'({ page }) {
    assertDrawn(await drawings(page));
  },

  async 'a brush selects the checkpoints that its SQL selects'({ explorer }) {
    for (const ends of [[[0.1, 0.1], [0.5, 0.6]], [[0.3, 0.02], [0.98, 0.4]]]) {
      await explorer.drag(...ends);
      const [sql, names] = [await explorer.sql(), await explorer.selectedNames()];
      assert.match(sql, /AND/, sql);
      assert.ok(names.length > 0, `nothing is in the rectangle of ${sql}`);
      assert.deepEqual(names, answer(sql), sql);
    }
  },

  async 'axe finds nothing in light, dark and on a narrow screen'({ page }) {
    for (const [colorScheme, width] of [['light', 1100], ['dark', 1100], ['light', 400]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} pixels`);
    }
  },

  async 'the page prints'({ page }) {
    const paper = await page.pdf({ format: 'A4' });
    assert.ok(paper.length > 50_000, `${paper.length} bytes`);
  },
};

async function withoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(address);
  const bad = await page.locator('svg.drawing').evaluateAll((all) =>
    all.filter((svg) => svg.getBoundingClientRect().height < 100).length);
  const n = await page.locator('svg.drawing').count();
  await context.close();
  assert.ok(n >= LEAST_DRAWINGS && bad === 0, `${n} drawings, ${bad} of them without a height`);
}

const browser = await launch();
for (const [name, check] of Object.entries(checks)) {
  await attempt(name, async () => {
    const opened = await open(browser, address);
    await ready(opened.page);
    await check({ page: opened.page, explorer: new Explorer(opened.page) });
    assert.deepEqual(await faultsOf(opened), []);
    await opened.context.close();
  });
}
await attempt('every drawing stands with scripts off', () => withoutScripts(browser));
await browser.close();

// Compares the drawings of a report with committed pictures:
//
//   node references.js FOLDER REFERENCES DIFFERENCES [--write]
//
// FOLDER has the report of `reference_study.py`. Texts are hidden, because fonts differ between
// machines; other checks look at them. A drawing that differs is written to DIFFERENCES beside what
// was expected. --write makes the references anew.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, modules, open, ready } from './lib/browser.js';

/** How far the colour of a pixel may be off, from 0 to 1: edges are smoothed differently. */
const COLOUR = 0.15;

/** Share of the pixels that may be further off. */
const SHARE = 0.0005;

/** The same for drawings of an experiment: another processor may choose another split of a tree. */
const SHARE_OF_EXPERIMENT = 0.02;
const ofExperiment = (name) => name.endsWith('-low-vs-high');

const { values: options, positionals: [folder, references, differences] } = parseArgs({
  options: { write: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const { PNG } = modules('pngjs');
const pixelmatch = modules('pixelmatch').default;

/** The name of a figure's picture: its identifier without the number that tells names apart. */
const nameOf = (id) => id.replace(/^figure-/, '').replace(/-[0-9a-f]{8}$/, '').replace(/-+/g, '-');

/** Pictures of all drawings and of the explorer, by name. @param {import('playwright-core').Page} page */
async function pictures(page) {
  await page.addStyleTag({ content: 'svg text { visibility: hidden }' });
  const found = new Map();
  const ids = await page.locator('figure:has(svg.drawing)').evaluateAll((all) => all.map(({ id }) => id));
  const canvas = await page.locator('.plot canvas').evaluate((one) => one.toDataURL('image/png'));
  found.set('explorer', Buffer.from(canvas.split(',')[1], 'base64'));
  for (const id of ids) found.set(nameOf(id), await pictureOf(page, id));
  return found;
}

/**
 * A picture of a drawing in its own size. It is moved to the corner of the page: between two pixels
 * its edges would be smoothed in another way.
 */
async function pictureOf(page, id) {
  const clip = await page.evaluate((figure) => {
    const svg = document.getElementById(figure).querySelector('svg.drawing');
    const { width, height } = svg.viewBox.baseVal;
    svg.style.cssText = `position: fixed; left: 0; top: 0; width: ${width}px; height: ${height}px; ` +
      'max-width: none; z-index: 9; background: white';
    return { x: 0, y: 0, width, height };
  }, id);
  const picture = await page.screenshot({ clip });
  await page.evaluate((figure) => {
    document.getElementById(figure).querySelector('svg.drawing').style.display = 'none';
  }, id);
  return picture;
}

/** Why a picture is not that of the reference; `null` if it is. */
function difference(name, bytes) {
  const file = path.join(references, `${name}.png`);
  if (!fs.existsSync(file)) return 'it has no reference';
  const [expected, actual] = [fs.readFileSync(file), bytes].map((png) => PNG.sync.read(png));
  const { width, height } = expected;
  if (actual.width !== width || actual.height !== height) {
    return `${actual.width} x ${actual.height} pixels, expected are ${width} x ${height}`;
  }
  const marked = new PNG({ width, height });
  const n = pixelmatch(expected.data, actual.data, marked.data, width, height, { threshold: COLOUR });
  const share = ofExperiment(name) ? SHARE_OF_EXPERIMENT : SHARE;
  if (n <= share * width * height) return null;
  fs.writeFileSync(path.join(differences, `${name}-expected.png`), PNG.sync.write(expected));
  fs.writeFileSync(path.join(differences, `${name}-marked.png`), PNG.sync.write(marked));
  return `${n} of ${width * height} pixels differ`;
}

const browser = await launch();
const address = pathToFileURL(path.resolve(folder, 'report.html')).href;
const { page } = await open(browser, address, {
  colorScheme: 'light', reducedMotion: 'reduce', viewport: { width: 1100, height: 2400 },
});
await ready(page);
const found = await pictures(page);
await browser.close();
if (options.write) {
  fs.rmSync(references, { recursive: true, force: true });
  fs.mkdirSync(references, { recursive: true });
  for (const [name, bytes] of found) fs.writeFileSync(path.join(references, `${name}.png`), bytes);
} else {
  fs.mkdirSync(differences, { recursive: true });
  for (const [name, bytes] of found) {
    const problem = difference(name, bytes);
    console.log(problem ? `FAILED ${name}: ${problem}` : `ok ${name}`);
    if (!problem) continue;
    process.exitCode = 1;
    fs.writeFileSync(path.join(differences, `${name}.png`), bytes);
  }
  const expected = fs.readdirSync(references).map((file) => path.parse(file).name);
  assert.deepEqual([...found.keys()].sort(), expected.sort(), 'one reference for each drawing');
}

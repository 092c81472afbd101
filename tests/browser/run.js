// Runs the checks in a browser: node run.js WORK [--limits] [--only TEXT]
//
// WORK gets the page, and the table and the queries for compare_sql.py.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { faultsOf, launch, open, ready } from './lib/browser.js';
import { encodeNames, encodeTable } from './lib/encode.js';
import { Explorer } from './lib/explorer.js';
import { pageOf } from './lib/page.js';
import { table } from './lib/table.js';

const GROUPS = ['selection', 'filters', 'names', 'traces', 'keyboard', 'media'];

const { values: options, positionals: [work] } = parseArgs({
  options: {
    limits: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
  allowPositionals: true,
});

/** Times that are printed, and that count as failures where limits are asked for. */
class Limits {
  exceeded = [];

  measured(what, milliseconds, limit) {
    const load = os.loadavg()[0].toFixed(1);
    const text = `${what}: ${milliseconds.toFixed(1)} ms (limit ${limit} ms, load ${load})`;
    console.log(`   ${text}`);
    if (milliseconds > limit) this.exceeded.push(text);
  }
}

function writePages() {
  const broken = JSON.stringify({
    n: 3,
    columns: [{ name: 'a', kind: 'real', label: false, min: 0, step: 1, codes: 'AAAAAA==' }],
    checkpoints: [],
  });
  const pages = [['page.html', encodeTable(table())], ['broken.html', broken]];
  return pages.map(([name, json]) => {
    const file = path.join(work, name);
    fs.writeFileSync(file, pageOf(json));
    return pathToFileURL(file).href;
  });
}

async function inFreshPage(check, shared) {
  const opened = await open(shared.browser, shared.address);
  try {
    await ready(opened.page);
    await check({ ...shared, page: opened.page, explorer: new Explorer(opened.page) });
    const faults = await faultsOf(opened);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  } finally {
    await opened.context.close();
  }
}

async function attempt(name, run) {
  if (!name.includes(options.only)) return true;
  try {
    await run();
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    console.log(`FAILED ${name}\n${error.stack.slice(0, 3000)}`);
    return false;
  }
}

async function runAll(shared) {
  const results = [];
  const { checks: loading } = await import('./checks/loading.js');
  for (const [name, check] of Object.entries(loading)) {
    results.push(await attempt(`loading: ${name}`, () => check(shared)));
  }
  for (const group of GROUPS) {
    const { checks } = await import(`./checks/${group}.js`);
    for (const [name, check] of Object.entries(checks)) {
      results.push(await attempt(`${group}: ${name}`, () => inFreshPage(check, shared)));
    }
  }
  return results.filter((passed) => !passed).length;
}

const [address, brokenAddress] = writePages();
const names = { encoded: JSON.stringify(encodeNames(table().names)), expected: table().names };
const limits = new Limits();
const queries = [];
const browser = await launch();
const failed = await runAll({ browser, address, brokenAddress, names, limits, queries });
await browser.close();
fs.writeFileSync(path.join(work, 'table.json'), JSON.stringify(table()));
fs.writeFileSync(path.join(work, 'queries.json'), JSON.stringify(queries));
if (options.limits) for (const text of limits.exceeded) console.log(`FAILED ${text}`);
process.exitCode = failed > 0 || (options.limits && limits.exceeded.length > 0) ? 1 : 0;

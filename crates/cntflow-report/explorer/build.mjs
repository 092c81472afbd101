// Bundles the explorer: node build.mjs [--modules FOLDER] [--out FOLDER]
//
// FOLDER of the modules has a node_modules that `npm ci` has made; it is this folder by default.
// The same sources and modules give the same bytes.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';

const here = import.meta.dirname;
const { values: options } = parseArgs({
  options: {
    modules: { type: 'string', default: here },
    out: { type: 'string', default: path.join(here, 'dist') },
  },
});
const modules = path.resolve(options.modules, 'node_modules');
const out = path.resolve(options.out);
const esbuild = createRequire(path.join(modules, 'x'))('esbuild');

/** @param {string} entry @param {string} name @param {string[]} inject */
async function bundle(entry, name, inject = []) {
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints: [entry],
    inject,
    outfile: name,
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['es2022', 'chrome115', 'firefox115', 'safari16.4'],
    charset: 'ascii',
    legalComments: 'none',
    nodePaths: [modules],
    metafile: true,
    write: false,
  });
  return { text: result.outputFiles[0].text, inputs: usedInputs(result.metafile) };
}

/** The files of which something is left in the bundle. */
function usedInputs(metafile) {
  const [output] = Object.values(metafile.outputs);
  return Object.keys(output.inputs).filter((file) => output.inputs[file].bytesInOutput > 0);
}

/** @param {string[]} files of the bundle, relative to this folder */
function packagesOf(files) {
  const names = files.map((file) => file.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  return [...new Set(names.filter(Boolean))].sort();
}

/** @param {string} name of a package */
function licence(name) {
  const folder = path.join(modules, name);
  const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = fs.readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  const text = fs.readFileSync(path.join(folder, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

/** A page has the script between tags: these texts would end it, or hide its end. */
const embeddable = (text) => text.replace(/<(?=\/script|!--)/gi, '\\x3c');

const script = await bundle('src/main.js', 'explorer.js');
const style = await bundle('src/explorer.css', 'explorer.css');
// The explorer of a live page listens to the page in another way, see there.
const live = await bundle('src/live/main.js', 'live.js', ['src/live/page_events.js']);
const liveStyle = await bundle('src/live/live.css', 'live.css');
const files = {
  'explorer.js': embeddable(script.text),
  'explorer.css': style.text,
  'live.js': embeddable(live.text),
  'live.css': liveStyle.text,
  'THIRD-PARTY.txt': packagesOf([...script.inputs, ...live.inputs]).map(licence).join(`\n${'-'.repeat(72)}\n\n`),
};
fs.mkdirSync(out, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  fs.writeFileSync(path.join(out, name), text);
  console.log(`${name}: ${Buffer.byteLength(text)} bytes`);
}

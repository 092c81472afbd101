// A study that grows: small checkpoints, `cntflow watch`, and `cntflow serve`.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { randomNumbers } from './random.js';

const SHAPES = { 'fc1.weight': [3, 4], 'fc1.bias': [3], 'fc2.weight': [2, 3], 'fc2.bias': [2] };

/** The bytes of a safetensors file of a network of two layers. @param {() => number} random */
function checkpoint(random) {
  const header = {};
  const values = [];
  for (const [name, shape] of Object.entries(SHAPES)) {
    const n = shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [4 * values.length, 4 * (values.length + n)] };
    for (let k = 0; k < n; k++) values.push(random() - 0.5);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.from(new Float32Array(values).buffer)]);
}

/** Waits until `holds` gives something. @param {string} what @param {() => any} holds */
export async function until(what, holds, seconds = 60) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s: ${what}`);
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

export class GrowingStudy {
  #program;
  #work;
  #random = randomNumbers(11);
  #written = 0;
  /** @type {import('node:child_process').ChildProcess[]} */
  #processes = [];
  #server = null;

  constructor(program, work) {
    [this.#program, this.#work] = [path.resolve(program), work];
    fs.mkdirSync(path.join(work, 'zoo'));
    fs.writeFileSync(this.#broken, 'This is no checkpoint.');
  }

  get #broken() {
    return path.join(this.#work, 'zoo', 'broken.safetensors');
  }

  /** Removes what cannot be measured: at first there is nothing else. */
  removeBroken() {
    fs.rmSync(this.#broken);
  }

  #start(args) {
    const child = spawn(this.#program, args, { cwd: this.#work, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.push(child);
    return child;
  }

  /** Adds checkpoints, each whole at once. @param {number} n */
  add(n) {
    for (let k = 0; k < n; k++) {
      const name = `run-${String(++this.#written).padStart(3, '0')}.safetensors`;
      const file = path.join(this.#work, `.${name}`);
      fs.writeFileSync(file, checkpoint(this.#random));
      fs.renameSync(file, path.join(this.#work, 'zoo', name));
    }
  }

  /** Follows the checkpoints, and waits until there are tables. */
  async watch() {
    this.#start(['watch', 'zoo', '--out', 'out', '--quiet', '0.05', '--poll', '0.3',
      '--results-after', '1', '--progress', 'none']).stdout.resume();
    await until('tables', () => fs.existsSync(path.join(this.#work, 'out/tables/networks')));
  }

  /** Serves the output; returns the address. */
  async serve(port = 0) {
    this.#server = this.#start(['serve', 'out', '--port', String(port)]);
    const [line] = await new Promise((read) => {
      createInterface(this.#server.stdout).once('line', (...lines) => read(lines));
    });
    return line;
  }

  async stopServer() {
    const ended = new Promise((done) => { this.#server.once('exit', (code) => done(code)); });
    this.#server.kill('SIGTERM');
    return ended;
  }

  stop() {
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

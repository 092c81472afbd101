import { LAST_CODE, MISSING } from './codes.js';
import { decodeNames } from './names.js';

/**
 * @typedef {{table: string, where: string | null, column: string}} SqlSource
 * @typedef {'real' | 'integer' | 'category'} Kind
 */

/** @param {string} text @returns {Uint8Array} */
function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * Codes of `count` rows. Browsers run on little-endian machines only, so that the bytes are used
 * as they are.
 *
 * @param {string} text
 * @param {number} count
 */
function codesOf(text, count) {
  const bytes = bytesOf(text);
  if (bytes.length !== 2 * count) {
    throw new Error(`codes have ${bytes.length} bytes, not 2 x ${count}`);
  }
  return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}

/** A column of the table. Its codes are decoded when they are first used. */
export class Column {
  #encoded;
  #count;
  #codes = null;
  #extent = null;

  /** @param {Object} json @param {number} count */
  constructor(json, count) {
    this.name = String(json.name);
    /** @type {Kind} */
    this.kind = json.kind;
    this.label = Boolean(json.label);
    /** @type {SqlSource} */
    this.sql = json.sql;
    const category = this.kind === 'category';
    /** @type {string[]} */
    this.categories = category ? json.categories.map(String) : [];
    this.min = category ? 0 : json.min;
    this.step = category ? 1 : json.step;
    this.#encoded = json.codes;
    this.#count = count;
    this.#check();
  }

  #check() {
    if (!['real', 'integer', 'category'].includes(this.kind)) {
      throw new Error(`column "${this.name}" is of unknown kind "${this.kind}"`);
    }
    if (!Number.isFinite(this.min) || !(this.step > 0 && this.step < Infinity)) {
      throw new Error(`column "${this.name}" has min ${this.min} and step ${this.step}`);
    }
  }

  /** @returns {Uint16Array} */
  get codes() {
    if (!this.#codes) {
      this.#codes = codesOf(this.#encoded, this.#count);
      this.#encoded = null;
    }
    return this.#codes;
  }

  /** The least and greatest code of a value, and the number of rows without a value. */
  get extent() {
    this.#extent ??= this.#scan();
    return this.#extent;
  }

  #scan() {
    const codes = this.codes;
    let first = LAST_CODE;
    let last = 0;
    let missing = 0;
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code === MISSING) {
        missing++;
        continue;
      }
      if (code < first) first = code;
      if (code > last) last = code;
    }
    if (first > last) [first, last] = [0, 0];
    if (this.kind === 'category') [first, last] = [0, Math.max(0, this.categories.length - 1)];
    return { first, last, missing };
  }
}

/** The table of a page. The names of the checkpoints are decoded when they are first used. */
export class Table {
  #encodedNames;
  #names = null;

  /** @param {string} text */
  constructor(text) {
    const json = JSON.parse(text);
    /** @type {number} */
    this.count = json.n;
    /** @type {Column[]} */
    this.columns = json.columns.map((column) => new Column(column, json.n));
    if (this.columns.length === 0) throw new Error('the table has no columns');
    this.#encodedNames = json.checkpoints;
  }

  /** @returns {string[]} */
  get names() {
    if (!this.#names) {
      this.#names = decodeNames(this.#encodedNames, this.count);
      this.#encodedNames = null;
    }
    return this.#names;
  }
}

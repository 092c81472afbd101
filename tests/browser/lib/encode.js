// Writes a table as the report does: codes of 16 bits and names with shared ends.

const MISSING = 65535;
const LAST_CODE = 65534;

/** The lower boundary of code `k`, in the order of operations of the contract. */
const boundary = (min, step, k) => min + (k - 0.5) * step;

/** The smallest and largest value. */
function extent(values) {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 0];
}

/** A step that leads from one boundary to another double everywhere in the column. */
function stepOf(kind, min, max) {
  const range = (max - min) / LAST_CODE;
  if (kind === 'integer') return Math.max(1, Math.ceil(range));
  return Math.max(range, 2 ** -40 * Math.max(Math.abs(min), Math.abs(max))) || 1;
}

function codeOf(value, min, step) {
  let code = Math.min(LAST_CODE, Math.max(0, Math.round((value - min) / step)));
  while (value < boundary(min, step, code)) code--;
  while (value >= boundary(min, step, code + 1)) code++;
  if (code < 0 || code > LAST_CODE) throw new Error(`no code for ${value}`);
  return code;
}

const base64 = (codes) => Buffer.from(Uint16Array.from(codes).buffer).toString('base64');

function encodeColumn({ name, kind, label, sql, values }) {
  if (kind === 'category') {
    const categories = [...new Set(values.filter((value) => value !== null))].sort();
    const index = new Map(categories.map((text, code) => [text, code]));
    const codes = base64(values.map((value) => (value === null ? MISSING : index.get(value))));
    return { name, kind, label, categories, codes, sql };
  }
  const [min, max] = extent(values);
  const step = stepOf(kind, min, max);
  const codes = base64(values.map((value) => (value === null ? MISSING : codeOf(value, min, step))));
  return { name, kind, label, min, step, codes, sql };
}

const commonStart = (a, b) => {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return length;
};

/** Characters, not halves of them, are shared; their number is that of UTF-16 units. */
export function encodeNames(names) {
  let previous = [];
  return names.flatMap((name) => {
    const characters = [...name];
    const start = commonStart(previous, characters);
    const end = commonStart(previous.slice(start).reverse(), characters.slice(start).reverse());
    const units = (from, to) => characters.slice(from, to).join('').length;
    const shared = [units(0, start), units(characters.length - end)];
    const rest = characters.slice(start, characters.length - end).join('');
    previous = characters;
    return [...shared, rest];
  });
}

/** The JSON of a table, without any `<`. */
export function encodeTable({ names, columns }) {
  const json = JSON.stringify({
    n: names.length, columns: columns.map(encodeColumn), checkpoints: encodeNames(names),
  });
  return json.replaceAll('<', '\\u003c');
}

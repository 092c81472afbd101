// Reads the explorer's SQL, and applies its numbers and texts to the original values.
import { table } from './table.js';

const NAME = '"((?:[^"]|"")*)"';
const RANGE = new RegExp(`^${NAME} >= (\\S+) AND ${NAME} < (\\S+)$`);
const CHOICE = new RegExp(`^${NAME} (?:= |IN \\()((?:'(?:[^']|'')*'(?:, )?)+)\\)?$`);
const MISSING = new RegExp(`^${NAME} IS NULL$`);
const FOREIGN = /^checkpoint IN \(SELECT checkpoint FROM layers WHERE (.*? AND metric = '\w+') AND (.*)\)$/;
const FOREIGN_MISSING =
  /^checkpoint NOT IN \(SELECT checkpoint FROM layers WHERE (.*? AND metric = '\w+') AND (.*) IS NOT NULL\)$/;

const unquote = (text) => text.replaceAll('""', '"');

/** @param {string} name @param {string | null} where */
function valuesOf(name, where) {
  const { columns } = table();
  const column = columns.find(({ sql }) => sql.column === unquote(name) && sql.where === where);
  if (!column) throw new Error(`no column ${name} where ${where}`);
  return column.values;
}

/** A test of a row. @param {string} text @param {string | null} where */
function testOf(text, where = null) {
  let match;
  if (text === 'FALSE') return () => false;
  if ((match = text.match(/^\((.*) OR (.*)\)$/))) {
    const tests = [testOf(match[1], where), testOf(match[2], where)];
    return (row) => tests.some((test) => test(row));
  }
  if ((match = text.match(FOREIGN))) return testOf(match[2], match[1]);
  if ((match = text.match(FOREIGN_MISSING))) return testOf(`${match[2]} IS NULL`, match[1]);
  if ((match = text.match(RANGE))) {
    const values = valuesOf(match[1], where);
    const [from, below] = [Number(match[2]), Number(match[4])];
    return (row) => values[row] !== null && values[row] >= from && values[row] < below;
  }
  if ((match = text.match(MISSING))) {
    const values = valuesOf(match[1], where);
    return (row) => values[row] === null;
  }
  if ((match = text.match(CHOICE))) {
    const values = valuesOf(match[1], where);
    const quoted = [...match[2].matchAll(/'((?:[^']|'')*)'/g)];
    const texts = new Set(quoted.map(([, inside]) => inside.replaceAll("''", "'")));
    return (row) => values[row] !== null && texts.has(values[row]);
  }
  throw new Error(`unknown form: ${text}`);
}

/** @param {string} sql @returns {string[]} */
function conditionsOf(sql) {
  const match = sql.match(/^SELECT checkpoint FROM networks(?:\nWHERE ([^]*))?\nORDER BY checkpoint$/);
  if (!match) throw new Error(`not the form of a selection: ${sql}`);
  return match[1] ? match[1].split('\n  AND ') : [];
}

const known = new Map();

/** Whether each row of the table is selected. @param {string} sql @returns {boolean[]} */
export function rowsOf(sql) {
  if (!known.has(sql)) {
    const tests = conditionsOf(sql).map((text) => testOf(text));
    known.set(sql, table().names.map((_, row) => tests.every((test) => test(row))));
  }
  return known.get(sql);
}

/** The bounds of a column in a selection. @param {string} sql @param {string} name */
export function boundsOf(sql, name) {
  for (const text of conditionsOf(sql)) {
    const match = text.replace(FOREIGN, '$2').match(RANGE);
    if (match && unquote(match[1]) === name) return [Number(match[2]), Number(match[4])];
  }
  throw new Error(`no bounds of ${name} in ${sql}`);
}

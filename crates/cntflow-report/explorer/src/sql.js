import { boundary } from './codes.js';

/** @typedef {import('./conditions.js').Condition} Condition */

/** The table whose rows are the checkpoints. */
const MAIN_TABLE = 'networks';

/** @param {string} text */
const quoteName = (text) => `"${text.replaceAll('"', '""')}"`;

/** @param {string} text */
const quoteText = (text) => `'${text.replaceAll("'", "''")}'`;

/**
 * The shortest decimal number that is read back as the same double. It always has a point, since
 * Polars reads a number without one as a whole number, even where it has an exponent.
 *
 * @param {number} value
 */
export function sqlNumber(value) {
  const [digits, exponent] = String(value).split('e');
  const real = digits.includes('.') ? digits : `${digits}.0`;
  return exponent === undefined ? real : `${real}e${exponent}`;
}

/** @param {string} name @param {Condition} condition */
function valueTest(name, condition) {
  const { column } = condition;
  if (!('chosen' in condition)) {
    const from = sqlNumber(boundary(column, condition.first));
    const below = sqlNumber(boundary(column, condition.last + 1));
    return `${name} >= ${from} AND ${name} < ${below}`;
  }
  const texts = [...condition.chosen].sort((a, b) => a - b)
    .map((code) => quoteText(column.categories[code]));
  if (texts.length === 1) return `${name} = ${texts[0]}`;
  return `${name} IN (${texts.join(', ')})`;
}

/** @param {Condition} condition */
const acceptsNoValue = (condition) =>
  'chosen' in condition ? condition.chosen.size === 0 : condition.first > condition.last;

/**
 * Tests of a column of another table. A checkpoint without a row there has no value either, so
 * that the test for a missing value is a negated one.
 *
 * @param {Condition} condition
 */
function foreignTests({ column }) {
  const { table, where } = column.sql;
  const rows = `SELECT checkpoint FROM ${table} WHERE ${where ? `${where} AND ` : ''}`;
  return {
    value: (test) => `checkpoint IN (${rows}${test})`,
    missing: (name) => `checkpoint NOT IN (${rows}${name} IS NOT NULL)`,
  };
}

const MAIN_TESTS = {
  value: (test) => test,
  missing: (name) => `${name} IS NULL`,
};

/**
 * The SQL of one condition, which AND may join with others.
 *
 * @param {Condition} condition
 */
export function conditionSql(condition) {
  const { sql } = condition.column;
  const name = quoteName(sql.column);
  const tests = sql.table === MAIN_TABLE && !sql.where ? MAIN_TESTS : foreignTests(condition);
  const missing = tests.missing(name);
  if (acceptsNoValue(condition)) return condition.missing ? missing : 'FALSE';
  const value = tests.value(valueTest(name, condition));
  return condition.missing ? `(${value} OR ${missing})` : value;
}

/**
 * The query for the checkpoints that all conditions accept.
 *
 * @param {Condition[]} conditions
 */
export function selectionSql(conditions) {
  const where = conditions.map(conditionSql).join('\n  AND ');
  return [
    `SELECT checkpoint FROM ${MAIN_TABLE}`,
    ...(where ? [`WHERE ${where}`] : []),
    'ORDER BY checkpoint',
  ].join('\n');
}

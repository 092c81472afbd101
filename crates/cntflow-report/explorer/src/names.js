/**
 * Decodes the names of the checkpoints: for each name the number of UTF-16 units that it shares
 * with the start of the previous name, the number that it shares with the end, and the text
 * between the two.
 *
 * @param {(number | string)[]} encoded
 * @param {number} count
 * @returns {string[]}
 */
export function decodeNames(encoded, count) {
  if (!Array.isArray(encoded) || encoded.length !== 3 * count) {
    throw new Error(`the list of checkpoints has ${encoded?.length} entries, not 3 x ${count}`);
  }
  const names = new Array(count);
  let previous = '';
  for (let i = 0; i < count; i++) {
    const start = previous.slice(0, encoded[3 * i]);
    const end = previous.slice(previous.length - encoded[3 * i + 1]);
    previous = start + encoded[3 * i + 2] + end;
    names[i] = previous;
  }
  return names;
}

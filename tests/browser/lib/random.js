/** A generator of numbers from 0 to 1 (xorshift32): the same ones every time. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
}

/** About normal, from six uniform numbers. @param {() => number} random */
export const gaussian = (random) => {
  let sum = 0;
  for (let i = 0; i < 6; i++) sum += random();
  return (sum - 3) / Math.SQRT1_2;
};

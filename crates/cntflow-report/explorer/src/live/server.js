// Requests to the server that has sent the page.

/** Milliseconds after which a request has failed. A page may have to be made first. */
const STATE_TIME = 10_000;
const PAGE_TIME = 300_000;

/** @param {string} path @param {number} time in milliseconds */
async function ask(path, time) {
  const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(time) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.trim() || `the server answers ${answer.status}`);
  return text;
}

/** @returns {Promise<{version: string, networks: Record<string, number>}>} */
export const stateOfServer = async () => JSON.parse(await ask('/state', STATE_TIME));

/** The page as it is now. @returns {Promise<Document>} */
export const newPage = async () =>
  new DOMParser().parseFromString(await ask('/', PAGE_TIME), 'text/html');

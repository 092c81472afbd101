// Keeps a page current that `cntflow serve` has sent.
import { countText, plural } from '../text.js';
import { LiveExplorer } from './live_explorer.js';
import { renewSections, textsOf } from './sections.js';
import { newPage, stateOfServer } from './server.js';

/** Milliseconds between two questions: usually, of a page that nobody sees, and at most. */
const USUAL = 2_000;
const HIDDEN = 15_000;
const LONGEST = 30_000;

/** A page is asked for at most for this part of the time: making one costs the server work. */
const SHARE = 0.2;

/** Failures in a row before the page says so. One may be a connection that has just been closed. */
const FAILURES = 2;

const line = document.getElementById('live');

/** The time of day. @param {Date} time */
const clock = (time) => time.toLocaleTimeString([], { hourCycle: 'h23' });

/** Says something once. Every change is read out. @param {string} text */
function say(text) {
  if (line.textContent !== text) line.textContent = text;
}

/** @param {Record<string, number>} networks by status */
function networksText(networks) {
  const all = Object.values(networks).reduce((sum, n) => sum + n, 0);
  const others = Object.entries(networks).filter(([status, n]) => status !== 'ok' && n > 0)
    .map(([status, n]) => `${countText(n)} ${status}`);
  const text = plural(all, 'network', 'networks');
  return others.length > 0 ? `${text} (${others.join(', ')})` : text;
}

class LivePage {
  #version = line.dataset.version;
  #renewedAt = new Date();
  #shown = textsOf(document);
  #explorer = new LiveExplorer();
  /** @type {Document | null} */
  #page = null;
  #failures = 0;
  #notBefore = 0;
  #timer = 0;
  #isAsking = false;

  start() {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#ask();
    });
    this.#ask();
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    try {
      const { version, networks } = await stateOfServer();
      if (version !== this.#version && performance.now() >= this.#notBefore) await this.#renew();
      this.#failures = 0;
      say(`${networksText(networks)}; renewed at ${clock(this.#renewedAt)}.`);
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= FAILURES) this.#sayFailure(error);
    }
    this.#apply();
    this.#isAsking = false;
    this.#timer = setTimeout(() => this.#ask(), this.#pause());
  }

  async #renew() {
    const started = performance.now();
    this.#page = await newPage();
    const now = performance.now();
    this.#notBefore = now + (now - started) * (1 / SHARE - 1);
    this.#version = this.#page.getElementById('live').dataset.version;
    this.#renewedAt = new Date();
    this.#explorer.renew(this.#page);
  }

  /** What could not be replaced earlier, because the user was at work on it, may be now. */
  #apply() {
    if (!this.#page) return;
    renewSections(this.#page, this.#shown);
    this.#explorer.settle();
  }

  /** @param {Error} error */
  #sayFailure(error) {
    // The server has no text of its own then: it is gone, or too slow.
    const isGone = error instanceof TypeError || error.name === 'TimeoutError';
    const what = isGone ? 'The server is not reachable' : `The server answers: ${error.message}`;
    say(`${what.replace(/\.$/, '')}. This page is of ${clock(this.#renewedAt)}.`);
  }

  #pause() {
    const usual = document.hidden ? HIDDEN : USUAL;
    return Math.min(LONGEST, usual * 2 ** Math.max(0, this.#failures - 1));
  }
}

new LivePage().start();

// What the explorer listens to outside of its section, in a page whose explorer may be replaced.
// build.mjs puts these in the place of the browser's own, in the script of live pages alone: without
// an end, every explorer that was replaced would stay in memory and go on drawing.

let shown = new AbortController();

/** Ends what the explorer that has been shown so far listens to. */
export function endListeners() {
  shown.abort();
  shown = new AbortController();
}

/** @param {string} query */
export function matchMedia(query) {
  const list = window.matchMedia(query);
  const { signal } = shown;
  return {
    addEventListener: (type, listener, options) =>
      list.addEventListener(type, listener, { ...options, signal }),
  };
}

export class ResizeObserver extends window.ResizeObserver {
  /** @param {ResizeObserverCallback} callback */
  constructor(callback) {
    super(callback);
    shown.signal.addEventListener('abort', () => this.disconnect());
  }
}

// Replaces the sections of the page by those of a newer one, in place.

/** @typedef {Map<string, string>} Shown the text of each part of the page, as the server sent it */

/** Parts of the page that are replaced as a whole. The explorer has its own rules. */
const PARTS = 'header nav, main > section:not(#explore)';
const FOCUSABLE = 'a[href], summary, button, input, select, textarea, [tabindex]';

/** @param {Element} part */
const keyOf = (part) => part.id || part.localName;

/** @param {Document} page @returns {Map<string, Element>} */
const partsOf = (page) => new Map([...page.querySelectorAll(PARTS)].map((part) => [keyOf(part), part]));

/** @param {Document} page @returns {Shown} */
export const textsOf = (page) =>
  new Map([...partsOf(page)].map(([key, part]) => [key, part.outerHTML]));

/** Whether the user has selected text in it, to copy it perhaps. @param {Element} part */
function isSelected(part) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(part, true);
}

/** The nearest element with an identifier, and which one of those like it below. @param {Element} of */
function placeOf(of, selector) {
  const home = of.closest('[id]') ?? document.body;
  return { home: home.id, selector, index: [...home.querySelectorAll(selector)].indexOf(of) };
}

/** @returns {HTMLElement | undefined} */
function atPlace({ home, selector, index }) {
  const root = home ? document.getElementById(home) : document.body;
  return root && (index < 0 ? root : root.querySelectorAll(selector)[index]);
}

/** What a user has done to a part, as a function that does it to the one in its place. */
function stateOf(part) {
  const open = [...part.querySelectorAll('details[open]')].map((one) => placeOf(one, 'details'));
  const scrolled = [...part.querySelectorAll('.table')]
    .filter(({ scrollTop, scrollLeft }) => scrollTop || scrollLeft)
    .map((one) => ({ place: placeOf(one, '.table'), top: one.scrollTop, left: one.scrollLeft }));
  const focus = part.contains(document.activeElement)
    ? placeOf(document.activeElement, FOCUSABLE) : null;
  return () => {
    for (const place of open) atPlace(place)?.setAttribute('open', '');
    for (const { place, top, left } of scrolled) atPlace(place)?.scrollTo(left, top);
    if (focus) atPlace(focus)?.focus({ preventScroll: true });
  };
}

/** The first part or figure that is seen, and where its top is. */
function anchor() {
  const all = document.querySelectorAll('main > section[id], main figure[id]');
  const seen = [...all].filter((one) => one.getBoundingClientRect().bottom > 0);
  // A figure stands within its section: the innermost is the better one.
  const first = seen.find((one, k) => !seen[k + 1] || !one.contains(seen[k + 1])
    || one.getBoundingClientRect().top >= 0);
  return first && { id: first.id, top: first.getBoundingClientRect().top };
}

/** Scrolls to where the reader was. @param {ReturnType<typeof anchor>} before */
function scrollBack(before) {
  const now = before && document.getElementById(before.id);
  if (!now) return;
  const by = now.getBoundingClientRect().top - before.top;
  if (Math.abs(by) >= 1) scrollBy({ top: by, behavior: 'instant' });
}

/** Puts a new part behind the one that it follows in the new page. */
function insert(part, previous) {
  const main = document.querySelector('main');
  if (previous) previous.after(part);
  else main.prepend(part);
}

/**
 * Makes the parts of the page those of `page`. A part that has not changed stays as it is, and so
 * does one in which text is selected, until it is asked for again.
 *
 * @param {Document} page
 * @param {Shown} shown is changed with them
 */
export function renewSections(page, shown) {
  const before = scrollY > 0 ? anchor() : null;
  const [old, wanted] = [partsOf(document), partsOf(page)];
  for (const [key, part] of old) {
    if (wanted.has(key) || isSelected(part)) continue;
    part.remove();
    shown.delete(key);
  }
  let previous = null;
  for (const [key, part] of wanted) {
    const current = old.get(key);
    const text = part.outerHTML;
    const isInMain = part.localName === 'section';
    if (current && (shown.get(key) === text || isSelected(current))) {
      if (isInMain) previous = current;
      continue;
    }
    const renewed = document.importNode(part, true);
    if (current) {
      const restore = stateOf(current);
      current.replaceWith(renewed);
      restore();
    } else {
      insert(renewed, previous);
    }
    shown.set(key, text);
    if (isInMain) previous = renewed;
  }
  scrollBack(before);
}

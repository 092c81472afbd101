let lastId = 0;

/** @param {string} name */
export const uniqueId = (name) => `explorer-${name}-${++lastId}`;

/**
 * An element with attributes and children. Text is always text: no markup is read anywhere. A
 * function is a listener of the event after `on`; `true` is an attribute without a value; `false`
 * leaves the attribute out.
 *
 * @param {string} tag
 * @param {Record<string, string | number | boolean | EventListener>} attributes
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * A control with its label before it.
 *
 * @param {string} text
 * @param {HTMLElement} control
 */
export function labelled(text, control) {
  control.id ||= uniqueId('control');
  return element('div', { class: 'field' }, element('label', { for: control.id }, text), control);
}

/**
 * A tick box with its label after it.
 *
 * @param {string} text
 * @param {boolean} checked
 * @param {(checked: boolean) => void} onChange
 */
export function tickBox(text, checked, onChange) {
  const box = element('input', { type: 'checkbox', checked, onchange: () => onChange(box.checked) });
  return element('label', { class: 'tick' }, box, element('bdi', {}, text));
}

/**
 * @param {string} text
 * @param {() => void} onClick
 */
export const button = (text, onClick) =>
  element('button', { type: 'button', onclick: onClick }, text);

/**
 * A choice from a list; the values are indices.
 *
 * @param {string[]} texts
 * @param {number} chosen
 * @param {(index: number) => void} onChange
 */
export function choice(texts, chosen, onChange) {
  const options = texts.map((text, k) => element('option', { value: k, selected: k === chosen }, text));
  const list = element('select', { onchange: () => onChange(Number(list.value)) }, ...options);
  return list;
}

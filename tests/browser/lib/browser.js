// Opens the page in Chromium and watches for everything that it must not do.
import { createRequire } from 'node:module';
import path from 'node:path';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const modules = createRequire(path.join(process.env.BROWSER_CHECKS_MODULES, 'node_modules', 'x'));
export const AXE = modules.resolve('axe-core/axe.min.js');

/** A browser without a graphics card, as on a server. */
export const launch = () => modules('playwright-core').chromium.launch({
  executablePath: CHROMIUM,
  // Containers often run as root, where Chromium's sandbox cannot start.
  chromiumSandbox: process.getuid() !== 0,
  args: ['--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** Notes times and violations before the script of the page runs. */
function watchPage() {
  window.watched = { violations: [], ready: null, delays: [] };
  addEventListener('securitypolicyviolation', (event) => {
    window.watched.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  new MutationObserver(() => {
    if (document.getElementById('explorer')?.dataset.state === 'ready') {
      window.watched.ready ??= performance.now();
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
  // The delay of an event lasts until the frame after it has been drawn.
  let waiting = [];
  const note = (event) => {
    if (event.type === 'pointermove' && !event.buttons) return;
    if (waiting.push(event.timeStamp) > 1) return;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        const now = performance.now();
        for (const start of waiting) window.watched.delays.push(now - start);
        waiting = [];
      };
      channel.port2.postMessage(0);
    });
  };
  for (const type of ['pointermove', 'keydown']) addEventListener(type, note, true);
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} address
 * @param {Object} options of the context
 */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    // A page that is served may ask its server for more.
    const served = address.startsWith('http:') && url.startsWith(new URL('/', address).href);
    const inside = url === address || served || /^(data|blob):/.test(url);
    if (!inside) faults.push(`request: ${url}`);
  });
  await page.addInitScript(watchPage);
  await page.goto(address);
  return { page, context, faults };
}

/** Waits until the explorer is ready. @param {import('playwright-core').Page} page */
export const ready = (page) => page.waitForSelector('#explorer[data-state=ready]', { timeout: 20_000 });

/** What the page has done that it must not do. */
export async function faultsOf({ page, faults }) {
  return [...faults, ...await page.evaluate(() => window.watched.violations)];
}

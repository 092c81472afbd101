// Screens, colour schemes, motion and paper.
import assert from 'node:assert/strict';
import { violations } from '../lib/accessibility.js';

/** The drawing as text. */
const drawing = (page) => page.evaluate(() => document.querySelector('.plot canvas').toDataURL());

/** Labels of ticks that overlap the one before, or the title of the axis, or leave the drawing. */
const badLabels = (page) => page.evaluate(() => {
  const title = document.querySelectorAll('.plot .title')[1].getBoundingClientRect();
  const drawing = document.querySelector('.plot svg').getBoundingClientRect();
  return [...document.querySelectorAll('.axis')].flatMap((axis, index) => {
    const labels = [...axis.querySelectorAll('.tick text')];
    const boxes = labels.map((label) => label.getBoundingClientRect());
    const bad = boxes.map((box, k) => {
      const before = boxes[k - 1];
      const over = before && (index === 0 ? box.left < before.right : box.bottom > before.top);
      const outside = index === 0 ? box.right > drawing.right : box.left < title.right;
      return over || outside;
    });
    return labels.filter((_, k) => bad[k]).map((label) => label.textContent);
  });
});

async function fill(explorer) {
  await explorer.page.getByLabel('median and quartiles of each colour, after filters').check();
  await explorer.addFilter('activation');
  await explorer.addFilter('epoch');
  await explorer.drag([0.2, 0.2], [0.7, 0.7]);
}

export const checks = {
  async 'axe finds nothing in light, dark and on a narrow screen'({ explorer, page }) {
    await fill(explorer);
    for (const [colorScheme, width] of [['light', 1100], ['dark', 1100], ['light', 400], ['dark', 400]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await explorer.settle();
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} pixels`);
    }
  },

  async 'a narrow screen is not scrolled sideways'({ explorer, page }) {
    await page.setViewportSize({ width: 400, height: 800 });
    await explorer.choose('colour', 'activation');
    await fill(explorer);
    const [content, screen] = await page.evaluate(() => [
      document.documentElement.scrollWidth, document.documentElement.clientWidth,
    ]);
    assert.ok(content <= screen, `${content} pixels on ${screen}`);
  },

  async 'labels of the axes neither overlap nor leave the drawing'({ explorer, page }) {
    for (const width of [1100, 400]) {
      await page.setViewportSize({ width, height: 900 });
      for (const name of ['huge', 'tiny', 'seed', 'measure 1', 'measure 13', 'activation']) {
        await explorer.choose('x', name);
        await explorer.choose('y', name);
        await explorer.settle();
        assert.deepEqual(await badLabels(page), [], `${name}, ${width} pixels`);
      }
    }
  },

  async 'a change of the colour scheme draws again'({ explorer, page }) {
    const light = await drawing(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await explorer.settle();
    assert.notEqual(await drawing(page), light);
    await page.emulateMedia({ colorScheme: 'light' });
    await explorer.settle();
    assert.equal(await drawing(page), light);
  },

  async 'a change of the pixel ratio draws again'({ explorer, page }) {
    const width = () => page.evaluate(() => document.querySelector('.plot canvas').width);
    const before = await width();
    const session = await page.context().newCDPSession(page);
    const screen = { width: 1100, height: 900, mobile: false };
    for (const deviceScaleFactor of [2, 1]) {
      await session.send('Emulation.setDeviceMetricsOverride', { ...screen, deviceScaleFactor });
      await explorer.settle();
      assert.equal(await width(), deviceScaleFactor * before);
    }
  },

  async 'nothing moves where less motion is wanted'({ page }) {
    const moving = () => page.evaluate(() => [...document.querySelectorAll('#explorer *')]
      .filter((one) => {
        const { transitionDuration, animationName } = getComputedStyle(one);
        return animationName !== 'none' || /[1-9]/.test(transitionDuration);
      }).length);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    assert.ok(await moving() > 0, 'the check finds no motion at all');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(await moving(), 0);
  },

  async 'prints on A4 with its drawing and its text'({ explorer, page }) {
    await explorer.drag([0.2, 0.2], [0.7, 0.7]);
    const pdf = (await page.pdf({ format: 'A4', printBackground: false })).toString('latin1');
    const pages = pdf.match(/\/Type \/Page\b(?!s)/g).length;
    assert.ok(pages >= 1 && pages <= 3, `${pages} pages`);
    assert.match(pdf, /\/Subtype \/Image/);
    assert.match(pdf, /\/Type \/Font\b/);
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.locator('.count').isVisible());
    assert.ok(await explorer.field('SQL of the selection').isVisible());
    assert.ok(!await explorer.button('Copy SQL').isVisible());
  },
};

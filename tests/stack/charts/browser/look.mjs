// Opens a page in Chromium at two widths, light and dark, and prints as JSON what a reader would find wrong.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [packages, executablePath, pagePath] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${packages}/`));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [400, 1600];
const SCHEMES = ['light', 'dark'];
// Colours depend on the one, the order of things on the other, and axe takes seconds.
const SEEN_BY_AXE = ['light 400', 'dark 1600'];
// Chromium asks its own services otherwise, and has no sandbox for root.
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

function measure() {
  const isSeen = (each) => each.getClientRects().length > 0;
  const textSize = (each) => parseFloat(getComputedStyle(each).fontSize) * (each.getScreenCTM ? each.getScreenCTM().d : 1);
  const texts = [...document.querySelectorAll('svg text, h1, h2, h3, h4, p, th, td, summary, a, li')].filter(
    (each) => isSeen(each) && each.textContent.trim());
  const panels = [...document.querySelectorAll('article.panel')].map((each) => {
    const pictures = [...each.querySelectorAll('svg')].filter(isSeen).map((svg) => svg.getBoundingClientRect());
    return {
      title: each.querySelector('h3, h4').textContent,
      pictures: pictures.map(({ left, right, height }) => ({ left, right, height })),
      text: [...each.querySelectorAll('.stat, .scroll, .empty')].map((part) => part.textContent).join(' '),
    };
  });
  const inPictures = [...document.querySelectorAll('svg text')].filter(isSeen);
  return {
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
    smallest: Math.min(...texts.map(textSize)),
    // axe leaves the texts of pictures undecided.
    contrast: Math.min(...inPictures.map(findContrast)),
    cut: inPictures.filter(isCut).map((each) => each.textContent),
    overlapping: [...document.querySelectorAll('svg')].filter(isSeen).flatMap(listOverlapping),
    operable: document.querySelectorAll('a[href], summary, .scroll').length,
    panels,
  };

  function findContrast(each) {
    const [darker, lighter] = [getComputedStyle(each).fill, getComputedStyle(each.closest('.panel')).backgroundColor]
      .map(findLuminance).sort((one, other) => one - other);
    return (lighter + 0.05) / (darker + 0.05);
  }

  function findLuminance(colour) {
    const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function isCut(each) {
    const around = each.closest('svg').getBoundingClientRect();
    const own = each.getBoundingClientRect();
    return own.left < around.left - 1 || own.right > around.right + 1 || own.top < around.top - 1 || own.bottom > around.bottom + 1;
  }

  function listOverlapping(svg) {
    const boxes = [...svg.querySelectorAll('text')].map((each) => [each.textContent, each.getBoundingClientRect()]);
    return boxes.flatMap(([name, one], number) => boxes.slice(number + 1).filter(([, other]) =>
      one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 3 && other.top < one.bottom - 3
    ).map(([other]) => `${name} | ${other}`));
  }
}

function readFocus() {
  const each = document.activeElement;
  if (!each || each === document.body) return null;
  const style = getComputedStyle(each);
  const box = each.getBoundingClientRect();
  return {
    name: each.getAttribute('aria-label') || each.closest('article')?.querySelector('h3, h4').textContent || each.textContent,
    tag: each.tagName.toLowerCase(),
    isOutlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    isInSight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}

// Presses Tab until the focus has left the page.
async function walk(page) {
  const stops = [];
  for (let number = 0; number < 500; number += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(readFocus);
    if (!stop) return stops;
    stops.push(stop);
  }
  throw new Error('the focus does not leave the page');
}

async function operate(page) {
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const skipped = await page.evaluate(() => document.activeElement.id);
  const summary = page.locator('summary').first();
  await summary.focus();
  await page.keyboard.press('Enter');
  return { skipped, isOpened: await page.locator('details').first().evaluate((each) => each.open) };
}

function open() {
  document.querySelectorAll('details').forEach((each) => { each.open = true; });
}

async function check(page) {
  await page.evaluate(open);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}

const browser = await chromium.launch({ executablePath, args });
const found = { console: [], requests: [], views: {} };
for (const colorScheme of SCHEMES) {
  for (const width of WIDTHS) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    page.on('console', (message) => found.console.push(message.text()));
    page.on('pageerror', (error) => found.console.push(String(error)));
    page.on('request', (request) => found.requests.push(request.url()));
    await page.goto(pathToFileURL(pagePath).href);
    const view = await page.evaluate(measure);
    view.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    if (colorScheme === 'light') {
      view.stops = await walk(page);
      await page.reload();
      view.operated = await operate(page);
    }
    if (SEEN_BY_AXE.includes(`${colorScheme} ${width}`)) {
      await page.addScriptTag({ content: axe });
      view.violations = await check(page);
    }
    await page.evaluate(open);
    view.openWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    found.views[`${colorScheme} ${width}`] = view;
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));

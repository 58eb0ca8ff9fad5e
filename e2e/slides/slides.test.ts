import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { have } from '../images/have.ts';
import { mustRun } from '../images/run-program.ts';
import { findCuts } from './measure.ts';
import { type Browser, findPackages, type Page } from './packages.ts';

setDefaultTimeout(5 * 60_000);

const root = join(import.meta.dir, '../..');
const openBrowser = await have('Marp and a browser', async () => {
  const packages = await findPackages();
  await using browser = await packages.openBrowser();
  await browser.newPage({});
  return packages.openBrowser;
});
if (openBrowser) describe('the slides', () => testSlides(openBrowser));

const isShown = `[...document.querySelectorAll('.marpit > svg')].map((slide) => getComputedStyle(slide).display !== 'none')`;

function testSlides(open: () => Promise<Browser>): void {
  let folder = '';
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway slides '));
    await mustRun([join(root, 'scripts/build-slides'), folder]);
    browser = await open();
    page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  test('are six pages of 16 to 9 as a PDF', () => {
    const pdf = readFileSync(join(folder, 'slides.pdf'), 'latin1');

    expect(pdf.match(/\/Type \/Page\b/g)).toHaveLength(6);
    expect(new Set(pdf.match(/\/MediaBox \[[^\]]*\]/g))).toEqual(new Set(['/MediaBox [0 0 960 540]']));
  });

  test('show no text that is cut, small, at the edge or on other text', async () => {
    await show('slides.html');

    expect(await findCuts(page)).toEqual([]);
  });

  test('are turned by keys, one at a time', async () => {
    await page.emulateMedia({ media: 'screen' });
    await page.goto(pathToFileURL(join(folder, 'slides.html')).href);

    const shown = () =>
      page.evaluate<boolean[]>(`new Promise((resolve) => setTimeout(() => resolve(${isShown})))`);
    const only = (n: number) => [1, 2, 3, 4, 5, 6].map((i) => i === n);
    expect(await shown()).toEqual(only(1));
    await page.keyboard.press('ArrowRight');
    expect(await shown()).toEqual(only(2));
    await page.keyboard.press('End');
    expect(await shown()).toEqual(only(6));
  });

  test('ask nothing of the network', () => {
    for (const file of ['slides.html', 'notes.html']) {
      const text = readFileSync(join(folder, file), 'utf8');
      expect(text.match(/\b(src|href)="(?!data:|#)[^"]*"|@import|url\((?!data:|#)/g)).toBeNull();
    }
  });

  test('have beside each the words that are said', async () => {
    await show('notes.html');

    const texts = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.said')].map((notes) => notes.textContent)`,
    );
    const said = texts.map((text) => text.trim().split(/\s+/).length);
    expect(said).toHaveLength(6);
    expect(Math.min(...said)).toBeGreaterThan(200);
  });

  test('a deck with too much on a slide, small print and text on text is refused', async () => {
    await mustRun([
      join(root, 'scripts/build-slides'),
      join(folder, 'bad'),
      join(import.meta.dir, 'fixtures/too-much.md'),
    ]);
    await show('bad/slides.html');

    const cuts = await findCuts(page);
    expect(cuts).toContain('slide 1: “The last line” leaves the slide, or comes too near to its edge');
    expect(cuts).toContain('slide 2: “nobody reads this” is 14 px high, less than 22');
    expect(cuts).toContain('slide 3: “One” lies on “on the other”');
    expect(cuts).toContain('slide 3: “cut off where the box ends, without a wo” is cut');
  });

  /** As it is printed: every slide. */
  async function show(file: string): Promise<void> {
    await page.goto(pathToFileURL(join(folder, file)).href);
    await page.emulateMedia({ media: 'print' });
  }
}

import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findPackages } from '../e2e/slides/packages.ts';
import { fill } from './slides/fill.ts';
import { takeNumbers } from './slides/numbers.ts';
import { renderDeck } from './slides/render.ts';

const root = resolve(import.meta.dir, '..');
const slides = join(root, 'docs/slides');
const [out = join(slides, 'out'), deckFile = join(slides, 'deck.md')] = process.argv.slice(2);
const read = (path: string) => readFileSync(path, 'utf8');

console.error('fetch    Marp, fonts and a browser, once');
const { Marp, font, openBrowser } = await findPackages();
const numbers = takeNumbers((page) => read(join(root, page)));
const deck = fill(read(deckFile), { numbers, picture: (name) => read(join(slides, `${name}.svg`)) });
const { html, notesHtml, notes } = renderDeck({ Marp, font, deck, theme: read(join(slides, 'theme.css')) });

mkdirSync(out, { recursive: true });
const path = (name: string) => join(out, name);
await Bun.write(path('slides.html'), html);
await Bun.write(path('notes.html'), notesHtml);
await using browser = await openBrowser();
const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
await page.goto(pathToFileURL(path('slides.html')).href);
await Bun.write(path('slides.pdf'), await page.pdf({ preferCSSPageSize: true, printBackground: true }));
console.error(`slides   ${notes.length}, ${words(notes)} words to say`);
for (const name of ['slides.html', 'slides.pdf', 'notes.html']) console.log(path(name));

function words(texts: readonly string[]): number {
  return texts.join(' ').split(/\s+/).length;
}

import type { Packages } from '../../e2e/slides/packages.ts';

export interface Deck {
  /** What stands on the slides: one page that shows one slide at a time, and prints all. */
  readonly html: string;
  /** Slide and notes beneath each other, for who speaks. */
  readonly notesHtml: string;
  /** What is said, slide by slide. */
  readonly notes: readonly string[];
}

export interface RenderOptions extends Pick<Packages, 'Marp' | 'font'> {
  /** Filled Markdown. */
  readonly deck: string;
  readonly theme: string;
}

/** One file each, with all that it shows: it opens without a network. */
export function renderDeck({ Marp, font, deck, theme }: RenderOptions): Deck {
  const marp = new Marp({
    html: true,
    inlineSVG: true,
    math: false,
    script: false,
    emoji: { shortcode: false, unicode: false },
  });
  marp.themeSet.add(theme);
  const { html, css, comments } = marp.render(deck, { htmlAsArray: true });
  const notes = comments.map((texts) => texts.join('\n\n'));
  const style = `${fontFaces(font)}\n${css}`;
  return {
    notes,
    html: page(`${style}\n${showCss}`, `${inMarpit(html.join(''))}<script>${showScript}</script>`),
    notesHtml: page(
      `${style}\n${notesCss}`,
      html.map((slide, i) => withNotes(slide, notes[i] ?? '')).join(''),
    ),
  };
}

function page(style: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Causeway</title><style>${style}</style></head><body>${body}</body></html>\n`;
}

function inMarpit(slides: string): string {
  return `<div class="marpit">${slides}</div>`;
}

function withNotes(slide: string, notes: string): string {
  const paragraphs = notes.split(/\n\n|(?<=^\d+:\d\d–\d+:\d\d)\n/).map((text) => `<p>${text}</p>`);
  return `<article>${inMarpit(slide)}<div class="said">${paragraphs.join('')}</div></article>`;
}

function fontFaces(font: Packages['font']): string {
  return ['Inter', 'JetBrains Mono']
    .map((name) => {
      const id = name.toLowerCase().replaceAll(' ', '-');
      const data = font(`@fontsource-variable/${id}/files/${id}-latin-wght-normal.woff2`).toString('base64');
      return `@font-face { font-family: "${name} Variable"; font-weight: 100 900; src: url(data:font/woff2;base64,${data}) format("woff2"); }`;
    })
    .join('\n');
}

const showCss = `
@media screen {
  body { margin: 0; background: #14202e; }
  .marpit > svg { display: none; width: 100vw; height: 100vh; }
  .marpit > svg.shown { display: block; }
}
@media print { body { margin: 0; } }
`;

/** Arrows, Page Up and Down, Space and a click turn the slide; its number stands in the address. */
const showScript = `
const slides = [...document.querySelectorAll('.marpit > svg')];
const now = () => Math.min(Math.max(Number(location.hash.slice(1)) || 1, 1), slides.length);
const show = () => slides.forEach((slide, i) => slide.classList.toggle('shown', i + 1 === now()));
const turn = (by) => { location.hash = Math.min(Math.max(now() + by, 1), slides.length); };
addEventListener('hashchange', show);
addEventListener('click', () => turn(1));
addEventListener('keydown', ({ key }) => {
  if (['ArrowRight', 'ArrowDown', 'PageDown', ' '].includes(key)) turn(1);
  if (['ArrowLeft', 'ArrowUp', 'PageUp'].includes(key)) turn(-1);
  if (key === 'Home') turn(-slides.length);
  if (key === 'End') turn(slides.length);
});
show();
`;

const notesCss = `
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 18px/1.5 "Inter Variable", sans-serif; }
article { break-inside: avoid; margin-bottom: 3rem; }
.marpit > svg { width: 100%; height: auto; border: 1px solid #d5d9de; }
.said p { margin: 0.6rem 0; }
.said p:first-child { font-weight: 700; }
`;

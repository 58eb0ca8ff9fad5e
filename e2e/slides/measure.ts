import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from './packages.ts';

/** At 1280 × 720: a thirtieth of the height, which is read from the back row. */
const leastFont = 22;

/** Beside and above it nothing is written, and below it the page number alone. */
const frame = { left: 40, top: 30, right: 1240, bottom: 686 };

/** Runs in the browser, whose types are not those of the program. */
const readSlides = readFileSync(join(import.meta.dir, 'read-slides.js'), 'utf8');

/** What a slide shows badly, a line each: text that is cut, leaves the slide, lies on other text, or is small. */
export async function findCuts(page: Page): Promise<readonly string[]> {
  const slides = await page.evaluate<Text[][]>(readSlides);
  return slides.flatMap((texts, i) => {
    const say = (text: Text, what: string) => `slide ${i + 1}: “${text.text.slice(0, 40)}” ${what}`;
    return texts.flatMap((text, at) => [
      ...(text.left < frame.left ||
      text.top < frame.top ||
      text.right > frame.right ||
      text.bottom > frame.bottom
        ? [say(text, 'leaves the slide, or comes too near to its edge')]
        : []),
      ...(text.isCut ? [say(text, 'is cut')] : []),
      ...(text.size < leastFont ? [say(text, `is ${text.size} px high, less than ${leastFont}`)] : []),
      ...texts
        .slice(at + 1)
        .filter((other) => overlap(text, other))
        .map((other) => say(text, `lies on “${other.text.slice(0, 40)}”`)),
    ]);
  });
}

interface Text {
  readonly text: string;
  /** In pixels of a slide that is 1280 wide. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly size: number;
  readonly isCut: boolean;
}

/** A line’s box is higher than its letters, so a little is allowed. */
function overlap(a: Text, b: Text): boolean {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 2 && height > 0.35 * Math.min(a.size, b.size);
}

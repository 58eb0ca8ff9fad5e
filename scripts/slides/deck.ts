/** How fast one speaks to people who shall follow. */
const wordsPerMinute = 130;

interface Slide {
  /** What is seen. */
  readonly text: string;
  /** What is said. */
  readonly notes: string;
  /** In seconds from the beginning, as the first line of the notes has it. */
  readonly from: number;
  readonly to: number;
}

/** What keeps a deck from being a talk of 15 to 20 minutes whose numbers are those that were measured, a line each. */
export function findDeckFaults(deck: string): readonly string[] {
  const slides = readSlides(deck);
  return [...timesAreKept(slides), ...numbersAreMeasured(slides), ...charactersAreInTheFonts(slides)];
}

function readSlides(deck: string): readonly Slide[] {
  const [, ...parts] = deck.split(/^---$/m).slice(1);
  return parts.map((part) => {
    const comments = [...part.matchAll(/<!--(.*?)-->/gs)].map(([, comment = '']) => comment.trim());
    const notes = comments.find((comment) => !comment.startsWith('_class:')) ?? '';
    const [, from = '', to = ''] = /^(\d+:\d\d)–(\d+:\d\d)$/m.exec(notes) ?? [];
    return {
      text: part.replaceAll(/<!--.*?-->/gs, ''),
      notes: notes.split('\n').slice(1).join('\n'),
      from: secondsOf(from),
      to: secondsOf(to),
    };
  });
}

function secondsOf(time: string): number {
  const [minutes = Number.NaN, seconds = Number.NaN] = time.split(':').map(Number);
  return minutes * 60 + seconds;
}

function timesAreKept(slides: readonly Slide[]): readonly string[] {
  const faults: string[] = [];
  const toSay = slides.map(({ notes }) => (notes.split(/\s+/).length / wordsPerMinute) * 60);
  slides.forEach(({ from, to }, i) => {
    const said = toSay[i] ?? 0;
    if (Number.isNaN(to - from))
      faults.push(`slide ${i + 1}: its notes do not begin with its time, such as 0:00–2:30`);
    else if (from !== (slides[i - 1]?.to ?? 0))
      faults.push(`slide ${i + 1} does not begin where the one before ends`);
    // The demo has time for what is seen; nobody speaks a quarter faster than that.
    if (said > (to - from) * 1.25)
      faults.push(`slide ${i + 1}: ${Math.round(said)} s to say in ${to - from} s`);
  });
  const minutes = toSay.reduce((sum, seconds) => sum + seconds, 0) / 60;
  if (minutes < 15 || minutes > 20)
    faults.push(`what is said takes ${minutes.toFixed(1)} min, and not 15 to 20`);
  const end = (slides.at(-1)?.to ?? 0) / 60;
  if (!(end >= 15 && end <= 20)) faults.push(`it ends after ${end} min, and not after 15 to 20`);
  return faults;
}

/** What has a unit was measured or costs money, and comes from the page that it was published on. */
function numbersAreMeasured(slides: readonly Slide[]): readonly string[] {
  return slides.flatMap(({ text, notes }, i) =>
    [...`${text}\n${notes}`.matchAll(/\$\d[\d.]*|\d[\d.,]*\s?(ms|s|×|%|MB|GB|kB)(?![\w-])/g)].map(
      ([number]) => `slide ${i + 1} has ${number} of its own: name it in scripts/slides/numbers.ts`,
    ),
  );
}

/** The latin part of the fonts; what is not in there looks different on each machine. */
function charactersAreInTheFonts(slides: readonly Slide[]): readonly string[] {
  return slides.flatMap(({ text }, i) => {
    const others = [...new Set(text.match(/[^\n\u0020-\u00FF\u2013\u2014\u2018-\u201D\u2026]/g))];
    return others.map((character) => `slide ${i + 1} has ${character}, which the fonts lack`);
  });
}

import { expect, test } from 'bun:test';
import { seededRandom } from '../../core/seeded-random.ts';
import { demultiplex } from './demultiplex.ts';

test('what is printed comes out whole, wherever the connection cuts the frames', async () => {
  const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`CAUSEWAY_SEED=${seed} replays it`);
  const random = numbersOf(seed);
  const parts = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat(random(300))}\n`);
  const bytes = Buffer.concat(parts.map((part) => frame(part, 1 + random(2))));

  const read = await readAll(demultiplex(cut(bytes, () => 1 + random(40))));

  expect(read).toBe(parts.join(''));
});

test('a frame without content, and one that is cut off, give what there is', async () => {
  const bytes = Buffer.concat([frame('', 1), frame('whole', 2), frame('half of it', 1).subarray(0, 12)]);

  expect(await readAll(demultiplex([bytes]))).toBe('wholehalf');
});

function frame(text: string, stream: number): Buffer {
  const content = Buffer.from(text);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(content.length, 4);
  return Buffer.concat([head, content]);
}

function* cut(bytes: Buffer, next: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = next();
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function readAll(parts: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const part of parts) text += Buffer.from(part).toString();
  return text;
}

/** Numbers below a bound, alike for the same seed. */
function numbersOf(seed: number): (below: number) => number {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}

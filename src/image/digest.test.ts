import { expect, test } from 'bun:test';
import { sha256, verified } from './digest.ts';
import { readAll } from './stream.ts';

const bytes = new TextEncoder().encode('content');
const expected = { digest: sha256(bytes), size: bytes.byteLength };

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test('what fits its digest comes through unchanged', async () => {
  expect(await readAll(verified(parts('con', 'tent'), expected, 'it'), 'it')).toEqual(Buffer.from(bytes));
});

test.each([
  ['another byte', ['con', 'tenT'], /^it is sha256:[0-9a-f]{64}, and should be sha256:/],
  ['a cut end', ['con'], /^it ends after 3 of the 7 bytes/],
  ['more than was said', ['content', '!'], /^it is longer than the 7 bytes/],
])('%s is refused', async (_, texts, message) => {
  await expect(readAll(verified(parts(...texts), expected, 'it'), 'it')).rejects.toThrow(message);
});

test('a stream that is not read to its end closes where it comes from', async () => {
  let isClosed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield bytes;
    } finally {
      isClosed = true;
    }
  }

  await verified(endless(), { ...expected, size: 1e9 }, 'it').cancel();
  const reader = verified(endless(), { ...expected, size: 1e9 }, 'it').getReader();
  await reader.read();
  await reader.cancel();

  expect(isClosed).toBe(true);
});

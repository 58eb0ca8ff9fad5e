import { expect, test } from 'bun:test';
import { packTar, unpackTar } from 'modern-tar';
import { packStream, type StreamedFile } from './pack-stream.ts';
import { readAll } from './stream.ts';

function file(path: string, text: string, isExecutable = false): StreamedFile {
  const bytes = new TextEncoder().encode(text);
  return { path, size: bytes.byteLength, isExecutable, open: () => [bytes] };
}

test('a streamed tar holds what was put in, without times and owners', async () => {
  const files = [
    file('usr/local/bin/bun', 'x'.repeat(1000), true),
    file('empty', ''),
    file('block', 'y'.repeat(512)),
  ];

  const tar = await readAll(packStream(files), 'it');
  const entries = await unpackTar(tar, { strict: true });

  expect(
    entries.map(({ header, data }) => [
      header.name,
      header.mode,
      header.uid,
      header.mtime?.getTime(),
      data?.length,
    ]),
  ).toEqual([
    ['usr/local/bin/bun', 0o755, 0, 0, 1000],
    ['empty', 0o644, 0, 0, 0],
    ['block', 0o644, 0, 0, 512],
  ]);
  expect(Bun.spawnSync(['tar', '-tf', '-'], { stdin: tar }).stdout.toString()).toBe(
    'usr/local/bin/bun\nempty\nblock\n',
  );
});

test('it has the layout of a layer that is packed in memory', async () => {
  const header = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '', mode: 0o644 } as const;
  const packed = await packTar([{ header: { ...header, name: 'a', size: 3, type: 'file' }, body: 'abc' }]);

  expect(await readAll(packStream([file('a', 'abc')]), 'it')).toHaveLength(packed.length);
});

test('a file that is not as long as was said breaks the stream', async () => {
  const short = { ...file('a', 'abc'), size: 4 };

  await expect(readAll(packStream([short]), 'it')).rejects.toThrow('Size mismatch for "a"');
});

test('bytes are taken as they are wanted, and a source is closed with the tar that nobody reads on', async () => {
  const chunk = new Uint8Array(1024 * 1024);
  let taken = 0;
  let isClosed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (; taken < 1000; taken += 1) yield chunk;
    } finally {
      isClosed = true;
    }
  }
  const large = { path: 'large', size: 1000 * chunk.byteLength, isExecutable: false, open: source };

  const reader = packStream([large]).getReader();
  await reader.read();
  await reader.cancel();

  expect(taken).toBeLessThan(20);
  expect(isClosed).toBe(true);
});

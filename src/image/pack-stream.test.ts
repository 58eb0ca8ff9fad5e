import { expect, test } from 'bun:test';
import { packTar, unpackTar } from 'modern-tar';
import { readAll } from './digest.ts';
import { packStream, type StreamedFile } from './pack-stream.ts';

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

  await expect(readAll(packStream([short]), 'it')).rejects.toThrow('a has 3 bytes, and was to have 4');
});

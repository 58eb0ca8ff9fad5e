import { expect, test } from 'bun:test';
import { Board } from '../terminal/board.ts';
import { makeStyle } from '../terminal/style.ts';
import { describeWritten, tellImage } from './tell-image.ts';

function makeBoard() {
  const said: string[] = [];
  const stderr = { write: (text: string) => void said.push(text), isTerminal: false, columns: 80 };
  const io = { stderr, now: () => 0, every: () => () => {}, atExit: () => () => {} };
  const style = makeStyle({ stream: stderr, env: { LANG: 'C.UTF-8' }, isPlain: true });
  return { said, board: new Board(io, style) };
}

const digest = `sha256:${'4be21c0'.padEnd(64, '0')}`;

test('a base that is looked up for the first time is told with its digest', () => {
  const { said, board } = makeBoard();

  tellImage(board, 'build').emit({ kind: 'base-resolved', name: 'example.com/base:1', digest });

  expect(said).toEqual(['base     example.com/base:1 is 4be21c0 from now on: causeway.lock.json notes it\n']);
});

test('what ails several blobs at once is told once', () => {
  const { said, board } = makeBoard();
  const { emit } = tellImage(board, 'push');

  for (const pauseMs of [200, 400]) {
    emit({ kind: 'retrying', what: `writing ${digest}`, because: 'it answered 503', pauseMs });
  }
  emit({ kind: 'retrying', what: `writing ${digest}`, because: 'the connection was cut', pauseMs: 200 });

  expect(said).toEqual([
    'retry    it answered 503, writing 4be21c0; again in 0.2 s\n',
    'retry    the connection was cut, writing 4be21c0; again in 0.2 s\n',
  ]);
});

test('what was written is counted, and what was there already', () => {
  const { emit, written } = tellImage(makeBoard().board, 'push');

  expect(describeWritten(written())).toBe('nothing to write');
  for (const how of ['written', 'written', 'present', 'mounted'] as const)
    emit({ kind: 'written', digest, size: 25_500_000, how });

  expect(describeWritten(written())).toBe('2 blobs written (51.0 MB), 1 mounted, 1 there already');
});

test('the packing of a runtime is told as it begins, and that of a service is too short to be', () => {
  const { said, board } = makeBoard();
  const { emit } = tellImage(board, 'build');

  for (const what of ['Bun 1.4.5 for linux/amd64', 'Bun 1.4.5 for linux/arm64'])
    emit({ kind: 'packing', what, role: 'runtime' });
  emit({ kind: 'packing', what: 'the service', role: 'app' });

  expect(said).toEqual([
    'build    packing Bun 1.4.5 for linux/amd64 …\n',
    'build    packing Bun 1.4.5 for linux/arm64 …\n',
  ]);
});

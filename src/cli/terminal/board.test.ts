import { expect, test } from 'bun:test';
import { Board } from './board.ts';
import { makeStyle } from './style.ts';

function boardOn({
  isTerminal,
  columns = 80,
  env = {},
}: {
  isTerminal: boolean;
  columns?: number;
  env?: Record<string, string>;
}) {
  const written: string[] = [];
  let now = 0;
  let tick = () => {};
  const stream = { write: (text: string) => void written.push(text), isTerminal, columns };
  const io = {
    stderr: stream,
    now: () => now,
    every: (_: number, callback: () => void) => {
      tick = callback;
      return () => {};
    },
    atExit: () => () => {},
  };
  const style = makeStyle({ stream, env: { LANG: 'C.UTF-8', NO_COLOR: '1', ...env }, isPlain: false });
  return {
    board: new Board(io, style),
    written,
    wait(ms: number) {
      now += ms;
      tick();
    },
  };
}

test('on a terminal a line that ended is wrapped between words', () => {
  const { board, written } = boardOn({ isTerminal: true, columns: 62 });

  board.say({
    label: 'make',
    text: 'left out the admission policy, which takes an administrator: forbidden',
  });
  board.end({ label: 'verdict', text: `failed: image, not found: ${'x'.repeat(60)}`, ms: 2_000 });

  const lines = Bun.stripANSI(written.join('')).replaceAll('\r', '').split('\n');
  expect(lines.map((line) => line.trimEnd())).toEqual([
    'make     left out the admission policy, which takes an',
    '         administrator: forbidden',
    'verdict  failed: image, not found:                     2.0 s',
    `         ${'x'.repeat(45)}`,
    `         ${'x'.repeat(15)}`,
    '',
  ]);
});

test('what stands below a line is wrapped as well, off a terminal nothing is', () => {
  const text = 'connect ECONNREFUSED 10.0.0.7:5432 while it connects to its database';
  const [terminal, pipe] = [true, false].map((isTerminal) => {
    const { board, written } = boardOn({ isTerminal, columns: 48 });
    board.below(text);
    board.say({ label: 'verdict', text });
    return Bun.stripANSI(written.join('')).replaceAll('\r', '');
  });

  expect(terminal).toBe(
    [
      '         │ connect ECONNREFUSED 10.0.0.7:5432',
      '         │   while it connects to its database',
      'verdict  connect ECONNREFUSED 10.0.0.7:5432',
      '         while it connects to its database',
      '',
    ].join('\n'),
  );
  expect(pipe).toBe(`         │ ${text}\nverdict  ${text}\n`);
});

test('a live line that says why it waits takes several lines, which the next drawing overwrites', () => {
  const { board, written, wait } = boardOn({ isTerminal: true, columns: 40 });

  board.show('start', '0 of 1: no node has room for it: 1 Insufficient cpu');
  wait(1_000);
  board.show('start', '1 of 1');
  board.end({ label: 'start', text: '1 of 1, ready' });

  expect(written.map((text) => JSON.stringify(text)).join('\n')).toMatchInlineSnapshot(`
    ""\\u001b[?25l\\rstart    0 of 1: no node has     0.00 s\\u001b[K\\n         room for it: 1\\u001b[K\\n         Insufficient cpu\\u001b[K"
    "\\u001b[?25l\\u001b[2A\\r\\u001b[Jstart    0 of 1: no node has      1.0 s\\u001b[K\\n         room for it: 1\\u001b[K\\n         Insufficient cpu\\u001b[K"
    "\\u001b[?25l\\u001b[2A\\r\\u001b[Jstart    1 of 1                   1.0 s\\u001b[K"
    "\\rstart    1 of 1, ready            1.0 s\\u001b[K\\n""
  `);
});

test('off a terminal a step is one line when it ended, a long one is announced once', () => {
  const { board, written, wait } = boardOn({ isTerminal: false });

  board.show('build', 'main.ts');
  wait(10);
  board.end({ label: 'build', text: '9f3c2a1' });
  board.show('test', 'bun test');
  wait(1_600);
  wait(1_600);
  wait(1_600);
  board.end({ label: 'test', text: '14 passed' });
  board.show('watch', '0.1 s of 2 s');
  wait(2_000);
  board.end({ label: 'watch', text: '2 s, 240 requests' });
  board.close();

  expect(written.join('')).toMatchInlineSnapshot(`
    "build    9f3c2a1                                      0.01 s
    test     bun test …
    test     14 passed                                     4.8 s
    watch    2 s, 240 requests                             2.0 s
    "
  `);
});

test('what goes on at the same time has a live line of its own, which counts on while the other is told', () => {
  const { board, written, wait } = boardOn({ isTerminal: true, columns: 40 });

  board.show('stack', 'Vpc created');
  wait(2_000);
  const beside = board.beside();
  beside.show('push', '1 of 3 blobs');
  wait(1_000);
  board.show('stack', 'Cluster begun');
  beside.show('push', '2 of 3 blobs');
  beside.end({ label: 'push', text: '3 blobs' });
  wait(1_000);
  beside.close();
  board.end({ label: 'stack', text: '3 changes' });

  expect(screenOf(written)).toEqual([
    ['stack    Vpc created             0.00 s'],
    ['stack    Vpc created              2.0 s'],
    ['stack    Vpc created              2.0 s', 'push     1 of 3 blobs            0.00 s'],
    ['stack    Vpc created              3.0 s', 'push     1 of 3 blobs             1.0 s'],
    ['stack    Cluster begun            3.0 s', 'push     1 of 3 blobs             1.0 s'],
    ['stack    Cluster begun            3.0 s', 'push     2 of 3 blobs             1.0 s'],
    ['push     3 blobs                  1.0 s', 'stack    Cluster begun            3.0 s'],
    ['push     3 blobs                  1.0 s', 'stack    Cluster begun            4.0 s'],
    ['push     3 blobs                  1.0 s', 'stack    Cluster begun            4.0 s'],
    ['push     3 blobs                  1.0 s', 'stack    3 changes                4.0 s'],
  ]);
});

test('a live line that is closed before it ended is gone, and off a terminal each that takes long is announced', () => {
  const terminal = boardOn({ isTerminal: true, columns: 40 });
  const pipe = boardOn({ isTerminal: false });
  for (const { board, wait } of [terminal, pipe]) {
    board.show('stack', 'Vpc created');
    const beside = board.beside();
    beside.show('push', '1 of 3 blobs');
    wait(3_000);
    board.end({ label: 'stack', text: 'failed' });
    beside.close();
  }

  expect(screenOf(terminal.written).at(-1)).toEqual(['stack    failed                   3.0 s']);
  expect(pipe.written.join('')).toMatchInlineSnapshot(`
    "stack    Vpc created …
    push     1 of 3 blobs …
    stack    failed                                        3.0 s
    "
  `);
});

test('in CI nothing is drawn over, though it says that it is a terminal', () => {
  const { board, written, wait } = boardOn({ isTerminal: true, env: { CI: 'true' } });

  board.show('test', 'bun test');
  wait(100);
  board.close();

  expect(written).toEqual([]);
});

test('on a terminal each drawing is one write that overwrites the line before', () => {
  const { board, written, wait } = boardOn({ isTerminal: true });

  board.show('test', 'bun test');
  wait(1_200);
  board.say({ label: 'make', text: 'the supervisor was replaced' });
  board.end({ label: 'test', text: '14 passed' });
  board.close();

  expect(written.map((text) => JSON.stringify(text)).join('\n')).toMatchInlineSnapshot(`
    ""\\u001b[?25l\\rtest     bun test                                     0.00 s\\u001b[K"
    "\\u001b[?25l\\rtest     bun test                                      1.2 s\\u001b[K"
    "\\rmake     the supervisor was replaced\\u001b[K\\n\\u001b[?25l\\rtest     bun test                                      1.2 s\\u001b[K"
    "\\rtest     14 passed                                     1.2 s\\u001b[K\\n"
    "\\r\\u001b[K\\u001b[?25h""
  `);
});

test('a live line that waited for Enter leaves nothing behind', () => {
  const { board, written } = boardOn({ isTerminal: true });

  board.show('next', 'the first release: Enter to go on');
  // The terminal's own echo.
  written.push('\n');
  board.entered();
  board.end({ label: 'first', text: 'the first release', ms: 1_000 });

  expect(screenOf(written).at(-1)).toEqual(['first    the first release                             1.0 s']);
});

test.each([10, 30, 80])('on a terminal of %d columns a live line never fills the last one', (columns) => {
  const { board, written } = boardOn({ isTerminal: true, columns });

  board.show('test', 'bun test --with --many --flags --and --more');

  const lines = Bun.stripANSI(written.join('')).replaceAll('\r', '').split('\n');
  for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThan(columns);
});

/** What stands on the screen after each write; of what a terminal understands, that which a board uses. */
function screenOf(written: readonly string[]): readonly (readonly string[])[] {
  let lines: string[] = [];
  let [row, column] = [0, 0];
  const type = (letter: string) => {
    if (letter === '\r') column = 0;
    else if (letter === '\n') [row, column] = [row + 1, 0];
    else {
      const line = lines[row] ?? '';
      lines[row] = `${line.slice(0, column)}${letter}${line.slice(column + 1)}`;
      column += 1;
    }
  };
  const obey = (code: string, count: number) => {
    const before = (lines[row] ?? '').slice(0, column);
    if (code === 'A') row -= count;
    if (code === 'K') lines[row] = before;
    if (code === 'J') lines = [...lines.slice(0, row), before];
  };
  return written.map((text) => {
    for (const [at, part] of text.split('\x1b').entries()) {
      const [command = '', count, code = ''] = (at > 0 && /^\[\??(\d*)(\w)/.exec(part)) || [];
      obey(code, Number(count));
      for (const letter of part.slice(command.length)) type(letter);
    }
    return lines.filter((line) => line !== '');
  });
}

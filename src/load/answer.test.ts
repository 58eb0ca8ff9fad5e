import { describe, expect, test } from 'bun:test';
import { AnswerParser } from './answer.ts';

describe('an answer is read to its end', () => {
  for (const { name, method = 'GET', bytes, status = 200, body = '', closes = false } of wellFormed()) {
    test(name, () => {
      const parser = parserFor(method);

      const progress = parser.push(Buffer.from(bytes, 'latin1'));

      const isEndedByClose = progress === 'more';
      if (isEndedByClose) expect(parser.close({ isClean: true })).toBe('done');
      expect(parser.fault).toBeUndefined();
      expect(parser.status).toBe(status);
      expect(parser.body().toString('latin1')).toBe(body);
      expect(parser.bodyBytes).toBe(body.length);
      expect(parser.closes).toBe(closes);
    });
  }
});

test('where the bytes are split makes no difference', () => {
  const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`CAUSEWAY_SEED=${seed} replays it`);
  const random = mulberry32(seed);
  const parser = new AnswerParser();

  for (let round = 0; round < 300; round++) {
    for (const { name, method = 'GET', bytes, status = 200, body = '', closes = false } of wellFormed()) {
      parser.reset({ method, keepsBody: true });
      const parts = split(Buffer.from(bytes, 'latin1'), random);

      const progress = parts.map((part) => parser.push(part));

      const last = progress.at(-1) === 'more' ? parser.close({ isClean: true }) : progress.at(-1);
      const seen = { last, fault: parser.fault, status: parser.status, closes: parser.closes };
      const where = `${name}, split after ${parts.map((part) => part.length)}`;
      expect(seen, where).toEqual({ last: 'done', fault: undefined, status, closes });
      expect(parser.body().toString('latin1'), where).toBe(body);
      expect(progress.slice(0, -1), where).not.toContain('done');
    }
  }
});

describe('an answer is malformed, however it is split', () => {
  for (const [name, bytes] of malformed) {
    test(name, () => {
      const whole = parserFor('GET');
      const bytewise = parserFor('GET');

      const atOnce = whole.push(Buffer.from(bytes, 'latin1'));
      const oneByOne = [...Buffer.from(bytes, 'latin1')].map((byte) => bytewise.push(Buffer.from([byte])));

      expect(atOnce).toBe('malformed');
      expect(oneByOne).toContain('malformed');
    });
  }

  test('a head without an end', () => {
    const parser = parserFor('GET');

    const progress = parser.push(Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`));

    expect(progress).toBe('malformed');
    expect(parser.fault).toContain('head larger');
  });
});

describe('a connection that is closed too early cuts the answer', () => {
  for (const [name, bytes] of [
    ['in the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['after the head', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'],
    ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab'],
    ['after a 1xx', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab'],
    ['before the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['before the end of the trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'],
  ] as const) {
    test(name, () => {
      const parser = parserFor('GET');

      const progress = parser.push(Buffer.from(bytes));

      expect(progress).toBe('more');
      expect(parser.close({ isClean: true })).toBe('cut');
    });
  }

  test('by a reset, where a clean close would have ended it', () => {
    const parser = parserFor('GET');

    parser.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nabc'));

    expect(parser.close({ isClean: false })).toBe('cut');
  });
});

test('the release that answered and the first bytes are kept', () => {
  const parser = parserFor('GET');

  parser.push(Buffer.from('HTTP/1.1 500 Oops\r\nX-RELEASE:  9f3c2a1 \r\n'));
  parser.push(Buffer.from('Content-Length: 4\r\n\r\nfour'));

  expect(parser.release).toBe('9f3c2a1');
  expect(parser.firstBytes()).toBe(
    'HTTP/1.1 500 Oops\r\nX-RELEASE:  9f3c2a1 \r\nContent-Length: 4\r\n\r\nfour',
  );
});

test('a parser forgets one answer before the next', () => {
  const parser = parserFor('GET');
  parser.push(
    Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\nX-Release: one\r\nContent-Length: 9\r\n\r\nx'),
  );

  parser.reset({ method: 'GET', keepsBody: true });

  expect(parser.hasBegun).toBe(false);
  expect(parser.push(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'))).toBe('done');
  expect(parser.closes).toBe(false);
  expect(parser.release).toBeUndefined();
});

function parserFor(method: string): AnswerParser {
  const parser = new AnswerParser();
  parser.reset({ method, keepsBody: true });
  return parser;
}

interface WellFormed {
  readonly name: string;
  readonly method?: string;
  readonly bytes: string;
  readonly status?: number;
  readonly body?: string;
  readonly closes?: boolean;
}

function wellFormed(): readonly WellFormed[] {
  const binary = Buffer.from(Uint8Array.from({ length: 600 }, (_, index) => index % 256)).toString('latin1');
  const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  return [
    { name: 'by its length', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', body: 'hello' },
    { name: 'by a length of 0', bytes: 'HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n' },
    {
      name: 'by a length that is said twice',
      bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi',
      body: 'hi',
    },
    {
      name: 'with any bytes in its body',
      bytes: `HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n${binary}`,
      body: binary,
    },
    { name: 'without a reason phrase', bytes: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n' },
    { name: 'by its chunks', bytes: `${chunks}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`, body: 'hello!' },
    {
      name: 'by chunks with extensions and large sizes',
      bytes: `${chunks}258;name="value"\r\n${binary}\r\n00A \r\n0123456789\r\n000\r\n\r\n`,
      body: `${binary}0123456789`,
    },
    {
      name: 'by chunks with a trailer',
      bytes: `${chunks}2\r\nhi\r\n0\r\nDigest: x\r\nB: y\r\n\r\n`,
      body: 'hi',
    },
    {
      name: 'by chunks whose bytes look like ends',
      bytes: `${chunks}4\r\n\r\n\r\n\r\n0\r\n\r\n`,
      body: '\r\n\r\n',
    },
    {
      name: 'by the close of its connection',
      bytes: 'HTTP/1.1 200 OK\r\n\r\nabc',
      body: 'abc',
      closes: true,
    },
    {
      name: 'that announces the close',
      bytes: 'HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 2\r\n\r\nhi',
      body: 'hi',
      closes: true,
    },
    {
      name: 'of HTTP/1.0, which closes',
      bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      body: 'hi',
      closes: true,
    },
    {
      name: 'of HTTP/1.0 that is kept',
      bytes: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi',
      body: 'hi',
    },
    { name: 'to HEAD', method: 'HEAD', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' },
    {
      name: 'to HEAD, chunked',
      method: 'HEAD',
      bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    },
    { name: '204', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204 },
    {
      name: '304 with a length',
      bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      status: 304,
    },
    {
      name: 'after answers of 1xx',
      bytes:
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      body: 'hi',
    },
  ];
}

const malformed = [
  ['not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['a bare line feed', 'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  [
    'length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['another encoding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  ['no chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n'],
  [
    'a chunk longer than its size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n',
  ],
  ['a chunk size line without CR', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n'],
  ['a trailer without a colon', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nDigest\r\n\r\n'],
  ['bytes after the end', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi there'],
] as const;

/** Mostly small parts, so that every boundary is hit, and sometimes a large one. */
function split(bytes: Buffer, random: () => number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * (random() < 0.8 ? 4 : 400));
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

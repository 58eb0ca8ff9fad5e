import { expect, test } from 'bun:test';
import { redactEvidence, redactor } from './redact.ts';

test('a secret is left out wherever it stands in a line', () => {
  const redact = redactor(['hunter2hunter2', 'postgres://u:p4ssw0rd@db/shop']);

  expect(redact('login with hunter2hunter2, again hunter2hunter2')).toBe(
    'login with [redacted], again [redacted]',
  );
  expect(redact('no answer from postgres://u:p4ssw0rd@db/shop')).toBe('no answer from [redacted]');
});

test('of two that begin alike the longer one goes whole', () => {
  expect(redactor(['abcdef', 'abcdefghi'])('abcdefghi abcdef')).toBe('[redacted] [redacted]');
});

test('a value of several lines is found line by line, as it is printed', () => {
  const redact = redactor(['-----BEGIN KEY-----\r\nMIIEvQIBADAN\nqhkiG9w0\n-----END KEY-----\n']);

  expect(['-----BEGIN KEY-----', 'MIIEvQIBADAN', 'qhkiG9w0'].map(redact)).toEqual(
    Array(3).fill('[redacted]'),
  );
});

test('a value is found as JSON, a URL and Base64 write it', () => {
  const value = 'a "quoted" pass\\word';
  const redact = redactor([value]);

  expect(redact(JSON.stringify({ value }))).toBe('{"value":"[redacted]"}');
  expect(redact(`/login?password=${encodeURIComponent(value)}`)).toBe('/login?password=[redacted]');
  expect(redact(`Basic ${btoa(value)}`)).toBe('Basic [redacted]');
});

test.each([
  ['JSON in JSON', (value: string) => JSON.stringify(JSON.stringify({ value })).slice(1, -1)],
  ['JSON in ASCII alone', (value: string) => JSON.stringify(value).replaceAll('ä', '\\u00e4')],
  ['a form', (value: string) => new URLSearchParams({ value }).toString()],
  [
    'a URL in lower case',
    (value: string) => encodeURIComponent(value).replaceAll(/%../g, (code) => code.toLowerCase()),
  ],
  ['hexadecimal digits', (value: string) => Buffer.from(value).toString('hex')],
  ['Base64 without padding', (value: string) => Buffer.from(value).toString('base64').replace(/=+$/, '')],
  ['Base64 for URLs', (value: string) => Buffer.from(value).toString('base64url')],
  ['Base64 behind one letter', (value: string) => Buffer.from(`:${value}`).toString('base64')],
  ['Base64 of a login', (value: string) => Buffer.from(`ad:${value}`).toString('base64')],
  ['Base64 among others', (value: string) => Buffer.from(`a user:${value}, and more`).toString('base64')],
])('a value is found in %s', (_, write) => {
  for (const value of ['pässword?>1', 'correct horse battery', 'k~~>>??ey9']) {
    const written = write(value);

    const told = redactor([value])(written);

    expect(told).toContain('[redacted]');
    // What is left of it are a few letters that hold bits of what stands beside it.
    const leaks = [...formsLeft(told)].filter((form) => form.includes(value));
    expect(leaks).toEqual([]);
    expect(told.replaceAll('[redacted]', '').length).toBeLessThanOrEqual(written.length - value.length);
  }
});

function* formsLeft(told: string): Generator<string> {
  yield told;
  for (const encoding of ['base64', 'hex'] as const) yield Buffer.from(told, encoding).toString();
}

test('the password of a URL is found alone, as it was written and as it is meant', () => {
  const redact = redactor(['postgres://shop:p%40ssw0rd@db:5432/shop']);

  expect(redact('login failed: shop with p@ssw0rd')).toBe('login failed: shop with [redacted]');
  expect(redact('p%40ssw0rd')).toBe('[redacted]');
  expect(redact('shop at db:5432')).toBe('shop at db:5432');
});

test('a value that is shorter than 6 characters, or empty, blots nothing out', () => {
  expect(redactor(['', ' ', 'on', '5432', '\n'])('on port 5432')).toBe('on port 5432');
});

test('a value is a text and no pattern', () => {
  expect(redactor(['.*.*.*'])('anything .*.*.* $&')).toBe('anything [redacted] $&');
});

test('evidence keeps how it ended', () => {
  const evidence = { exit: 'exit code 1', lines: ['TOKEN=s3cret-value', 'bye'] };

  expect(redactEvidence(evidence, ['s3cret-value'])).toEqual({
    exit: 'exit code 1',
    lines: ['TOKEN=[redacted]', 'bye'],
  });
});

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

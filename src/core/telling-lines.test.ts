import { expect, test } from 'bun:test';
import { tellingLines } from './telling-lines.ts';

const good = '{"path":"/","status":200}';
const failed = '{"path":"/","status":500}';

test('the lines of errors come before those of failed requests, with what is below them', () => {
  const lines = [good, 'Error: no such table', '    at query (db.ts:3)', failed, good, failed];

  expect(tellingLines(lines, 20)).toEqual(['Error: no such table', '    at query (db.ts:3)']);
});

test('where no error is told, failed requests are', () => {
  expect(tellingLines([good, failed, good, '10.0.0.1 "GET / HTTP/1.1" 503 12', good], 20)).toEqual([
    failed,
    '10.0.0.1 "GET / HTTP/1.1" 503 12',
  ]);
});

test('where nothing is wrong, the last lines are', () => {
  expect(tellingLines(['one', good, 'three'], 2)).toEqual([good, 'three']);
  expect(tellingLines([], 2)).toEqual([]);
});

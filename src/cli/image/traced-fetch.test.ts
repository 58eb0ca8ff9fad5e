import { expect, test } from 'bun:test';
import { tracedFetch } from './traced-fetch.ts';

const url = 'https://registry.example.com/v2/shop/blobs/uploads/1?_state=s3cret';

test('a request is told with its answer, and without its query', async () => {
  const told: string[] = [];
  const fetch = tracedFetch(
    (line) => told.push(line),
    async () => new Response(null, { status: 202 }),
  );

  await fetch(url, { method: 'PUT' });

  expect(told).toEqual(['PUT https://registry.example.com/v2/shop/blobs/uploads/1 202']);
});

test.each([
  [Object.assign(new TypeError('Unable to connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [new Error(`no answer from ${url}`), 'no answer from https://registry.example.com/v2/shop/blobs/uploads/1'],
])('a request that fails is told with the reason, and fails all the same', async (error, reason) => {
  const told: string[] = [];
  const fetch = tracedFetch(
    (line) => told.push(line),
    () => Promise.reject(error),
  );

  const thrown = await fetch(url, {}).catch((caught: unknown) => caught);

  expect(thrown).toBe(error);
  expect(told).toEqual([`GET https://registry.example.com/v2/shop/blobs/uploads/1 failed: ${reason}`]);
});

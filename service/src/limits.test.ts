import { expect, test } from 'bun:test';
import { BodyTooLarge, boundBody, refuseTooLarge } from './limits.ts';

const LIMITS = { maxBodyBytes: 10, maxHeaderBytes: 256 };
const URL = 'http://service.test/';

test.each([
  ['a body of the allowed length', { method: 'POST', headers: { 'content-length': '10' } }],
  ['a GET whatever length it declares, for its body is never read', { headers: { 'content-length': '11' } }],
  ['a header of the allowed length', { headers: { x: 'a'.repeat(251) } }],
])('%s is let through', (_, init) => {
  expect(refuseTooLarge(new Request(URL, init), LIMITS)).toBeUndefined();
});

test('a body declared longer than allowed is refused, and the connection is closed', async () => {
  const request = new Request(URL, { method: 'POST', headers: { 'content-length': '11' } });

  const response = refuseTooLarge(request, LIMITS);

  expect(response?.status).toBe(413);
  expect(response?.headers.get('connection')).toBe('close');
  expect(await response?.json()).toEqual({
    type: 'about:blank',
    title: 'Content Too Large',
    status: 413,
    detail: 'the body is longer than 10 bytes',
  });
});

test('a header longer than allowed is refused, and the connection is closed', async () => {
  const response = refuseTooLarge(new Request(URL, { headers: { x: 'a'.repeat(252) } }), LIMITS);

  expect(response?.status).toBe(431);
  expect(response?.headers.get('connection')).toBe('close');
  expect(await response?.json()).toMatchObject({ detail: 'the header fields are longer than 256 bytes' });
});

test('without a limit of its own the service leaves the header to the runtime', () => {
  const request = new Request(URL, { headers: { x: 'a'.repeat(10_000) } });

  expect(refuseTooLarge(request, { ...LIMITS, maxHeaderBytes: undefined })).toBeUndefined();
});

function upload(body: string): Request {
  return new Request(URL, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body });
}

test('a body of undeclared length is read up to the limit', async () => {
  expect(await boundBody(upload('0123456789'), LIMITS).text()).toBe('0123456789');
});

test('a body of undeclared length ends when it grows over the limit', async () => {
  const reading = boundBody(upload('0123456789a'), LIMITS).text();

  expect(reading).rejects.toBeInstanceOf(BodyTooLarge);
});

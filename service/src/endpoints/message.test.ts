import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';
import { createMessage } from './message.ts';

test('the message carries the second of the request and nothing else', async () => {
  const { ask } = createTestService();

  const response = await ask('/');

  expect(response.status).toBe(200);
  expect(await response.text()).toBe('{"message":"Automate all the things!","timestamp":1529729125}');
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
});

test('an answer that is changed on its way leaves the next one as it was', async () => {
  const { service } = createTestService();
  const ask = () => service.routes['/']?.(new Request('http://service.test/')) as Response;

  const first = ask();
  first.headers.set('connection', 'close');
  await first.text();
  const second = ask();

  expect(second.headers.get('connection')).toBeNull();
  expect(await second.text()).toBe('{"message":"Automate all the things!","timestamp":1529729125}');
});

test('the next second is another answer', async () => {
  let now = 1_529_729_125_999;
  const { handle } = createMessage({ clock: { now: () => now, monotonic: () => 0 } });
  const ask = () => (handle(new Request('http://service.test/')) as Response).json();

  const before = await ask();
  now += 1;

  expect([before, await ask()]).toMatchObject([{ timestamp: 1_529_729_125 }, { timestamp: 1_529_729_126 }]);
});

import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';

test('a started service is ready', async () => {
  const { ask, lifecycle } = createTestService();

  lifecycle.becomeReady();
  const response = await ask('/readyz');

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ready' });
});

test('a starting service is not ready', async () => {
  const { ask } = createTestService();

  const response = await ask('/readyz');

  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ detail: 'the service is starting' });
});

test('a draining service is not ready', async () => {
  const { ask, lifecycle } = createTestService();

  lifecycle.becomeReady();
  lifecycle.drain();
  const response = await ask('/readyz');

  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ detail: 'the service is draining' });
});

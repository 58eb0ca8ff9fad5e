import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';

test('the service is live in every state', async () => {
  const { ask, lifecycle } = createTestService();

  const statuses = [(await ask('/livez')).status];
  lifecycle.becomeReady();
  statuses.push((await ask('/livez')).status);
  lifecycle.drain();
  statuses.push((await ask('/livez')).status);

  expect(statuses).toEqual([200, 200, 200]);
});

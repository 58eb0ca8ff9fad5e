import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';

test('the message carries the second of the request and nothing else', async () => {
  const { ask } = createTestService();

  const response = await ask('/');

  expect(response.status).toBe(200);
  expect(await response.text()).toBe('{"message":"Automate all the things!","timestamp":1529729125}');
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
});

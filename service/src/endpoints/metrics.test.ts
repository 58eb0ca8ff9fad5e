import { expect, test } from 'bun:test';
import { createTestService } from '../../fixtures/test-service.ts';

test('answers are counted by method, route and status, whatever the path was', async () => {
  const { ask } = createTestService();
  await ask('/');
  await ask('/?query');
  await ask('/', { method: 'HEAD' });
  await ask('/', { method: 'POST' });
  await ask('/nothing/1');
  await ask('/nothing/2');

  const response = await ask('/metrics');
  const text = await response.text();

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text.match(/^http_requests_total\{.*$/gm)).toEqual([
    'http_requests_total{method="GET",route="/",status="200"} 2',
    'http_requests_total{method="HEAD",route="/",status="200"} 1',
    'http_requests_total{method="POST",route="/",status="405"} 1',
    'http_requests_total{method="GET",route="unmatched",status="404"} 2',
  ]);
  expect(text).toContain('http_request_duration_seconds_count{route="/",status_class="2xx"} 3\n');
  expect(text).toContain('\nhttp_requests_in_flight 1\n');
});

import { afterEach, describe, expect, test } from 'bun:test';
import { FakeApi } from '../api/fake-api.ts';
import { until } from '../until.ts';
import { type Metered, type Metrics, openMetrics } from './open-metrics.ts';

const opened: Metrics[] = [];

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

describe('metrics', () => {
  test('of each replica are read by way of the API, and grow from the first reading on', async () => {
    const api = new FakeApi();
    const asked: string[] = [];
    let count = 100;
    api.answerProxy = (pod, port, path) => {
      asked.push(`${pod}:${port}${path}`);
      count += 10;
      return new Response(`http_requests_total{status="200"} ${count}\n`);
    };

    const metrics = open(api, [metered('shop-1')]);
    await until('it grew', () => (metrics.counts()[0]?.ok ?? 0) >= 30);

    expect(asked[0]).toBe('shop-1:8080/metrics');
    expect(metrics.counts()[0]).toMatchObject({ replica: 'shop-1', key: 'key', errors: 0 });
  });

  for (const [name, answer] of [
    ['answers 503', () => new Response('starting', { status: 503 })],
    ['answers what is no metrics', () => new Response('http_requests_total{status="fine"} 1')],
    ['answers too much', () => new Response('x'.repeat(3 * 1024 * 1024))],
    [
      'does not answer',
      () => {
        throw new Error('timed out');
      },
    ],
  ] as readonly (readonly [string, () => Response])[]) {
    test(`of a pod that ${name} are no data, and said once; the others are read`, async () => {
      const api = new FakeApi();
      api.answerProxy = (pod) =>
        pod === 'bad' ? answer() : new Response('http_requests_total{status="200"} 1');
      const lines: string[] = [];

      const metrics = open(api, [metered('bad'), metered('good')], lines);
      await until(
        'both were asked a few times',
        () => api.calls.filter((call) => call.name === 'bad').length > 3,
      );

      expect(metrics.counts().map(({ replica }) => replica)).toEqual(['good']);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toStartWith('metrics of bad: ');
    });
  }

  test('of a pod that is gone stay in the totals', async () => {
    const api = new FakeApi();
    let count = 0;
    api.answerProxy = () => {
      count += 1;
      return new Response(`http_requests_total{status="200"} ${count}`);
    };
    const pods = [metered('shop-2'), metered('shop-1')];
    const metrics = open(api, pods);
    const first = () => metrics.counts().find(({ replica }) => replica === 'shop-1');
    await until('it grew', () => (first()?.ok ?? 0) > 2);

    pods.pop();
    const before = api.calls.length;
    await until('the other one was asked again', () => api.calls.length > before + 3);

    expect(first()?.ok).toBeGreaterThan(2);
  });
});

function open(api: FakeApi, pods: readonly Metered[], lines: string[] = []): Metrics {
  const metrics = openMetrics({ api, metered: () => pods, trace: (line) => lines.push(line), everyMs: 5 });
  opened.push(metrics);
  return metrics;
}

function metered(pod: string): Metered {
  return { pod, key: 'key', port: 8080, path: '/metrics' };
}

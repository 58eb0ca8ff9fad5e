import type { Endpoint } from '../endpoint.ts';
import type { Metrics, ProcessFacts } from '../metrics.ts';

export interface MetricsOptions {
  readonly metrics: Metrics;
  readonly facts: ProcessFacts;
}

export function createMetrics({ metrics, facts }: MetricsOptions): Endpoint {
  return {
    path: '/metrics',
    summary: 'Counts and durations for Prometheus',
    responses: {
      200: {
        description: 'The Prometheus text format',
        content: { [TEXT_FORMAT]: { schema: { type: 'string' } } },
      },
    },
    handle: () => new Response(metrics.render(facts), ANSWER),
  };
}

const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';
const ANSWER: ResponseInit = { headers: { 'content-type': TEXT_FORMAT, 'cache-control': 'no-store' } };

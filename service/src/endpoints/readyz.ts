import { type Endpoint, JSON_ANSWER, PROBLEM } from '../endpoint.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { problem } from '../problem.ts';

/** Whether new requests may be sent here: not while starting, and not after the signal to leave. */
export function createReadyz({ lifecycle }: { readonly lifecycle: Lifecycle }): Endpoint {
  return {
    path: '/readyz',
    summary: 'Whether the process may receive traffic',
    responses: {
      200: {
        description: 'Ready',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { status: { const: 'ready' } },
              required: ['status'],
              additionalProperties: false,
            },
          },
        },
      },
      503: { ...PROBLEM, description: 'Starting or draining' },
    },
    handle: () =>
      lifecycle.state === 'ready'
        ? new Response('{"status":"ready"}', JSON_ANSWER)
        : problem({ status: 503, detail: `the service is ${lifecycle.state}` }),
  };
}

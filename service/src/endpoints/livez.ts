import { type Endpoint, JSON_ANSWER } from '../endpoint.ts';

/** Whether the process still turns; draining is no reason to restart it. */
export function createLivez(): Endpoint {
  return {
    path: '/livez',
    summary: 'Whether the process must not be restarted',
    responses: {
      200: {
        description: 'Live',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { status: { const: 'live' } },
              required: ['status'],
              additionalProperties: false,
            },
          },
        },
      },
    },
    handle: () => new Response('{"status":"live"}', JSON_ANSWER),
  };
}

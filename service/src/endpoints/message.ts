import type { Clock } from '../clock.ts';
import { type Endpoint, JSON_ANSWER } from '../endpoint.ts';

/** The service's one purpose: the message, and the second of the request. */
export function createMessage({ clock }: { readonly clock: Clock }): Endpoint {
  return {
    path: '/',
    summary: 'The message, and the Unix time of the request',
    responses: {
      200: {
        description: 'The message',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                message: { const: 'Automate all the things!' },
                timestamp: { type: 'integer', minimum: 0 },
              },
              required: ['message', 'timestamp'],
              additionalProperties: false,
            },
          },
        },
      },
    },
    handle: () => {
      const timestamp = Math.floor(clock.now() / 1000);
      return new Response(`{"message":"Automate all the things!","timestamp":${timestamp}}`, JSON_ANSWER);
    },
  };
}

import type { Clock } from '../clock.ts';
import { type Endpoint, JSON_ANSWER } from '../endpoint.ts';

/** The service's one purpose: the message, and the second of the request. */
export function createMessage({ clock }: { readonly clock: Clock }): Endpoint {
  let second = Number.NaN;
  let answer = new Response();

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
      // A copy costs a quarter less than an answer made anew, which is most of what the service does.
      if (timestamp !== second) {
        second = timestamp;
        answer = new Response(`{"message":"Automate all the things!","timestamp":${timestamp}}`, JSON_ANSWER);
      }
      return answer.clone() as Response;
    },
  };
}

import { type Endpoint, JSON_ANSWER } from '../endpoint.ts';

export interface VersionOptions {
  readonly release: string | undefined;
  readonly revision: string | undefined;
  readonly runtime: string;
}

/** What the environment says is running here; what it does not say is left out. */
export function createVersion({ release, revision, runtime }: VersionOptions): Endpoint {
  const body = JSON.stringify({ release, revision, runtime });
  return {
    path: '/version',
    summary: 'What is running',
    responses: {
      200: {
        description: 'Release and revision as configured, and the runtime',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                release: { type: 'string' },
                revision: { type: 'string' },
                runtime: { type: 'string' },
              },
              required: ['runtime'],
              additionalProperties: false,
            },
          },
        },
      },
    },
    handle: () => new Response(body, JSON_ANSWER),
  };
}

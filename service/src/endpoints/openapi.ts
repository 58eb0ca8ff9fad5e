import { type Endpoint, JSON_ANSWER, PROBLEM } from '../endpoint.ts';

export interface OpenApiOptions {
  /** Asked for at the first request, since this endpoint is one of them. */
  readonly endpoints: () => readonly Endpoint[];
}

/** The OpenAPI document, made from what the endpoints say of themselves. */
export function createOpenApi({ endpoints }: OpenApiOptions): Endpoint {
  let body: string | undefined;
  return {
    path: '/openapi.json',
    summary: 'This document',
    responses: {
      200: {
        description: 'An OpenAPI 3.1 document',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                openapi: { const: '3.1.1' },
                info: { type: 'object' },
                paths: { type: 'object' },
                components: { type: 'object' },
              },
              required: ['openapi', 'info', 'paths', 'components'],
              additionalProperties: false,
            },
          },
        },
      },
    },
    handle: () => {
      body ??= JSON.stringify(describe(endpoints()));
      return new Response(body, JSON_ANSWER);
    },
  };
}

function describe(endpoints: readonly Endpoint[]) {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Automate all the things!',
      version: '1.0.0',
      description:
        'HEAD is answered as GET, without the body. Other methods are answered 405, other paths 404.',
    },
    paths: Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, describePath(endpoint)])),
    components: {
      schemas: {
        Problem: {
          type: 'object',
          properties: {
            type: { const: 'about:blank' },
            title: { type: 'string' },
            status: { type: 'integer', minimum: 400, maximum: 599 },
            detail: { type: 'string' },
          },
          required: ['type', 'title', 'status', 'detail'],
          additionalProperties: false,
        },
      },
    },
  };
}

/** HEAD is described with its statuses alone: it has no content. */
function describePath({ summary, methods = ['GET', 'HEAD'], responses }: Endpoint) {
  const all = { ...responses, default: PROBLEM };
  const withoutContent = Object.fromEntries(
    Object.entries(all).map(([status, { description }]) => [status, { description }]),
  );
  return Object.fromEntries(
    methods.map((method) => [
      method.toLowerCase(),
      { summary, responses: method === 'HEAD' ? withoutContent : all },
    ]),
  );
}

import { expect, test } from 'bun:test';
import { mismatches } from '../../fixtures/schema.ts';
import { createTestService } from '../../fixtures/test-service.ts';
import type { ResponseDescription } from '../endpoint.ts';

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Record<string, ResponseDescription> }>>>
  >;
}

type Ask = ReturnType<typeof createTestService>['ask'];

/** How what is served departs from the document; empty when it does not. */
async function departures(ask: Ask, document: OpenApi): Promise<string[]> {
  const found: string[] = [];
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      const response = await ask(path, { method: method.toUpperCase() });
      const described = responses[response.status];
      const type = response.headers.get('content-type') ?? '';
      const name = `${method} ${path} ${response.status}`;

      if (described === undefined) found.push(`${name} is not described`);
      if (described === undefined || method === 'head') continue;
      const content = described.content[type];
      if (content === undefined) found.push(`${name} is of type ${type}`);
      else {
        const text = await response.text();
        const body = type.includes('json') ? JSON.parse(text) : text;
        found.push(...mismatches(content.schema, body, document, name));
      }
    }
  }
  return found;
}

async function readDocument(ask: Ask): Promise<OpenApi> {
  return (await ask('/openapi.json')).json() as Promise<OpenApi>;
}

test('the document names every path and method that is served', async () => {
  const { ask, service } = createTestService();

  const document = await readDocument(ask);

  expect(document.openapi).toBe('3.1.1');
  expect(Object.keys(document.paths)).toEqual(Object.keys(service.routes));
  for (const path of Object.values(document.paths)) expect(Object.keys(path)).toEqual(['get', 'head']);
});

test('each path answers as the document says, starting, ready and draining', async () => {
  const { ask, lifecycle } = createTestService({ env: { RELEASE: '9f3c2a1' } });
  const document = await readDocument(ask);

  const starting = await departures(ask, document);
  lifecycle.becomeReady();
  const ready = await departures(ask, document);
  lifecycle.drain();
  const draining = await departures(ask, document);

  expect({ starting, ready, draining }).toEqual({ starting: [], ready: [], draining: [] });
});

test('problems are as the document says', async () => {
  const { ask } = createTestService();
  const document = await readDocument(ask);

  const problems = [await ask('/nothing'), await ask('/', { method: 'POST' })];

  for (const response of problems) {
    const schema = { $ref: '#/components/schemas/Problem' };
    expect(mismatches(schema, await response.json(), document)).toEqual([]);
  }
});

test('a service that departs from the document is found out', async () => {
  const { ask } = createTestService({
    extraEndpoints: [
      {
        path: '/wrong',
        summary: 'Not what it says',
        methods: ['GET'],
        responses: {
          200: {
            description: 'A number',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: { number: { type: 'integer', minimum: 0 } },
                  required: ['number', 'unit'],
                  additionalProperties: false,
                },
              },
            },
          },
        },
        handle: () =>
          new Response('{"number":-0.5,"more":true}', { headers: { 'content-type': 'application/json' } }),
      },
    ],
  });

  const found = await departures(ask, await readDocument(ask));

  expect(found.filter((line) => line.includes('/wrong'))).toEqual([
    'get /wrong 200.number is not of type integer',
    'get /wrong 200.number is under 0',
    'get /wrong 200.unit is missing',
    'get /wrong 200.more is not described',
  ]);
});

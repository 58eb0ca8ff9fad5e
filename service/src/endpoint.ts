/** A path of the service: what it answers, and how that is documented. */
export interface Endpoint {
  readonly path: string;
  readonly summary: string;
  /** GET and HEAD when nothing is said; HEAD is answered as GET, and the runtime leaves the body out. */
  readonly methods?: readonly string[];
  /** By status, as OpenAPI has it. */
  readonly responses: Readonly<Record<string, ResponseDescription>>;
  handle(request: Request): Response | Promise<Response>;
}

export interface ResponseDescription {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** JSON Schema 2020-12, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** What every JSON answer shares: made once and copied, since building headers is what an answer costs most. */
export const JSON_ANSWER: Readonly<ResponseInit> = {
  headers: new Headers({ 'content-type': 'application/json', 'cache-control': 'no-store' }),
};

export const PROBLEM: ResponseDescription = {
  description: 'An RFC 9457 problem',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

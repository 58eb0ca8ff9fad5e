import type { ClusterAccess } from '../../../src/kubernetes/api/access.ts';

export interface ApiServer {
  /** Undefined where there is no such thing. */
  readonly get: <Found>(path: string) => Promise<Found | undefined>;
  readonly post: (path: string, object: object) => Promise<void>;
  /** What is gone already is left alone. */
  readonly merge: (path: string, patch: object) => Promise<void>;
}

/** The API server, as its administrator. */
export function openApiServer({ server, tls }: ClusterAccess): ApiServer {
  async function call(method: string, path: string, type?: string, body?: object): Promise<Response> {
    const answer = await fetch(`${server}${path}`, {
      method,
      ...(body
        ? { body: JSON.stringify(body), headers: { 'content-type': type ?? 'application/json' } }
        : {}),
      tls,
      signal: AbortSignal.timeout(10_000),
    });
    if (answer.ok || answer.status === 404) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  return {
    async get<Found>(path: string) {
      const answer = await call('GET', path);
      return answer.ok ? ((await answer.json()) as Found) : void (await answer.text());
    },
    async post(path, object) {
      await (await call('POST', path, 'application/json', object)).text();
    },
    async merge(path, patch) {
      // Lists of conditions are merged by their type.
      const type = path.includes(`/apis/`)
        ? 'application/merge-patch+json'
        : 'application/strategic-merge-patch+json';
      await (await call('PATCH', path, type, patch)).text();
    },
  };
}

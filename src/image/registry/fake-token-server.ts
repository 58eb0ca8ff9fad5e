import type { Reply, SeenRequest } from './fake-registry.ts';

export interface FakeTokenServerOptions {
  readonly user?: { readonly username: string; readonly password: string };
  readonly identityToken?: string;
  /** Whether anyone may read. */
  readonly isPublic?: boolean;
  /** How long it says that a token lasts. */
  readonly tokenSeconds?: number;
}

/** Gives tokens to those who may have them, as the distribution's token specification says. */
export class FakeTokenServer {
  readonly #options: FakeTokenServerOptions;
  readonly #tokens = new Map<string, readonly string[]>();

  constructor(options: FakeTokenServerOptions) {
    this.#options = options;
  }

  give({ method, path, headers, body }: SeenRequest): Reply {
    const { user, identityToken, isPublic = false, tokenSeconds } = this.#options;
    const form = new URLSearchParams(body.toString());
    const query = new URL(path, 'http://fake').searchParams;
    const scopes = method === 'POST' ? (form.get('scope') ?? '').split(' ') : query.getAll('scope');
    const isKnown =
      method === 'POST'
        ? identityToken !== undefined && form.get('refresh_token') === identityToken
        : user !== undefined && headers.authorization === basicHeader(user);
    const isAnyone = isPublic && method === 'GET' && headers.authorization === undefined;
    if (!isKnown && !isAnyone) return { status: 401, json: { details: 'incorrect username or password' } };
    const token = crypto.randomUUID();
    const readable = scopes.map((scope) => scope.replace(/:[\w,]+$/, ':pull'));
    this.#tokens.set(token, isKnown ? scopes : readable);
    return { status: 200, json: { token, ...(tokenSeconds ? { expires_in: tokenSeconds } : {}) } };
  }

  allows(header: string | undefined, repository: string, action: 'pull' | 'push'): boolean {
    const scopes = this.#tokens.get(header?.replace(/^Bearer /, '') ?? '') ?? [];
    return scopes.some((scope) => {
      const [, of, actions = ''] = /^repository:(.*):([\w,]+)$/.exec(scope) ?? [];
      return of === repository && actions.split(',').includes(action);
    });
  }

  /** No token that was given until now counts any more. */
  forget(): void {
    this.#tokens.clear();
  }
}

export function basicHeader({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

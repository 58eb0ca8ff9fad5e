import { UserError } from '../../core/errors.ts';

/** Names an image in a registry. Neither tag nor digest: the repository alone. */
export interface Reference {
  /** With its port, if it has one: `gcr.io`, `docker.io`, `127.0.0.1:5000`. */
  readonly host: string;
  /** Docker's own images are in `library/`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…`. */
  readonly digest?: string;
}

// The grammar of https://pkg.go.dev/github.com/distribution/reference
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);
const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${part}(?:/${part})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const mostCharacters = 255;

/** Reads `[host/]repository[:tag][@digest]`, as docker does: without a host it is Docker Hub's. */
export function parseReference(text: string): Reference {
  if (/^[a-z]+:\/\//i.test(text))
    throw wrong(text, 'begins with a scheme', text.replace(/^[a-z]+:\/\//i, ''));
  const [named = '', digest, ...rest] = text.split('@');
  const { name, tag } = splitTag(named);
  const { host, repository } = splitHost(name);

  if (digest !== undefined && (rest.length > 0 || !digestPattern.test(digest)))
    throw wrong(text, 'has no digest behind the @');
  if (tag !== undefined && !tagPattern.test(tag)) throw wrong(text, `has the tag '${tag}', which is none`);
  if (!hostPattern.test(host) || !isPort(host)) throw wrong(text, `has the host '${host}', which is none`);
  if (!repositoryPattern.test(repository)) {
    const lower = text.toLowerCase();
    throw /[A-Z]/.test(repository)
      ? wrong(text, 'has upper-case letters in its repository', lower)
      : wrong(text, `has the repository '${repository}', which is none`);
  }
  if (repository.length > mostCharacters) throw wrong(text, `is longer than ${mostCharacters} characters`);
  return {
    host,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The whole name, host included: `docker.io/library/debian:12@sha256:…`. */
export function showReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** A colon before the last slash belongs to the host. */
function splitTag(named: string): { readonly name: string; readonly tag?: string } {
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  if (colon === -1) return { name: named };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1) };
}

const dockerHub = 'docker.io';

/** What stands before the first slash is a host if it cannot be a part of a repository of Docker Hub's. */
function splitHost(name: string): { readonly host: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  const isHost = slash !== -1 && (/[.:A-Z[]/.test(first) || first === 'localhost');
  const host = isHost ? first : dockerHub;
  const repository = isHost ? name.slice(slash + 1) : name;
  if (host !== dockerHub && host !== 'index.docker.io') return { host, repository };
  return { host: dockerHub, repository: repository.includes('/') ? repository : `library/${repository}` };
}

function isPort(host: string): boolean {
  const port = /:([0-9]+)$/.exec(host)?.[1];
  return port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
}

function wrong(text: string, trouble: string, meant?: string): UserError {
  return new UserError({
    code: 'reference_wrong',
    message: `'${text}' is not the name of an image: it ${trouble}`,
    hint:
      meant === undefined
        ? 'write host/repository, with :tag or @sha256:… behind it: registry.example.com/team/shop:main'
        : `write ${meant}`,
  });
}

import type { Config } from '../../core/config.ts';
import { UserError } from '../../core/errors.ts';
import type { Credentials } from '../../image/registry/credentials.ts';
import { parseReference, type Reference, showReference } from '../../image/registry/reference.ts';

export interface NamedDestination {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
}

export interface Destination {
  readonly reference: Pick<Reference, 'host' | 'repository'>;
  /** Without a tag: `registry.example.com/team/shop`. */
  readonly name: string;
  readonly tag: string | undefined;
  /** What it is entered with. Default: what docker would use. */
  readonly credentials?: Credentials;
}

/** Where `image push` writes to: what the user names, or `image.repository`; the tag stands behind it, or apart. */
export function destinationOf(
  { repository, tag }: NamedDestination,
  { image, project }: Pick<Config, 'image' | 'project'>,
): Destination {
  const text = repository ?? image.repository;
  if (text === undefined) {
    throw new UserError({
      code: 'usage_wrong',
      message: 'causeway image push has no repository to push to',
      hint: 'causeway image push registry.example.com/team/shop, or write image.repository in the config',
    });
  }
  if (isHost(text)) throw hostAlone(text, project);
  const named = parseReference(text);
  const reference = { host: named.host, repository: named.repository };
  const name = showReference(reference);
  if (named.digest !== undefined) {
    throw new UserError({
      code: 'reference_wrong',
      message: `${text} names an image by its digest, and what is pushed has its own`,
      hint: `causeway image push ${name}`,
    });
  }
  if (tag === undefined) return { reference, name, tag: named.tag };
  if (named.tag !== undefined && named.tag !== tag) {
    throw new UserError({
      code: 'usage_wrong',
      message: `--tag ${tag} and ${text} name two tags`,
      hint: `causeway image push ${name} --tag ${tag}`,
    });
  }
  // The grammar of tags is that of references.
  return { reference, name, tag: parseReference(`${name}:${tag}`).tag };
}

/** Docker would take it for one of its own images, with the port as a tag. */
function isHost(text: string): boolean {
  return /^([^/@:]+\.[^/@:]+|localhost|\[[^/@]+\])(:\d+)?\/?$/.test(text);
}

function hostAlone(text: string, project: string): UserError {
  return new UserError({
    code: 'reference_wrong',
    message: `${text} names a registry, and no repository in it`,
    hint: `causeway image push ${text.replace(/\/$/, '')}/${project}`,
  });
}

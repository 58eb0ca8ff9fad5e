import { UserError } from '../../core/errors.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { Place } from '../manifests/names.ts';
import { findMissingRights, missingRightFinding } from './find-missing-rights.ts';
import { type ClusterCommand, rightsFor } from './rights.ts';

export interface CheckRightsOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly command: ClusterCommand;
  readonly signal: AbortSignal;
}

/** What the user may not do of what the command needs in the namespace, one finding for each resource. */
export async function checkRights({
  api,
  place: { namespace },
  config,
  command,
  signal,
}: CheckRightsOptions): Promise<readonly Finding[]> {
  const missing = await findMissingRights({ api, namespace, rights: rightsFor(command, config), signal });
  return missing.map((right) => missingRightFinding(right, namespace));
}

/** Throws `rights_missing`, before anything changes. */
export async function refuseMissingRights(options: CheckRightsOptions): Promise<void> {
  const findings = await checkRights(options);
  const [first, ...others] = findings;
  if (!first) return;
  const { command, place } = options;
  throw new UserError({
    code: 'rights_missing',
    message:
      others.length === 0
        ? first.message
        : `${findings.length} rights that ${command} needs in namespace ${place.namespace} are missing`,
    hint:
      others.length === 0
        ? first.hint
        : 'docs/kubernetes-rights.md has the whole Role, for an administrator to apply',
    ...(others.length === 0 ? {} : { details: findings.map(({ message }) => message).join('\n') }),
  });
}

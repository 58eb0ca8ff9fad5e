import { UserError } from './errors.ts';

/** Whether an error says that the cluster cannot be asked, whatever it holds: it is gone, away, or does not let us in. */
export function isOutOfReach(error: unknown): error is UserError {
  return error instanceof UserError && codes.has(error.code);
}

const codes: ReadonlySet<string> = new Set([
  'cloud_failed',
  'environment_missing',
  'environment_unreachable',
  'cluster_refused',
  'cluster_untrusted',
  'rights_missing',
]);

import { findPrograms, type Programs } from './programs.ts';
import { mustRun } from './run-program.ts';

export function findSkopeo(): Promise<Programs> {
  return findPrograms(['skopeo'], ['skopeo']);
}

/** Runs skopeo, which must end well; what it printed. Registries on loopback speak plain HTTP. */
export function skopeo({ path, env }: Programs, verb: string, ...args: readonly string[]): Promise<string> {
  const plain =
    verb === 'copy' ? ['--src-tls-verify=false', '--dest-tls-verify=false'] : ['--tls-verify=false'];
  return mustRun([path('skopeo'), '--insecure-policy', verb, ...plain, ...args], { env });
}

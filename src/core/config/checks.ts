import type { z } from 'zod';
import { isObject } from '../is-object.ts';
import { showKib } from '../variable-size.ts';
import { defaultPort } from './local.ts';

/** A signature counts by a trusted key alone. */
export function checkSigned(
  { image, environments }: { readonly image?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  const trusts = isObject(image) && Array.isArray(image.trust) && image.trust.length > 0;
  if (trusts || !isObject(environments)) return;
  for (const [name, environment] of Object.entries(environments)) {
    if (!isObject(environment) || environment.signed !== true) continue;
    const message = 'needs a key in image.trust; causeway keys init makes one';
    context.addIssue({ code: 'custom', path: ['environments', name, 'signed'], message });
  }
}

/** Two releases, with all their variables, are kept in one object of a cluster, which holds 1 MiB. */
const mostVariablesBytes = 384 * 1024;

export function checkSizes(
  { service, environments }: { readonly service?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (!isObject(environments)) return;
  const shared = isObject(service) && isObject(service.env) ? service.env : {};
  for (const [name, environment] of Object.entries(environments)) {
    const own = isObject(environment) && isObject(environment.env) ? environment.env : {};
    // What is no text is told apart, and JSON has no word for some of it.
    const texts = Object.entries({ ...shared, ...own }).filter(([, value]) => typeof value === 'string');
    const bytes = Buffer.byteLength(JSON.stringify(Object.fromEntries(texts)));
    if (bytes <= mostVariablesBytes) continue;
    context.addIssue({
      code: 'custom',
      path: ['environments', name, 'env'],
      message: `has ${showKib(bytes)} with service.env; ${showKib(mostVariablesBytes)} at most, so put what is large into files of the service`,
    });
  }
}

/** What a namespace is called may be 63 letters long; by default it is project and environment together. */
const longestNamespace = 63;

export function checkNamespaces(
  { project, environments }: { readonly project?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (typeof project !== 'string' || !isObject(environments)) return;
  for (const [name, environment] of Object.entries(environments)) {
    if (!isObject(environment) || environment.target === 'local' || environment.namespace !== undefined)
      continue;
    const namespace = `${project}-${name}`;
    if (namespace.length <= longestNamespace) continue;
    const mend = environment.target === 'kubernetes' ? 'write namespace here' : 'give it a shorter name';
    context.addIssue({
      code: 'custom',
      path: ['environments', name],
      message: `makes the namespace ${namespace} of ${namespace.length} letters; ${longestNamespace} at most, so ${mend}`,
    });
  }
}

export function checkEnvironments(
  environments: Readonly<Record<string, unknown>>,
  context: z.core.$RefinementCtx,
): void {
  const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (Object.keys(environments).length === 0 && context.issues.length === 0)
    wrong([], "is empty; write local: { target: 'local' }");
  const holders = new Map<string, string>();
  for (const [name, environment] of Object.entries(environments)) {
    if (isObject(environment) && environment.surge === 'none' && fewestOf(environment) === 1)
      wrong(
        [name, 'surge'],
        `takes two replicas: with one that makes room for the candidate, nothing serves; write 'one', or ${isObject(environment.autoscale) ? 'autoscale.min' : 'replicas'}: 2`,
      );
    if (!isObject(environment) || environment.target !== 'local' || !Number.isInteger(environment.port))
      continue;
    const { port, runner } = environment;
    // The same service as processes and as containers: one of the two is up at a time.
    const place = `${port} ${String(runner)}`;
    const holder = holders.get(place);
    if (holder === undefined) holders.set(place, name);
    else
      wrong(
        [name, 'port'],
        `is the port of ${holder} too; ${name} needs another (the default is ${defaultPort})`,
      );
  }
}

/** Of replicas, at any time. */
function fewestOf({ replicas, autoscale }: Readonly<Record<string, unknown>>): unknown {
  return isObject(autoscale) ? autoscale.min : replicas;
}

import type { Forwarding } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { forwardPort } from './api/port-forward.ts';
import { type Place, selectorOf } from './manifests/names.ts';
import { isReadyPod } from './target/pod-status.ts';

export interface ForwardServiceOptions {
  readonly api: Api;
  readonly place: Place;
  readonly running: Running;
  readonly trace: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Opens an address of this machine that leads to ready replicas, one after the other as its Service would, by way of the
 * API server; goes on across rollouts. Throws where none is ready.
 */
export async function forwardService({
  api,
  place,
  running,
  trace,
  signal,
}: ForwardServiceOptions): Promise<Forwarding> {
  let turn = 0;
  const pod = async () => {
    const { items } = await api.list(kinds.pod, { labels: selectorOf(place) }, signal);
    const names = items.filter(isReadyPod).map(({ metadata }) => metadata?.name ?? '');
    turn += 1;
    const name = names[turn % names.length];
    if (name !== undefined) return name;
    throw new UserError({
      code: 'environment_stopped',
      message: `no replica of ${place.environment} is ready`,
      hint: `causeway status ${place.environment}`,
    });
  };
  await pod();
  const { namespace } = place;
  const { port } = running.release.settings;
  const forwarded = forwardPort({ access: api.access, namespace, pod, port, trace, signal });
  return { url: `http://127.0.0.1:${forwarded.port}`, ended: forwarded.ended };
}

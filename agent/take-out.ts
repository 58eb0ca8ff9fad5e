import { type KubernetesConfig, rulesOf } from '../src/core/config.ts';
import { UserError } from '../src/core/errors.ts';
import { takeOut } from '../src/core/roll-out.ts';
import type { Api } from '../src/kubernetes/api/api.ts';
import type { Place } from '../src/kubernetes/manifests/names.ts';
import type { Store } from '../src/kubernetes/store/store.ts';
import { openTarget } from '../src/kubernetes/target/open-target.ts';

export interface TakeOutOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: KubernetesConfig;
  readonly store: Store;
  readonly staleMs: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Ends the rollout that nobody drives any more, with the same engine and the same target as a command would: one that is
 * judged is carried out as it was judged, any other is taken out. Throws `rollout_running` where somebody drives it again.
 */
export async function takeOutUnattended({ staleMs, say, signal, ...about }: TakeOutOptions): Promise<void> {
  const target = openTarget({ ...about, trace: say });
  try {
    const outcome = await takeOut(
      {
        target,
        rules: rulesOf(about.config),
        emit: ({ kind }) => say(`rollout: ${kind}`),
        now: Date.now,
        makeId: () => {
          throw new Error('the agent begins no rollout');
        },
        signal,
      },
      { by: 'agent', reason: `nobody drove it for ${Math.round(staleMs / 1000)} s` },
    );
    if (outcome.kind === 'unknown') throw notEnded(about.place, outcome.message);
  } finally {
    target.close();
  }
}

function notEnded({ environment }: Place, message: string): UserError {
  return new UserError({ code: 'rollout_unknown', message, hint: `causeway status ${environment}` });
}

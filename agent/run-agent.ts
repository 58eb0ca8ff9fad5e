import type { KubernetesConfig } from '../src/core/config.ts';
import type { AgentSetup } from '../src/kubernetes/agent/setup.ts';
import type { Api } from '../src/kubernetes/api/api.ts';
import { kinds } from '../src/kubernetes/api/kinds.ts';
import { namesOf } from '../src/kubernetes/manifests/names.ts';
import { openStore } from '../src/kubernetes/store/open-store.ts';
import { followService } from './follow-service.ts';
import { followPods } from './pods.ts';
import { Probe } from './probe.ts';
import { type Look, watchOver } from './switch.ts';
import { takeOutUnattended } from './take-out.ts';

export interface AgentOptions {
  readonly setup: AgentSetup;
  readonly api: Api;
  /** Writes a line to the log. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How often it says what it has seen. */
const reportMs = 250;
const followAgainMs = 1_000;

/** Probes, reports and watches over its rollout until that is over, or the signal aborts. */
export async function runAgent({ setup, api, print, signal }: AgentOptions): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const probe = new Probe({ setup });
  const report = () => print(JSON.stringify(probe.report()));
  probe.start();
  report();
  const timer = setInterval(report, reportMs);
  void keepFollowing({ setup, api, print, signal: either }, probe);
  void followService({ api, place: setup.place, probe, signal: either });
  try {
    await watchRollout({ setup, api, print, signal: either });
  } finally {
    over.abort();
    clearInterval(timer);
    probe.stop();
    report();
  }
}

/** Which replicas there are is for the probe: that it cannot be told must not end the watch over the rollout. */
async function keepFollowing({ setup, api, print, signal }: AgentOptions, probe: Probe): Promise<void> {
  while (!signal.aborted) {
    try {
      await followPods({ api, place: setup.place, probe, signal });
    } catch (error) {
      if (signal.aborted) return;
      print(JSON.stringify({ kind: 'said', line: `replicas cannot be followed: ${error}` }));
    }
    await Bun.sleep(followAgainMs);
  }
}

async function watchRollout({ setup, api, print, signal }: AgentOptions): Promise<void> {
  const { place, rollout, staleMs } = setup;
  const store = openStore({ api, place });
  const config = setup.config as unknown as KubernetesConfig;
  const say = (line: string) => print(JSON.stringify({ kind: 'said', line }));
  const look = async (within: AbortSignal): Promise<Look> => {
    const state = await store.readState(within);
    const lease = await api.get(kinds.lease, namesOf(place).state, within);
    const { holderIdentity, renewTime, leaseTransitions } = lease?.spec ?? {};
    return {
      beat: [holderIdentity, renewTime, leaseTransitions].join(' '),
      // A state that somebody deletes is put back by who drives the rollout.
      isUnderWay: state ? state.desired.rollout?.id === rollout : lease !== undefined,
    };
  };
  const takeOut = (within: AbortSignal) =>
    takeOutUnattended({ api, place, config, store, staleMs, say, signal: within });
  await watchOver({ look, takeOut, staleMs, say, signal });
}

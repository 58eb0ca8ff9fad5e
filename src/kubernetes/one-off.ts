import type { IPod } from 'kubernetes-models/v1';
import { UserError } from '../core/errors.ts';
import { shortId } from '../core/release.ts';
import type { Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { attach, attachInput, type RemoteStreams } from './api/remote-process.ts';
import { commandPodOf } from './command-pod.ts';
import { eventsOf } from './evidence.ts';
import { metadataOf, namesOf, type Place } from './manifests/names.ts';
import { followOutput, joinOutput } from './one-off-output.ts';
import type { Store } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';
import { PodMemory } from './target/pod-memory.ts';
import { containerOf, type Terminated } from './target/pod-status.ts';
import { troubleOf } from './target/trouble.ts';
import { openTerminal, type Terminal } from './terminal.ts';

export interface OneOffOptions {
  readonly api: Api;
  readonly place: Place;
  readonly store: Pick<Store, 'readRelease'>;
  /** Whose image, settings and secrets it runs with. */
  readonly running: Running;
  readonly command: readonly string[];
  /** Of the shell. */
  readonly term?: string | undefined;
  readonly trace: (line: string) => void;
  /** Ends the command. */
  readonly signal: AbortSignal;
  /** Instead of this program's own. */
  readonly openTerminal?: () => Terminal;
}

const lookMs = 250;
/** How long it may take to start; an image may have to be pulled to a node that is only made. */
const startMs = 300_000;
const leaveSeconds = 5;
const removeMs = 10_000;

/** Runs a command as a replica of a release is run, in a pod of its own, with the terminal's input and output; its exit code. */
export async function runOneOff(options: OneOffOptions): Promise<number> {
  const { api, place, store, running, command, trace, signal } = options;
  const { id } = running.release;
  const stored = await store.readRelease(id, signal);
  if (!stored) {
    throw new UserError({
      code: 'release_gone',
      message: `the stored copy of release ${shortId(id)} is gone from namespace ${place.namespace}`,
      hint: `causeway deploy ${place.environment} stores it anew`,
    });
  }
  await using terminal = (options.openTerminal ?? openTerminal)();
  const name = namesOf(place).oneOff(crypto.randomUUID().slice(0, 8));
  trace(`pod ${name}: ${command.join(' ')}`);
  try {
    await api.create(podOf(options, stored, name, terminal.isTerminal), { signal });
    return await runInPod(options, name, terminal);
  } finally {
    // Also after Ctrl-C, and whatever became of it.
    const patience = AbortSignal.timeout(removeMs);
    await api
      .remove(kinds.pod, name, { signal: patience, graceSeconds: leaveSeconds })
      .catch((error: unknown) => trace(`pod ${name} could not be removed: ${error}`));
  }
}

function podOf(
  { place, running, command, term }: OneOffOptions,
  stored: StoredRelease,
  name: string,
  isTerminal: boolean,
): IPod {
  const input = { stdin: true, stdinOnce: true, tty: isTerminal };
  const { secretSet } = running;
  const about = { place, stored, secretSet, component: 'one-off', command, container: input } as const;
  const { metadata, spec } = commandPodOf(about);
  const { labels, ...named } = metadataOf(place, 'one-off', name);
  const containers = (spec?.containers ?? []).map((container) =>
    isTerminal
      ? { ...container, env: [...(container.env ?? []), { name: 'TERM', value: term ?? 'xterm' }] }
      : container,
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ...named, labels: { ...metadata?.labels, ...labels } },
    ...(spec ? { spec: { ...spec, containers } } : {}),
  };
}

async function runInPod(options: OneOffOptions, name: string, terminal: Terminal): Promise<number> {
  const ended = await untilStarted(options, name);
  const run = terminal.isTerminal ? joinTerminal : passThrough;
  const end = await run(options, { name, terminal, ended });
  if (end.reason === 'StartError' || end.reason === 'ContainerCannotRun') throw notFound(options.command);
  return end.exitCode;
}

interface Begun {
  /** The pod's. */
  readonly name: string;
  readonly terminal: Terminal;
  /** It has ended already. */
  readonly ended: Terminated | undefined;
}

async function joinTerminal(options: OneOffOptions, { name, terminal, ended }: Begun): Promise<Terminated> {
  const { api, place, signal } = options;
  const { container } = namesOf(place);
  const output = joinOutput({ terminal, printed: () => api.logs(name, { container }, signal) });
  if (ended) {
    await output.catchUp();
    return ended;
  }
  const left = join(options, name, output.streams);
  await Promise.race([output.joined, left]);
  await Promise.all([left, output.catchUp()]);
  const end = await untilEnded(options, name);
  await output.finish();
  return end;
}

/**
 * Joined for its input alone: what it prints comes from its log, which begins with it. Who reads both makes the runtime
 * slower to empty the pipe, and containerd before its pull request 8643 drops what is in there when the process ends.
 */
async function passThrough(options: OneOffOptions, { name, terminal, ended }: Begun): Promise<Terminated> {
  const { api, place, signal: interrupted } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([interrupted, over.signal]);
  const { container } = namesOf(place);
  const hasEnded = async () => (await endOf(options, name)) !== undefined;
  const show = terminal.output;
  const followed = followOutput({ api, pod: name, container, show, hasEnded, signal });
  const given = ended ? undefined : giveInput({ ...options, signal }, name, terminal.input);
  const taken = given?.catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  try {
    await Promise.all([taken, followed.then(() => over.abort())]);
  } finally {
    over.abort();
  }
  return ended ?? untilEnded(options, name);
}

async function giveInput(
  { api, place, signal }: OneOffOptions,
  pod: string,
  from: Terminal['input'],
): Promise<void> {
  let hasBegun = false;
  async function* input(): AsyncGenerator<Uint8Array> {
    for await (const chunk of from ?? []) {
      hasBegun = true;
      yield chunk;
    }
  }
  const { container } = namesOf(place);
  const { namespace } = place;
  try {
    await attachInput({ access: api.access, namespace, pod, container, input: input(), signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    if (!hasBegun) return;
    throw new UserError({
      code: 'one_off_failed',
      message: `the connection to pod ${pod} was cut before the command had all its input`,
      hint: 'it was ended: look at what it did with a part of its input before you run it again',
    });
  }
}

/** Until it ends, or the connection is cut: its pod knows how it ended. */
async function join(
  { api, place, signal }: OneOffOptions,
  pod: string,
  streams: RemoteStreams,
): Promise<void> {
  const { container } = namesOf(place);
  const { namespace } = place;
  await attach({ access: api.access, namespace, pod, container, streams, signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
  });
}

/** How it ended, if it has already; undefined: it runs. */
async function untilStarted({ api, signal }: OneOffOptions, name: string): Promise<Terminated | undefined> {
  const memory = new PodMemory();
  const until = performance.now() + startMs;
  for (;;) {
    const pod = await expectPod(api, name, signal);
    const { running, terminated } = containerOf(pod)?.state ?? {};
    if (terminated) return terminated;
    if (running) return undefined;
    const trouble = troubleOf({ pod, events: await eventsOf(api, name, signal), memory });
    if (trouble?.isConclusive || pod.status?.phase === 'Failed' || performance.now() > until) {
      throw new UserError({
        code: 'one_off_failed',
        message: `the pod of the command did not start: ${trouble?.message ?? pod.status?.message ?? 'no reason was given'}`,
        hint: 'causeway doctor shows what the cluster lacks',
      });
    }
    await Bun.sleep(lookMs);
  }
}

async function untilEnded(options: OneOffOptions, name: string): Promise<Terminated> {
  for (;;) {
    const end = await endOf(options, name);
    if (end) return end;
    await Bun.sleep(lookMs);
  }
}

async function endOf({ api, signal }: OneOffOptions, name: string): Promise<Terminated | undefined> {
  return containerOf(await expectPod(api, name, signal))?.state?.terminated;
}

async function expectPod(api: Api, name: string, signal: AbortSignal): Promise<IPod> {
  signal.throwIfAborted();
  const pod = await api.get(kinds.pod, name, signal);
  if (pod) return pod;
  throw new UserError({
    code: 'one_off_failed',
    message: `pod ${name} was deleted before the command ended`,
    hint: 'somebody deleted it, or its node went away; run it again',
  });
}

function notFound([program]: readonly string[]): UserError {
  return new UserError({
    code: 'one_off_failed',
    message: `${program || "''"} could not be started, neither from PATH nor from the image`,
    hint: 'give the program and its arguments after --',
  });
}

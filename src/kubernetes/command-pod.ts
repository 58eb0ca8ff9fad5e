import type { IContainer, IPodTemplateSpec } from 'kubernetes-models/v1';
import { type Component, labels, type Place } from './manifests/names.ts';
import { templateOf } from './manifests/pod-template.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface CommandPodOptions {
  readonly place: Place;
  readonly stored: StoredRelease;
  readonly secretSet: string | undefined;
  readonly component: Extract<Component, 'command' | 'one-off'>;
  readonly command: readonly string[];
  /** Of its container: what the terminal takes. */
  readonly container?: Partial<IContainer>;
}

/** How long a command that is to leave may take; nobody waits for its answers. */
const graceSeconds = 10;

/**
 * A pod that runs one command as a replica of the release would be run: the same image, settings, secrets and
 * security. It gets no requests, and is not asked whether it is ready.
 */
export function commandPodOf(options: CommandPodOptions): IPodTemplateSpec {
  const { stored, secretSet, component, command, container: more } = options;
  const { metadata, spec } = templateOf(stored, secretSet);
  const [replica] = spec?.containers ?? [];
  if (!spec || !replica) throw new Error(`release ${stored.release.id} was stored without a container`);
  const {
    lifecycle: _,
    ports: __,
    startupProbe: _s,
    readinessProbe: _r,
    livenessProbe: _l,
    ...rest
  } = replica;
  const { topologySpreadConstraints: ___, readinessGates: ____, ...kept } = spec;
  const container = { ...rest, ...more, command: command.map(literal) };
  return {
    metadata: { ...metadata, labels: { ...metadata?.labels, [labels.component]: component } },
    spec: {
      ...kept,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: graceSeconds,
      containers: [container],
    },
  };
}

/** The kubelet fills in `$(NAME)`; the command is taken as it is written. */
function literal(word: string): string {
  return word.replaceAll('$(', '$$$$(');
}

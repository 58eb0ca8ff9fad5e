import type { Platform } from '../core/platform.ts';
import type { Base, BasePlatform } from './base.ts';
import type { ImageLayer } from './image.ts';
import { layerFolder } from './layer.ts';
import type { ImageConfig } from './oci.ts';
import { runtimeFolder } from './runtime-package.ts';

/** The label by which an image is known as Causeway's; its value is the artifact's digest. */
export const artifactLabel = 'causeway.artifact';

/** Nobody's, by convention of distroless images: a number, so that a cluster sees that it is not root. */
const user = '65532:65532';
const epoch = '1970-01-01T00:00:00Z';
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * How the image is run. Of the base's own settings its variables alone are kept: its entrypoint, its stop
 * signal and its labels are about another program.
 */
export function composeConfig({
  base,
  below,
  platform,
  layers,
  artifact,
  command,
  port,
}: {
  readonly base: Base;
  readonly below: BasePlatform;
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
  readonly artifact: string;
  readonly command: readonly string[];
  readonly port: number;
}): ImageConfig {
  const [os = '', architecture = ''] = platform.split('/');
  const { variant } = below.config;
  return {
    architecture,
    os,
    ...(variant === undefined || variant === '' ? {} : { variant }),
    created: epoch,
    config: {
      User: user,
      WorkingDir: `/${layerFolder}`,
      Env: toEnv(
        below.config.config?.Env ?? [],
        { PORT: String(port), HOST: '0.0.0.0' },
        layers.some(({ role }) => role === 'runtime'),
      ),
      Cmd: [...command],
      ExposedPorts: { [`${port}/tcp`]: {} },
      Labels: {
        [artifactLabel]: artifact,
        ...(base.name === undefined ? {} : { 'org.opencontainers.image.base.name': base.name }),
        'org.opencontainers.image.base.digest': base.digest,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [...historyOf(below), ...layers.flatMap(toHistory)],
  };
}

function toEnv(
  base: readonly string[],
  ours: Readonly<Record<string, string>>,
  hasRuntime: boolean,
): string[] {
  const env = new Map<string, string>();
  for (const line of base) {
    const at = line.indexOf('=');
    env.set(at === -1 ? line : line.slice(0, at), at === -1 ? '' : line.slice(at + 1));
  }
  const path = env.get('PATH') || defaultPath;
  const isFound = !hasRuntime || path.split(':').includes(runtimeFolder);
  env.set('PATH', isFound ? path : `${runtimeFolder}:${path}`);
  for (const [name, value] of Object.entries(ours)) env.set(name, value);
  return [...env].map(([name, value]) => `${name}=${value}`);
}

type History = NonNullable<ImageConfig['history']>;

/** One entry for each of the base's layers; made up where the base's own entries do not fit its layers. */
function historyOf({ config, layers }: BasePlatform): History {
  const history = config.history ?? [];
  const withLayer = history.filter(({ empty_layer: isEmpty }) => isEmpty !== true);
  if (withLayer.length === layers.length) return history;
  return layers.map(() => ({ created: epoch, created_by: 'the base' }));
}

function toHistory({ role }: ImageLayer): History {
  return role === 'base' ? [] : [{ created: epoch, created_by: `causeway: ${role}` }];
}

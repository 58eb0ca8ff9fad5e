import { z } from 'zod';
import { awsSchema } from './config/aws.ts';
import { checkEnvironments, checkNamespaces, checkSigned, checkSizes } from './config/checks.ts';
import { imageSchema } from './config/image.ts';
import { kubernetesSchema } from './config/kubernetes.ts';
import { localSchema } from './config/local.ts';
import { serviceSchema } from './config/service.ts';
import { nameSchema, type secretSourceSchema } from './config/values.ts';
import { anchorOf, type KeySchema, keyAt } from './config-keys.ts';
import { describeIssue, listProblems, unknownKey } from './config-problems.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Duration, toMs } from './duration.ts';
import { UserError } from './errors.ts';
import { isObject } from './is-object.ts';
import { plainCopy } from './plain-copy.ts';
import type { Settings } from './release.ts';
import type { Rules } from './step.ts';

export const configSchema = z
  .strictObject({
    project: nameSchema.describe('The name of the project; names in a cluster or a cloud are made from it.'),
    service: serviceSchema.describe('What is deployed: one HTTP service in any language.'),
    image: imageSchema.prefault({}).describe('What the service is packed into where it runs as a container.'),
    environments: z
      .record(nameSchema, z.discriminatedUnion('target', [localSchema, kubernetesSchema, awsSchema]))
      .superRefine(checkEnvironments, { when: ({ value }) => isObject(value) })
      .meta({ title: 'environments by name', minProperties: 1 })
      .describe(
        'Where it is deployed to, by name. The one called `local` is meant when a command names none.',
      ),
  })
  .superRefine(checkSigned, { when: ({ value }) => isObject(value) })
  .superRefine(checkSizes, { when: ({ value }) => isObject(value) })
  .superRefine(checkNamespaces, { when: ({ value }) => isObject(value) });

/** What `causeway.config.ts` exports: `export default { … } satisfies CausewayConfig`. */
export interface CausewayConfig extends Omit<z.input<typeof configSchema>, 'service' | 'environments'> {
  readonly service: ServiceInput;
  readonly environments: Readonly<Record<string, LocalInput | KubernetesInput | AwsInput>>;
}
// With a member of their own, the compiler's errors name them instead of printing every key.
interface ServiceInput extends z.input<typeof serviceSchema> {
  readonly drain?: Duration;
}
interface LocalInput extends z.input<typeof localSchema> {
  readonly bake?: Duration;
}

interface KubernetesInput extends z.input<typeof kubernetesSchema> {
  readonly bake?: Duration;
}

interface AwsInput extends z.input<typeof awsSchema> {
  readonly bake?: Duration;
}

/** The config with its defaults filled in. */
export type Config = Readonly<z.output<typeof configSchema>>;
export type Service = Config['service'];
export type ImageSettings = Config['image'];
export type EnvironmentConfig = Config['environments'][string];
export type LocalConfig = Extract<EnvironmentConfig, { target: 'local' }>;
export type KubernetesConfig = Extract<EnvironmentConfig, { target: 'kubernetes' }>;
export type AwsConfig = Extract<EnvironmentConfig, { target: 'aws' }>;
export type SecretSource = z.output<typeof secretSourceSchema>;

/** What the config may hold, as JSON Schema. */
export function configJsonSchema(): KeySchema {
  return z.toJSONSchema(configSchema, { io: 'input' }) as KeySchema;
}

/** Checks what the config file exports, whatever that is. Every problem is told at once, with its key. */
export function parseConfig(exported: unknown, file: string): Config {
  if (exported === undefined) {
    throw new UserError({
      code: 'config_wrong',
      message: `${file} has no default export`,
      hint: 'write export default { … } satisfies CausewayConfig; docs/config.md begins with an example',
    });
  }
  const { copy, prototypeKeys } = plainCopy(exported);
  const result = configSchema.safeParse(copy, { error: describeIssue, jitless: true });
  if (result.success && prototypeKeys.length === 0) return result.data;
  const root = configJsonSchema();
  const problems = [
    ...listProblems(result.error?.issues ?? [], copy, root),
    ...prototypeKeys.map((place) => unknownKey(place, root)),
  ];
  const lines = [...new Set(problems.map(({ text }) => text))];
  const { path } = keyAt(root, problems[0]?.place ?? []);
  throw new UserError({
    code: 'config_wrong',
    message:
      lines.length === 1
        ? `${file}: ${lines[0]}`
        : `${file} has ${lines.length} problems\n${lines.map((line) => `       ${line}`).join('\n')}`,
    hint:
      path === ''
        ? 'docs/config.md lists every key, its type and its default'
        : `docs/config.md#${anchorOf(path)} says what ${lines.length === 1 ? 'it' : path} may be`,
  });
}

export function environmentOf(config: Config, name: string): EnvironmentConfig {
  const environment = Object.hasOwn(config.environments, name) ? config.environments[name] : undefined;
  if (environment) return environment;
  const names = Object.keys(config.environments);
  const near = didYouMean(name, names);
  throw new UserError({
    code: 'environment_unknown',
    message: `the config has no environment ${name}`,
    hint: near
      ? `did you mean ${near}?`
      : `it has ${names.join(', ')}; add it under environments: docs/config.md#environments`,
  });
}

/** The keys of what a release is made of: another value is another release. The others leave a release as it is. */
export const releaseKeys: readonly string[] = [
  'service.entry',
  'service.files',
  'service.command',
  'service.port',
  'service.paths',
  'service.probes',
  'service.env',
  'service.secrets',
  'service.drain',
  'service.release',
  'environments.<name>.env',
  'environments.<name>.secrets',
  'environments.<name>.resources',
  'environments.<name>.preStop',
];

/** Whether replicas are made from the built image, and not from the artifact alone. */
export function usesImages(environment: EnvironmentConfig): boolean {
  return environment.target !== 'local' || environment.runner === 'container';
}

/** What shapes a replica in this environment. */
export function settingsOf({ service }: Config, environment: EnvironmentConfig): Settings {
  const { port, paths, probes, drain, release } = service;
  const { timeout, ...probePaths } = probes;
  return {
    env: { ...service.env, ...environment.env },
    secrets: Object.keys({ ...service.secrets, ...environment.secrets }).sort(),
    port,
    paths,
    probes: { ...probePaths, timeoutMs: toMs(timeout) },
    drainMs: toMs(drain),
    ...(release === undefined ? {} : { releaseCommand: release }),
    ...podSettingsOf(environment),
  };
}

function podSettingsOf(environment: EnvironmentConfig): Pick<Settings, 'pod'> {
  if (environment.target === 'local') return {};
  const { resources, preStop } = environment;
  return { pod: { resources, preStopMs: toMs(preStop) } };
}

/** How long an environment may not answer before a command gives up. */
const unreachableMs = 60_000;

export function rulesOf({
  bake,
  deadlines,
  allow,
}: Pick<EnvironmentConfig, 'bake' | 'deadlines' | 'allow'>): Rules {
  return {
    bakeMs: toMs(bake),
    startMs: toMs(deadlines.start),
    commandMs: toMs(deadlines.release),
    unreachableMs,
    allowance: allow,
  };
}

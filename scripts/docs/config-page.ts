import { configJsonSchema, releaseKeys } from '../../src/core/config.ts';
import { anchorOf, type ConfigKey, isFree, type KeySchema, listKeys } from '../../src/core/config-keys.ts';
import { paragraphs, row } from './markdown.ts';

/** The example that docs/config.md begins with. */
export const exampleConfig = `import type { CausewayConfig } from 'causeway';

export default {
  project: 'shop',
  service: {
    entry: 'src/main.ts',
    test: ['bun', 'test'],
    paths: ['/', '/orders/health'],
    probes: { ready: '/readyz', live: '/livez', metrics: '/metrics' },
    env: { CURRENCY: 'EUR' },
    secrets: { DATABASE_URL: { env: 'SHOP_DATABASE_URL' } },
    drain: '20s',
    release: ['bun', 'src/migrate.ts'],
  },
  environments: {
    local: { target: 'local' },
    rehearsal: { target: 'local', port: 8090, replicas: 4, bake: '2m', env: { LOG: 'off' } },
  },
} satisfies CausewayConfig;
`;

export function makeConfigPage(): string {
  const keys = listKeys(configJsonSchema()).filter(({ path }) => !isFree(path) && !isRepeated(path));
  return paragraphs([
    '# The config',
    'One file, `causeway.config.ts`, says what is deployed and where. It is TypeScript: your editor completes it and marks what is wrong, and values may be computed. Paths in it are relative to its folder. Causeway reads it anew for each command, checks all of it before anything is started, and names every problem at once with its key.',
    `\`\`\`ts\n${exampleConfig}\`\`\``,
    'Tools that read JSON Schema find the same rules in [config.schema.json](config.schema.json).',

    '## Durations',
    "A number and a unit: `'500ms'`, `'2s'`, `'1.5m'`, `'8h'`, `'1d'`. None is negative or longer than `'24d'`.",

    '## Services in any language',
    'A service in TypeScript or JavaScript names its `entry`. Any other names its `files` and the `command` that starts a replica in their folder:',
    "```ts\nservice: { files: ['server.py', 'templates/**'], command: ['python3', 'server.py'] }\n```",
    'Either way a replica listens on the port in the variable `PORT`.',

    '## Secrets',
    'The config names where a secret is read, never its value. It is read when a rollout begins, handed to the replicas as a variable, and reaches no record, no log and no name:',
    "```ts\nsecrets: {\n  DATABASE_URL: { env: 'SHOP_DATABASE_URL' },\n  API_KEY: { file: '/run/secrets/api-key' },\n  SIGNING_KEY: { command: ['pass', 'show', 'shop/signing-key'] },\n}\n```",
    'On your machine the set in use is kept in a file that you alone may read (mode 0600, in the state folder), because a replica that ends must be started again while you are away. `down` removes it. A rollback uses the set that the environment has now; a release that needs a secret which is not in it is refused.',

    '## What makes a release',
    'A release is an artifact, its command and its settings. A change to one of these keys makes another release, which the next `deploy` tries beside the stable one and judges:',
    releaseKeys.map((path) => `- [\`${path}\`](#${anchorOf(path)})`).join('\n'),
    'Of a secret, its name belongs to the release and its value does not: a value that changed is a rollout of the same release with a new secret set. Every other key belongs to the environment. It says how many replicas run and how a release is judged, and changing it makes no new release.',

    '## Keys',
    overview(keys),
    ...keys.map(section),
  ]);
}

/** The sources of secrets are described once, with the service. */
function isRepeated(path: string): boolean {
  return path.startsWith('environments.<name>.secrets.');
}

function overview(keys: readonly ConfigKey[]): string {
  return [
    row(['key', 'type', 'default']),
    row(['---', '---', '---']),
    ...keys.map((key) =>
      row([`[\`${key.path}\`](#${anchorOf(key.path)})`, typeText(key.schema), defaultText(key)]),
    ),
  ].join('\n');
}

function section(key: ConfigKey): string {
  const { path, schema } = key;
  const otherwise = defaultText(key);
  const facts = [typeText(schema), rangeText(schema), otherwise && `default ${otherwise}`];
  return paragraphs([
    `### \`${path}\``,
    `${facts.filter((fact) => fact !== '').join(' · ')}${key.isRequired ? ' · required' : ''}`,
    schema.description ?? '',
  ]).trimEnd();
}

function typeText({ type, title, const: only, items, anyOf, properties }: KeySchema): string {
  if (only !== undefined) return `\`'${only}'\``;
  if (title) return title;
  if (anyOf) return anyOf.map(typeText).join(' or ');
  if (items) return `list of ${typeText(items)}s`;
  if (properties) return 'object';
  const names: Readonly<Record<string, string>> = { string: 'text', integer: 'whole number' };
  return names[type ?? ''] ?? type ?? '';
}

function rangeText({ minimum, maximum }: KeySchema): string {
  if (minimum === undefined) return '';
  return maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`;
}

/** An object whose keys have defaults of their own shows none. */
function defaultText({ schema }: ConfigKey): string {
  if (schema.default === undefined || schema.properties) return '';
  return `\`${JSON.stringify(schema.default).replaceAll('"', "'")}\``;
}

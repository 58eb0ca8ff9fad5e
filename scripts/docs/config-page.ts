import { configJsonSchema, releaseKeys } from '../../src/core/config.ts';
import { anchorOf, type ConfigKey, isFree, type KeySchema, listKeys } from '../../src/core/config-keys.ts';
import { type KeyVariant, variantsAt } from './key-variants.ts';
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
  image: { repository: 'registry.example.com/team/shop', trust: ['keys/3f2a1b0c9d8e.pub'] },
  environments: {
    local: { target: 'local' },
    container: { target: 'local', runner: 'container' },
    rehearsal: { target: 'local', port: 8090, replicas: 4, bake: '2m', env: { LOG: 'off' } },
    staging: { target: 'kubernetes', context: 'kind-kind' },
    production: { target: 'aws', region: 'us-east-2', ttl: '4h' },
  },
} satisfies CausewayConfig;
`;

const rotation = `\`\`\`
$ git worktree add ../again <revision>
$ cp causeway.config.ts ../again/ && mkdir -p ../again/keys && cp keys/*.pub ../again/keys/
$ cd ../again && npm ci
$ causeway image push
\`\`\``;

const ciExample = `\`\`\`yaml
steps:
  - uses: actions/checkout@v4
  - run: git clone <the repository of Causeway> ../causeway
  - run: echo "$PASSWORD" | docker login registry.example.com --username ci --password-stdin
    env: { PASSWORD: "\${{ secrets.REGISTRY_PASSWORD }}" }
  - run: echo "IMAGE=$(../causeway/causeway image push --json | jq -r .reference)" >> "$GITHUB_ENV"
    env: { CAUSEWAY_SIGNING_KEY: "\${{ secrets.CAUSEWAY_SIGNING_KEY }}" }
  - run: ../causeway/causeway image verify "$IMAGE"
\`\`\``;

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
    'The config names where a secret is read, never its value: under `service`, or under an environment, whose own wins. The value is read when a rollout begins, handed to the replicas as a variable, and Causeway writes it into no record, no event, no name and no output of its own:',
    "```ts\nsecrets: {\n  DATABASE_URL: { env: 'SHOP_DATABASE_URL' },\n  API_KEY: { file: '/run/secrets/api-key' },\n  SIGNING_KEY: { command: ['pass', 'show', 'shop/signing-key'] },\n}\n```",
    'On your machine the set in use is kept in a file that you alone may read (mode 0600, in the state folder), because a replica that ends must be started again while you are away. `down` removes it. A rollback uses the set that the environment has now; a release that needs a secret which is not in it is refused.',
    'What a bad release printed last is told and kept with its record, without the values of its secrets: those of 6 characters and more, whole, line by line where a value has several, and the password of a URL alone; as they are, and as JSON, URLs, forms, hexadecimal digits and Base64 write them, also where Base64 holds more than the value. Not found, and so told, are a part of a value, such as a field of a JSON document or what is left where the log cut a line in two, and a value that was hashed, encrypted, compressed or escaped in another way. `logs` shows what a replica prints as it is.',

    '## Images',
    'An image is what your service is packed into where it runs as a container. `causeway image build` makes it without Docker: the base, then the runtime, then the artifact as the last layer. It holds no time, no revision and no user, so the same tree gives the same digest on any machine. It is one index for all of [`image.platforms`](#imageplatforms), and its processes run as user 65532.',
    'A service with an `entry` runs on Bun, which is a layer of its own; the base needs glibc and no shell. A service of another language brings its runtime with its base:',
    "```ts\nservice: { files: ['server.py', 'templates/**'], command: ['python3', 'server.py'] },\nimage: { base: 'gcr.io/distroless/python3-debian12:nonroot' },\n```",
    'A base may be an OCI layout folder as well, `oci:base`, where its registry cannot be reached. A machine that reaches it makes the folder: `skopeo copy --all docker://gcr.io/distroless/cc-debian12:nonroot oci:base`.',

    '## The lock file',
    'A tag such as `:nonroot` names another image from month to month. The first build asks which digest it names now, and notes that in `causeway.lock.json` beside the config. From then on the digest is what counts, and the tag is not asked for again. Commit the file: it is why the next machine builds the same image. To take a newer base, remove its line, build, and commit what changed. A base that is written with its digest, `name@sha256:…`, needs no line.',

    '## Keys and signatures',
    '`causeway keys init` makes a key pair. The private half stays on your machine, in `~/.config/causeway/keys`, in a file that you alone may read; a file that others may read is refused. The public half is written to `keys/` beside the config. Commit it and name it in [`image.trust`](#imagetrust): a signature counts if it was made by one of these.',
    '`causeway image push` signs with the last key in `image.trust` whose private half is on the machine, or with the key in the variable `CAUSEWAY_SIGNING_KEY` (PEM; line breaks may be written as `\\n`), which is meant for CI: your tests, hooks and secret commands are not given it. Where the config trusts keys and none of these is here, or the variable holds another key, nothing is pushed; `--unsigned` pushes without a signature. What it signs is the digest of the image, its SBOM and its provenance. The signatures are those of cosign: `cosign verify --key keys/3f2a1b0c9d8e.pub --insecure-ignore-tlog=true <image>` reads them, and no log or service of anybody’s is asked.',
    'Signatures, SBOM and provenance lie in the registry, beside the image. `image build --output` writes an image without them, so a folder or a `.tar` is nothing for an environment that asks for signatures.',
    'To rotate a key, make another with `keys init` and name it last: new images are signed by it, and what the first one signed still counts. What shall outlive the first key is signed anew, each image from the revision that `causeway image verify` names:',
    rotation,
    'The digest is the same as before, for neither the config nor the keys are in the image; where it is another, the revision was not built with this lock file, base or Causeway. `causeway image verify` then names both keys, and you can drop the first one. A key that leaked is dropped at once: what it signed is refused from then on.',
    'An environment with [`signed: true`](#environmentsnamesigned) takes images alone, by `--image`, and only those that `causeway image verify` finds good. A rollback there returns to a release only if a key that `image.trust` names now had signed it.',

    '## Registries',
    'You are logged in as Docker is. For each host, credentials come from `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`: from the helper in `credHelpers`, the one in `credsStore`, or the entry in `auths`. `docker login`, `podman login --authfile ~/.docker/config.json` and `skopeo login` with the same flag write one. Without any of them, write it yourself (mode 0600), with what `printf %s "<user>:<password>" | base64 -w0` prints:',
    '```json\n{ "auths": { "registry.example.com": { "auth": "<user:password in base64>" } } }\n```',
    'A helper is a program `docker-credential-<name>` on your PATH: `{ "credHelpers": { "ghcr.io": "pass" } }` asks `docker-credential-pass`. For ECR, without an entry, `aws ecr get-login-password` is asked, with the account that your `aws` command uses. A registry on this machine (`localhost`, `127.0.0.1`) is spoken to by http, every other one by https.',

    '## In CI',
    'The private half of a key goes into a secret of your CI, from the file in `~/.config/causeway/keys` that `keys init` named. Make a key for CI alone, and name its public half in [`image.trust`](#imagetrust) as well. A job then checks out the repository, logs in and pushes; here in GitHub Actions:',
    ciExample,
    '`--json` prints one document, from which the next step takes the image by its digest. What is deployed later, by whom and where, is the same image: `causeway up staging --image "$IMAGE"` verifies it where the environment asks for signatures. Where the secret was not handed over, as to a pull request from a fork, the push ends with [`key_missing`](errors.md#key_missing), and nothing is published.',

    '## What makes a release',
    'A release is an artifact, its command and its settings. A change to one of these keys makes another release, which the next `deploy` tries beside the stable one and judges:',
    releaseKeys.map((path) => `- [\`${path}\`](#${anchorOf(path)})`).join('\n'),
    'Where replicas are containers, the image belongs to the release as well: [`image.base`](#imagebase) with its digest in the lock file, [`image.runtime`](#imageruntime), and [`image.platforms`](#imageplatforms).',
    'Of a secret, its name belongs to the release and its value does not: a value that changed is a rollout of the same release with a new secret set. Every other key belongs to the environment. It says how many replicas run and how a release is judged, and changing it makes no new release.',

    '## Keys',
    'What an environment may have differs by its target. Where a key is of some targets alone, or has another default there, they stand beside it.',
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
    ...keys.map((key) => {
      const variants = variantsOf(key);
      return row([
        `[\`${key.path}\`](#${anchorOf(key.path)})`,
        typeOf(variants),
        valueIn(variants, defaultText),
      ]);
    }),
  ].join('\n');
}

function section(key: ConfigKey): string {
  const variants = variantsOf(key);
  const otherwise = valueIn(variants, defaultText);
  const facts = [typeOf(variants), valueIn(variants, rangeText), otherwise && `default ${otherwise}`];
  return paragraphs([
    `### \`${key.path}\``,
    `${facts.filter((fact) => fact !== '').join(' · ')}${whenRequired(key, variants)}${onlyIn(variants)}`,
    textOf(variants),
  ]).trimEnd();
}

function variantsOf({ path }: ConfigKey): readonly KeyVariant[] {
  return variantsAt(configJsonSchema(), path);
}

function typeOf(variants: readonly KeyVariant[]): string {
  return [...new Set(variants.map(({ schema }) => typeText(schema)))].join(' or ');
}

/** One value where all have the same, else each with the kinds that have it. */
function valueIn(variants: readonly KeyVariant[], tell: (schema: KeySchema) => string): string {
  const kindsOf = Map.groupBy(variants, ({ schema }) => tell(schema));
  if (kindsOf.size === 1) return [...kindsOf.keys()].join('');
  return [...kindsOf]
    .filter(([value]) => value !== '')
    .map(([value, those]) => `${value} (${kinds(those)})`)
    .join(', ');
}

/** What all say stands once; what some say apart names them. */
function textOf(variants: readonly KeyVariant[]): string {
  const kindsOf = Map.groupBy(variants, ({ schema }) => schema.description ?? '');
  const [[first = ''] = [], ...others] = kindsOf;
  if (others.length === 0) return first;
  return [...kindsOf].map(([text, those]) => `${kinds(those)}: ${text}`).join('\n\n');
}

/** Of a choice whose options have no name of their own, such as a secret's source, none is required. */
function whenRequired({ isRequired }: ConfigKey, variants: readonly KeyVariant[]): string {
  const isChoice = variants.some(({ kind, siblings }) => kind === undefined && siblings.length > 1);
  return isRequired && !isChoice ? ' · required' : '';
}

function onlyIn(variants: readonly KeyVariant[]): string {
  const [first] = variants;
  if (first?.kind === undefined || variants.length === first.siblings.length) return '';
  return ` · ${kinds(variants)} alone`;
}

function kinds(variants: readonly KeyVariant[]): string {
  return variants.map(({ kind }) => kind ?? '').join(', ');
}

function typeText({ type, title, const: only, enum: some, items, anyOf, properties }: KeySchema): string {
  const values = only === undefined ? some : [only];
  if (values && !title) return values.map((value) => `\`'${value}'\``).join(' or ');
  if (title) return title;
  if (anyOf) return anyOf.map(typeText).join(' or ');
  if (items) return `list of ${typeText(items)}${items.enum ? '' : 's'}`;
  if (properties) return 'object';
  const names: Readonly<Record<string, string>> = { string: 'text', integer: 'whole number', array: 'list' };
  return names[type ?? ''] ?? type ?? '';
}

function rangeText({ minimum, maximum }: KeySchema): string {
  if (minimum === undefined) return '';
  return maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`;
}

/** An object whose keys have defaults of their own shows none. */
function defaultText(schema: KeySchema): string {
  if (schema.default === undefined || schema.properties) return '';
  return `\`${JSON.stringify(schema.default).replaceAll('"', "'")}\``;
}

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ended, Project } from '../local/project.ts';
import { mustEnd } from '../local/project.ts';
import { composeBase } from './base.ts';
import { have } from './have.ts';
import { logIn, makeImageProject, makeTrusted } from './image-project.ts';
import { findCosign, type Programs } from './programs.ts';
import { type Account, findRegistry, type Registry, startRegistry } from './registry.ts';
import { mustRun, run } from './run-program.ts';
import { findSkopeo, skopeo } from './skopeo.ts';

setDefaultTimeout(120_000);

const account: Account = { username: 'marie', password: 'a: long "password"' };

const registryPrograms = await have('docker-registry', findRegistry);
const tool = await have('skopeo', findSkopeo);
const cosign = await have('cosign', findCosign);

if (registryPrograms && tool) {
  describe('a registry that is open', () => {
    describePushes(registryPrograms, tool, undefined);
  });
  describe('a registry with a password', () => {
    describePushes(registryPrograms, tool, account);
  });
}

function describePushes(programs: Programs, tool: Programs, login: Account | undefined): void {
  const credentials = login ? [`--creds=${login.username}:${login.password}`] : [];
  let registry: Registry;
  let project: Project;
  let pushed: Ended;
  let publicKey: string;
  let repository: string;

  beforeAll(async () => {
    registry = await startRegistry(programs, login);
    repository = `${registry.host}/team/shop`;
    project = await makeImageProject({ image: { platforms: ['linux/amd64', 'linux/arm64'] } });
    if (login) logIn(project, registry.host, login);
    publicKey = await makeTrusted(project);
    pushed = await mustEnd(project.causeway('image', 'push', repository, '--tag', 'one', '--json'));
  });

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  test('is given the image, and its name by digest is what push prints', async () => {
    const { image, reference } = pushed.json();

    const stored = await registry.ask('/v2/team/shop/manifests/one', {
      headers: { accept: 'application/vnd.oci.image.index.v1+json' },
    });

    expect(reference).toBe(`${repository}@${image}`);
    expect(stored.headers.get('docker-content-digest')).toBe(image ?? '');
  });

  test('is sent nothing when the same is pushed again, and holds the same then', async () => {
    const before = await listOf(registry);

    const again = await mustEnd(project.causeway('image', 'push', repository, '--tag', 'one', '--json'));

    expect(again.json()).toEqual(pushed.json());
    expect(await listOf(registry)).toEqual(before);
  });

  test('holds an image that image verify finds good, by its digest', async () => {
    const { reference = '', signedBy } = pushed.json();

    const verified = await mustEnd(project.causeway('image', 'verify', reference, '--json'));

    const { isGood, claims, signers } = verified.json() as { signers?: unknown } & ReturnType<Ended['json']>;
    expect(isGood).toBe(true);
    expect(claims?.map(({ name }) => name)).toEqual(['image', 'layers', 'sbom', 'provenance', 'signature']);
    expect(signers).toEqual([signedBy]);
  });

  test('never sees the private key, and neither does anyone who reads what push said', async () => {
    const { stdout, stderr } = pushed;
    expect(`${stdout}${stderr}`).not.toMatch(/PRIVATE|BEGIN/);
    if (login) expect(`${stdout}${stderr}`).not.toContain(login.password);
  });

  test('is read by skopeo, which finds both platforms and the user without rights', async () => {
    const { reference, image } = pushed.json();
    const name = `docker://${reference}`;

    const raw = await skopeo(tool, 'inspect', ...credentials, '--raw', name);
    const config = JSON.parse(await skopeo(tool, 'inspect', ...credentials, '--config', name));

    expect(JSON.parse(raw).manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ]);
    expect(`sha256:${new Bun.CryptoHasher('sha256').update(raw).digest('hex')}`).toBe(image ?? '');
    expect(config).toMatchObject({
      created: '1970-01-01T00:00:00Z',
      config: { User: '65532:65532', WorkingDir: '/app' },
    });
  });

  test('is copied by skopeo to a folder, and is the same image there for causeway', async () => {
    const { reference, image } = pushed.json();
    const folder = join(project.base, 'copied');
    const from = credentials.map((flag) => flag.replace('--creds', '--src-creds'));

    await skopeo(tool, 'copy', ...from, '--all', `docker://${reference}`, `oci:${folder}:copied`);
    const inspected = await mustEnd(project.causeway('image', 'inspect', folder, '--json'));

    expect(inspected.json().image).toBe(image ?? '');
  });

  if (cosign) {
    const flags = () => [`--key=${publicKey}`, '--insecure-ignore-tlog=true', '--allow-insecure-registry'];
    const env = () => ({ DOCKER_CONFIG: project.env.DOCKER_CONFIG, HOME: project.base });

    test('holds a signature that cosign verifies', async () => {
      const { reference = '', image } = pushed.json();

      const printed = await mustRun([cosign, 'verify', ...flags(), reference], { env: env() });

      const [{ critical }] = JSON.parse(printed);
      expect(critical.image).toEqual({ 'docker-manifest-digest': image });
    });

    for (const [type, predicateType] of [
      ['cyclonedx', 'https://cyclonedx.org/bom'],
      ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
    ] as const) {
      test(`holds an attestation of the type ${type} that cosign verifies`, async () => {
        const { reference = '', image } = pushed.json();

        const printed = await mustRun(
          [cosign, 'verify-attestation', `--type=${type}`, ...flags(), reference],
          { env: env() },
        );

        const envelope = JSON.parse(printed.split('\n').filter(Boolean).at(-1) ?? '');
        const statement = JSON.parse(atob(envelope.payload));
        expect(statement.predicateType).toBe(predicateType);
        expect(statement.subject[0].digest).toEqual({ sha256: image?.slice('sha256:'.length) });
      });
    }

    test('holds nothing that cosign finds signed by another key', async () => {
      const { reference = '' } = pushed.json();
      const other = join(project.base, 'other');
      await mustRun([cosign, 'generate-key-pair', `--output-key-prefix=${other}`], {
        env: { ...env(), COSIGN_PASSWORD: '' },
      });

      const { exitCode, stderr } = await run(
        [cosign, 'verify', ...flags(), `--key=${other}.pub`, reference],
        { env: env() },
      );

      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('invalid signature');
    });
  }

  if (login) {
    test('refuses a wrong password, and nothing is published', async () => {
      await using stranger = await makeImageProject();
      logIn(stranger, registry.host, { ...login, password: 'wrong' });

      const ended = await stranger.causeway('image', 'push', `${registry.host}/team/other`, '--json');

      expect(ended.exitCode).toBe(1);
      expect(ended.json().error).toMatchObject({ code: 'registry_refused' });
      expect(ended.json().error?.hint).toContain(`docker login ${registry.host}`);
      expect((await registry.ask('/v2/team/other/tags/list')).status).toBe(404);
    });

    test('takes the credentials of a helper program', async () => {
      await using stranger = await makeImageProject();
      const answer = JSON.stringify({
        ServerURL: registry.host,
        Username: login.username,
        Secret: login.password,
      });
      const helper = join(stranger.base, 'docker-credential-vault');
      writeFileSync(helper, `#!/bin/sh\ncat >/dev/null\ncat <<'END'\n${answer}\nEND\n`, { mode: 0o755 });
      stranger.env.PATH = `${stranger.base}:${stranger.env.PATH}`;
      writeFileSync(
        join(stranger.env.DOCKER_CONFIG ?? '', 'config.json'),
        JSON.stringify({ credHelpers: { [registry.host]: 'vault' } }),
      );

      const ended = await stranger.causeway('image', 'push', `${registry.host}/team/helped`, '--json');

      expect(ended.exitCode).toBe(0);
    });
  } else {
    test('gives a base by its tag once, whose digest is noted and taken from then on', async () => {
      await using other = await makeImageProject();
      const base = `${registry.host}/bases/cc:1`;
      const layout = await composeBase();
      await skopeo(tool, 'copy', '--all', `oci:${layout}:base`, `docker://${base}`);
      const wanted = JSON.parse(await skopeo(tool, 'inspect', `docker://${base}`)).Digest;
      other.env.XDG_CACHE_HOME = join(other.base, 'cold cache');
      other.configure({ image: { base, runtime: 'none' } });

      const first = await mustEnd(other.causeway('image', 'build', '--json'));
      const lock = await Bun.file(join(other.folder, 'causeway.lock.json')).json();
      await skopeo(tool, 'copy', `docker://${pushed.json().reference}`, `docker://${base}`);
      const second = await mustEnd(other.causeway('image', 'build', '--json'));

      expect(lock).toEqual({ schemaVersion: 1, bases: { [base]: wanted } });
      expect(second.json().image).toBe(first.json().image ?? '');
    });
  }
}

/** Every tag and what it names. */
async function listOf(registry: Registry): Promise<unknown> {
  const { tags } = (await (await registry.ask('/v2/team/shop/tags/list')).json()) as { tags: string[] };
  const digests = await Promise.all(
    tags.sort().map(async (tag) => {
      const stored = await registry.ask(`/v2/team/shop/manifests/${tag}`, {
        headers: {
          accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
        },
      });
      return [tag, stored.headers.get('docker-content-digest')];
    }),
  );
  return digests;
}

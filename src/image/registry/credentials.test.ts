import { afterAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramEnd } from './credential-program.ts';
import { type Credential, dockerCredentials } from './credentials.ts';

const root = mkdtempSync(join(tmpdir(), 'causeway-credentials-'));
afterAll(() => rmSync(root, { recursive: true }));

const { signal } = new AbortController();
const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

test('an entry of the docker config lets in, under each way that docker wrote hosts in', async () => {
  const auth = Buffer.from('ann:pass:word').toString('base64');
  const folder = configFolder({
    auths: {
      'registry.example.com': { auth },
      'https://old.example.com/v1/': { auth },
      'https://index.docker.io/v1/': { auth },
      'token.example.com': { auth: '', identitytoken: 'r3fresh' },
      'empty.example.com': {},
    },
  });
  const ask = (host: string) => credentialOf(folder, host);
  const ann = { username: 'ann', password: 'pass:word' };

  expect(await ask('registry.example.com')).toEqual(ann);
  expect(await ask('old.example.com')).toEqual(ann);
  expect(await ask('docker.io')).toEqual(ann);
  expect(await ask('token.example.com')).toEqual({ identityToken: 'r3fresh' });
  expect(await ask('empty.example.com')).toBeUndefined();
  expect(await ask('other.example.com')).toBeUndefined();
});

test('without a docker config a registry is entered as anyone', async () => {
  expect(await credentialOf(mkdtempSync(join(root, 'none-')), 'registry.example.com')).toBeUndefined();
});

test('the helper of a host wins over the store of all, and is asked as docker asks', async () => {
  const folder = configFolder({ credsStore: 'all', credHelpers: { 'one.example.com': 'one' } });
  const asked: string[] = [];
  const answers = async (command: readonly string[], stdin: string): Promise<ProgramEnd> => {
    asked.push(`${command.join(' ')} < ${stdin}`);
    return ended(0, JSON.stringify({ ServerURL: stdin, Username: command[0], Secret: 's3cret' }));
  };
  const credentials = dockerCredentials({ env: { DOCKER_CONFIG: folder }, run: answers });

  expect(await credentials('one.example.com', signal)).toEqual({
    username: 'docker-credential-one',
    password: 's3cret',
  });
  expect(await credentials('docker.io', signal)).toEqual({
    username: 'docker-credential-all',
    password: 's3cret',
  });
  expect(asked).toEqual([
    'docker-credential-one get < one.example.com',
    'docker-credential-all get < https://index.docker.io/v1/',
  ]);
});

test('the user <token> of a helper is a refresh token', async () => {
  const folder = configFolder({ credsStore: 'all' });
  const answer = ended(0, '{"Username":"<token>","Secret":"r3fresh"}');

  expect(await credentialOf(folder, 'a.example.com', answer)).toEqual({ identityToken: 'r3fresh' });
});

test('a helper that has nothing for the host leaves it to the entry', async () => {
  const auth = Buffer.from('ann:word').toString('base64');
  const folder = configFolder({ credsStore: 'all', auths: { 'a.example.com': { auth } } });
  const nothing = ended(1, 'credentials not found in native keychain\n');

  expect(await credentialOf(folder, 'a.example.com', nothing)).toEqual({ username: 'ann', password: 'word' });
  expect(await credentialOf(folder, 'b.example.com', nothing)).toBeUndefined();
});

test.each<[string, ProgramEnd | undefined, string]>([
  ['is missing', undefined, 'docker-credential-all is not on PATH'],
  ['fails', ended(1, '', 'the keychain\nis locked\u001b[31m'), 'the keychain is locked [31m'],
  ['fails with a secret on its lips', ended(1, '{"Username":"a","Secret":"s3cret"}'), 'exit code 1'],
  ['answers with something else', ended(0, 's3cret'), 'does not answer for a.example.com'],
  ['answers without a secret', ended(0, '{"Username":"a","Secret":""}'), 'does not answer for a.example.com'],
])('a helper that %s is an error with its words, and never a secret', async (_, end, message) => {
  const thrown = await failureOf(
    dockerCredentials({ env: { DOCKER_CONFIG: configFolder({ credsStore: 'all' }) }, run: async () => end })(
      'a.example.com',
      signal,
    ),
  );

  expect(thrown).toMatchObject({ code: 'credentials_failed' });
  expect(String(thrown)).toContain(message);
  expect(JSON.stringify(thrown)).not.toContain('s3cret');
});

test.each([
  [ecr, 'eu-west-1'],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
  ['123456789012.dkr-ecr.us-east-1.on.aws', 'us-east-1'],
])('the aws command gives the password for %s', async (host, region) => {
  const asked: string[] = [];
  const credentials = dockerCredentials({
    env: { DOCKER_CONFIG: configFolder({}) },
    run: async (command) => {
      asked.push(command.join(' '));
      return ended(0, 's3cret\n');
    },
  });

  expect(await credentials(host, signal)).toEqual({ username: 'AWS', password: 's3cret' });
  expect(asked).toEqual([`aws ecr get-login-password --region ${region}`]);
});

test('without the aws command ECR is entered as anyone; one that fails says why', async () => {
  const folder = configFolder({});

  expect(await credentialOf(folder, ecr)).toBeUndefined();
  expect(await credentialOf(folder, 'ecr.example.com', ended(0, 'x'))).toBeUndefined();
  const thrown = await failureOf(credentialOf(folder, ecr, ended(253, '', 'Unable to locate credentials')));
  expect(thrown).toMatchObject({
    code: 'credentials_failed',
    message: `'aws ecr get-login-password --region eu-west-1' gave no password for ${ecr}: Unable to locate credentials`,
  });
});

test.each([
  ['{"auths": {"a.example.com": {"auth": "s3cret"', 'is no JSON'],
  ['{"auths": {"a.example.com": {"auth": 5}}}', 'auths.a.example.com.auth has another shape'],
  ['[]', 'the whole has another shape'],
  ['{"auths": {"a.example.com": {"auth": "c2VjcmV0"}}}', 'holds no user and password'],
])('a broken docker config %s is an error that does not quote it', async (text, message) => {
  const folder = mkdtempSync(join(root, 'broken-'));
  writeFileSync(join(folder, 'config.json'), text);

  const thrown = await failureOf(credentialOf(folder, 'a.example.com'));

  expect(thrown).toMatchObject({ code: 'credentials_failed' });
  expect(String(thrown)).toContain(message);
  expect(String(thrown)).toContain(join(folder, 'config.json'));
  expect(String(thrown)).not.toContain('cret"');
});

test('a real helper on PATH is run with the host on its stdin', async () => {
  const bin = mkdtempSync(join(root, 'bin-'));
  const program = join(bin, 'docker-credential-real');
  writeFileSync(
    program,
    '#!/bin/sh\nread -r host\nprintf \'{"Username":"%s","Secret":"%s"}\' "$1-$host" "$WORD$CAUSEWAY_SIGNING_KEY"\n',
  );
  chmodSync(program, 0o755);
  const env = {
    DOCKER_CONFIG: configFolder({ credsStore: 'real' }),
    PATH: `${bin}:${process.env.PATH}`,
    WORD: 'w0rd',
    // No business of a helper's.
    CAUSEWAY_SIGNING_KEY: 'a private key',
  };

  expect(await dockerCredentials({ env })('a.example.com', signal)).toEqual({
    username: 'get-a.example.com',
    password: 'w0rd',
  });
  const thrown = await failureOf(dockerCredentials({ env: { ...env, PATH: root } })('a.example.com', signal));
  expect(String(thrown)).toContain('docker-credential-real is not on PATH');
});

function configFolder(config: unknown): string {
  const folder = mkdtempSync(join(root, 'config-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** With programs that all end the same way, or are missing. */
function credentialOf(folder: string, host: string, end?: ProgramEnd): Promise<Credential | undefined> {
  return dockerCredentials({ env: { DOCKER_CONFIG: folder }, run: async () => end })(host, signal);
}

function ended(code: number, stdout: string, stderr = ''): ProgramEnd {
  return { code, stdout, stderr };
}

function failureOf(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => undefined,
    (error: unknown) => error,
  );
}

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { have } from '../images/have.ts';
import { type Checker, findActionlint, findShellcheck, findZizmor } from './checkers.ts';

// The first run builds one from its Go module and installs the other from PyPI.
setDefaultTimeout(60_000);

const github = join(import.meta.dir, '../../.github');
const workflows = readdirSync(join(github, 'workflows')).map((file) => join(github, 'workflows', file));

const actionlint = await have('actionlint', findActionlint);
if (actionlint) describe('actionlint', () => testActionlint(actionlint));

const zizmor = await have('zizmor', findZizmor);
if (zizmor) describe('zizmor', () => testZizmor(zizmor));

const shellcheck = await have('shellcheck', findShellcheck);
if (shellcheck) describe('shellcheck', () => testShellcheck(shellcheck));

function testActionlint(check: Checker): void {
  for (const file of workflows) {
    test(`finds nothing in ${file.slice(github.length + 1)}`, async () => {
      expect(await check(file)).toBe('');
    });
  }

  test('finds nothing in a good workflow', async () => {
    expect(await check(fixture('good'))).toBe('');
  });

  const wrong: readonly [string, string][] = [
    ['unknown-key', '[syntax-check]'],
    ['injected-title', '"github.event.pull_request.title" is potentially untrusted'],
    ['unquoted-shell', 'SC2086'],
  ];
  for (const [name, said] of wrong) {
    test(`refuses ${name}.yml`, async () => {
      expect(await check(fixture(name))).toContain(said);
    });
  }
}

function testZizmor(check: Checker): void {
  test('finds nothing in the workflows and in what updates them', async () => {
    expect(await check(github)).toBe('');
  });

  test('finds nothing in a good workflow', async () => {
    expect(await check(fixture('good'))).toBe('');
  });

  const wrong: readonly [string, string][] = [
    ['pull-request-target', 'dangerous-triggers'],
    ['unpinned-action', 'unpinned-uses'],
    ['injected-title', 'template-injection'],
    ['kept-credentials', 'artipacked'],
    ['every-right', 'excessive-permissions'],
  ];
  for (const [name, audit] of wrong) {
    test(`refuses ${name}.yml: ${audit}`, async () => {
      expect(await check(fixture(name))).toBe(audit);
    });
  }
}

function testShellcheck(check: Checker): void {
  const root = join(github, '..');
  const scripts = ['causeway', 'check', '.ci/run', 'bench/run', 'e2e/kind/prepare', 'scripts/pack-release'];
  for (const script of [...scripts, 'scripts/build-slides', 'scripts/install.sh']) {
    test(`finds nothing in ${script}`, async () => {
      expect(await check(join(root, script))).toBe('');
    });
  }

  test('refuses a script that forgets its quotes', async () => {
    expect(await check(join(import.meta.dir, 'fixtures/unquoted.sh'))).toContain('SC2086');
  });
}

function fixture(name: string): string {
  return join(import.meta.dir, 'fixtures', `${name}.yml`);
}

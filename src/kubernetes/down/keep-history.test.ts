import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepHistory } from './keep-history.ts';

const folders: string[] = [];
const place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };
const server = 'https://cluster.example.com';

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-keep-'));
  folders.push(folder);
  return folder;
}

test('records are added to those of earlier environments by the same name, each once', async () => {
  const stateFolder = freshFolder();

  const path = await keepHistory({ stateFolder, place, server, records: ['{"id":"a"}', '{"id":"b"}'] });
  await keepHistory({ stateFolder, place, server, records: ['{"id":"b"}', '{"id":"c"}'] });

  expect(readFileSync(path, 'utf8')).toBe('{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('the same names in another cluster are another history', async () => {
  const stateFolder = freshFolder();
  const records = ['{"id":"a"}'];

  const here = await keepHistory({ stateFolder, place, server, records });
  const there = await keepHistory({ stateFolder, place, server: 'https://other.example.com', records });

  expect(there).not.toBe(here);
});

test('a folder that cannot be written is told before anything is taken down', async () => {
  const stateFolder = join(freshFolder(), 'a file');
  writeFileSync(stateFolder, '');

  const error = await keepHistory({ stateFolder, place, server, records: ['{"id":"a"}'] }).catch(
    (thrown: unknown) => thrown,
  );

  expect(error).toMatchObject({ code: 'state_not_writable' });
});

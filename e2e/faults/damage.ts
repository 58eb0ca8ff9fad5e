import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pick } from '../../src/core/seeded-random.ts';
import type { Paths } from '../../src/local/paths.ts';

/** What may befall a file. */
export const damages = {
  missing: () => undefined,
  empty: () => Buffer.alloc(0),
  truncated: (content, random) => content.subarray(0, Math.floor(random() * content.length)),
  'overwritten with zeros': (content, random) => {
    const from = Math.floor(random() * content.length);
    return Buffer.concat([content.subarray(0, from), Buffer.alloc(content.length - from)]);
  },
  'random bytes': (content, random) => Buffer.from(content.map(() => random() * 256)),
  'one bit flipped': (content, random) => {
    const flipped = Buffer.from(content);
    const at = Math.floor(random() * content.length);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return flipped;
  },
  'another JSON': (_, random) => Buffer.from(pick(random, others)),
  'a folder in its place': () => 'folder',
} satisfies Record<string, Damage>;
type Damage = (content: Buffer, random: () => number) => Buffer | 'folder' | undefined;
export type DamageName = keyof typeof damages;

const others = [
  'null',
  '[]',
  '{}',
  '"text"',
  '7',
  '{"schemaVersion":1}',
  '[{"pid":1}]',
  '{"pid":-1,"birth":""}',
];

/** The files of an environment's state, each by what it is. */
export const kinds = {
  'desired state': ({ desired }) => [desired],
  history: ({ history }) => [history],
  lock: ({ lock }) => [lock],
  census: ({ census }) => [census],
  origin: ({ root }) => [join(root, 'origin.json')],
  'releases’ manifests': ({ releases }) => filesBelow(releases),
  'releases’ files': ({ artifacts }) => filesBelow(artifacts),
  secrets: ({ secrets }) => filesBelow(secrets),
  logs: ({ logs }) => filesBelow(logs),
  'supervisor’s code': ({ runtime }) => [join(runtime, 'supervisor.js')],
  'supervisor’s log': ({ supervisorLog }) => [supervisorLog],
  socket: ({ socket }) => [socket],
} satisfies Record<string, (paths: Paths) => readonly string[]>;
export type FileKind = keyof typeof kinds;

/** Damages all files of a kind, each in its own way of that. */
export function damage(paths: Paths, kind: FileKind, how: DamageName, random: () => number): void {
  for (const path of kinds[kind](paths)) {
    const found = damages[how](readIfFile(path), random);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(found === 'folder' ? path : dirname(path), { recursive: true, mode: 0o700 });
    if (found instanceof Buffer) writeFileSync(path, found, { mode: 0o600 });
  }
}

function readIfFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    // A socket, or nothing.
    return Buffer.from('nothing');
  }
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

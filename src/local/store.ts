import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Artifact, ImageContent } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { goodReleases, type RolloutRecord } from '../core/record.ts';
import { canonicalJson, type Release } from '../core/release.ts';
import { holdsArtifact, unpackArtifact } from '../image/unpack.ts';
import {
  makeFolder,
  readIfThere,
  syncFolder,
  syncTree,
  toStateError,
  withStateErrors,
  writeDurably,
} from './durable.ts';
import { readRelease } from './history.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';

/** How many good releases can be returned to. */
export const keptReleases = 20;

/**
 * Keeps a copy of the release and of the artifact that it is made of, named by content. Resolves to whether it took the
 * place of a copy that had been damaged.
 */
export async function storeRelease(paths: Paths, release: Release, artifact: Artifact): Promise<boolean> {
  storeManifest(paths, release);
  const folder = artifactFolder(paths, release.artifact);
  const found = inodeOf(folder);
  if (found !== undefined && (await holdsArtifact(artifact.tar, folder))) return false;
  await placeWhole(folder, (unfinished) => unpackArtifact(artifact.tar, unfinished), found);
  return found !== undefined;
}

export interface StoreImageOptions {
  readonly image: ImageContent;
  /** What the engine runs: the rest is left out. */
  readonly platform: Platform;
  readonly signal: AbortSignal;
}

/** The same of a release that is made from an image. */
export async function storeImageRelease(
  paths: Paths,
  release: Release,
  { image, platform, signal }: StoreImageOptions,
): Promise<void> {
  storeManifest(paths, release);
  const folder = imageFolder(paths, image.digest);
  if (existsSync(folder)) return;
  await placeWhole(folder, (unfinished) => image.copyTo(unfinished, signal, platform));
}

/** First, so that from here on nobody clears away what a release that is this new is made of. */
function storeManifest({ releases }: Paths, release: Release): void {
  makeFolder(releases);
  writeDurably(join(releases, `${release.id}.json`), canonicalJson(release));
}

export function isStored(paths: Paths, release: Release): boolean {
  return existsSync(contentFolder(paths, release));
}

/** Where a replica of this release runs: the files of the artifact. */
export function artifactFolder({ artifacts }: Pick<Paths, 'artifacts'>, digest: string): string {
  return join(artifacts, digest.replace('sha256:', ''));
}

/** Where the image of a release lies, as an OCI layout. */
export function imageFolder({ images }: Pick<Paths, 'images'>, digest: string): string {
  return join(images, digest.replace('sha256:', ''));
}

function contentFolder(paths: Paths, { artifact, image }: Release): string {
  return image === undefined ? artifactFolder(paths, artifact) : imageFolder(paths, image);
}

/** Removes what cannot be returned to: all but the last good releases and those in use. */
export function clearReleases(
  paths: Paths,
  records: readonly RolloutRecord[],
  inUse: readonly Release[],
  now = Date.now(),
): void {
  const isNew = (path: string) => now - changedAt(path) < newMs;
  const kept = new Set([...goodReleases(records).slice(0, keptReleases), ...inUse.map(({ id }) => id)]);
  const keptContent = new Set(inUse.map((release) => contentFolder(paths, release)));
  for (const file of readdirSync(paths.releases)) {
    const id = file.replace(/\.json$/, '');
    const path = join(paths.releases, file);
    const release = kept.has(id) || isNew(path) ? readRelease(paths, id) : undefined;
    if (release) keptContent.add(contentFolder(paths, release));
    else if (!isNew(path)) rmSync(path, { force: true });
  }
  for (const parent of [paths.artifacts, paths.images].filter(existsSync)) {
    for (const folder of readdirSync(parent).map((name) => join(parent, name))) {
      if (!keptContent.has(folder) && !isNew(folder)) rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** What was stored a moment ago may belong to a command that is about to roll it out. */
const newMs = 600_000;

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}

const secretsSchema = z.record(z.string(), z.string());
export type Secrets = z.infer<typeof secretsSchema>;

export interface StoreSecretsOptions {
  /** The sets in use: one that holds the same keeps its name. */
  readonly inUse: readonly (string | undefined)[];
  /** A new name, whatever is in use: replicas of the same release are told apart by it. */
  readonly isFresh: boolean;
}

/** Stores the environment's secrets under a random name, which says nothing of them; its name, if one is needed. */
export function storeSecrets(
  paths: Paths,
  secrets: Secrets,
  { inUse, isFresh }: StoreSecretsOptions,
): string | undefined {
  const content = canonicalJson(secrets);
  const same = inUse.find((name) => name !== undefined && readIfThere(secretsFile(paths, name)) === content);
  if (same !== undefined && !isFresh) return same;
  if (Object.keys(secrets).length === 0 && !isFresh) return undefined;
  const name = randomBytes(6).toString('hex');
  makeFolder(paths.secrets);
  writeDurably(secretsFile(paths, name), content);
  return name;
}

export function readSecrets(paths: Paths, name: string | undefined): Secrets {
  if (name === undefined) return {};
  const file = secretsFile(paths, name);
  const secrets = secretsSchema.safeParse(parseJson(readIfThere(file) ?? ''));
  if (secrets.success) return secrets.data;
  throw new UserError({
    code: 'state_corrupt',
    message: `the stored secrets cannot be read: ${file}`,
    hint: 'causeway up reads them from their sources again',
  });
}

export function clearSecrets(paths: Paths, inUse: readonly (string | undefined)[]): void {
  for (const file of readdirSync(paths.secrets)) {
    if (!inUse.includes(file.replace(/\.json$/, ''))) rmSync(join(paths.secrets, file), { force: true });
  }
}

function secretsFile({ secrets }: Paths, name: string): string {
  return join(secrets, `${name}.json`);
}

/**
 * Filled beside its place and moved there whole, so that a crash leaves no half of it. In the place of a folder that was
 * found damaged, and of no other: what somebody else put there meanwhile is whole, and may be running.
 */
async function placeWhole(
  folder: string,
  fill: (unfinished: string) => Promise<void>,
  damagedInode?: number,
): Promise<void> {
  const unfinished = `${folder}.${process.pid}.tmp`;
  const damaged = `${folder}.damaged.${process.pid}.tmp`;
  rmSync(unfinished, { recursive: true, force: true });
  makeFolder(unfinished);
  try {
    await fill(unfinished).catch((error: unknown) => {
      throw toStateError(unfinished, error);
    });
    withStateErrors(folder, () => {
      syncTree(unfinished);
      if (damagedInode !== undefined && inodeOf(folder) === damagedInode) renameSync(folder, damaged);
      moveUnlessThere(unfinished, folder);
      syncFolder(dirname(folder));
    });
  } finally {
    for (const path of [unfinished, damaged]) rmSync(path, { recursive: true, force: true });
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Another command may store the same at this moment: whichever is there first is as good. */
function moveUnlessThere(from: string, to: string): void {
  try {
    if (!existsSync(to)) renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

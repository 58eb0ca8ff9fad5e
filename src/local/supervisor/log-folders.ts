import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { shortId } from '../../core/release.ts';

/** How many replicas' logs are kept, those of replicas that were taken out among them. */
const keptLogs = 60;

/** `<release>-<milliseconds since 1970>-<n>`: the names sort by time within a release. */
export function replicaName(release: string, serial: number): string {
  return `${shortId(release)}-${Date.now()}-${serial}`;
}

export function replicaLogFolder(logs: string, replica: string): string {
  return join(logs, replica);
}

/** The log of a rollout's release command: the one that there is, or a new one, named as a replica's is. */
export function commandLogFolder(logs: string, release: string, rollout: string): string {
  const found = commandFolders(logs).find((name) => name.endsWith(`-${rollout}`));
  return join(logs, found ?? `${shortId(release)}-${Date.now()}-${commandWord}-${rollout}`);
}

/** The names of the folders of release commands. */
export function commandFolders(logs: string): readonly string[] {
  return existsSync(logs) ? readdirSync(logs).filter((name) => name.includes(`-${commandWord}-`)) : [];
}

const commandWord = 'command';

/** Removes the oldest logs of replicas that no longer run. */
export function clearLogs(logs: string, running: readonly string[]): void {
  const startedAt = (name: string) => statSync(join(logs, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const ended = readdirSync(logs).filter((name) => !running.includes(name));
  const oldestFirst = ended.sort((a, b) => startedAt(a) - startedAt(b));
  for (const name of oldestFirst.slice(0, Math.max(0, oldestFirst.length - keptLogs))) {
    rmSync(join(logs, name), { recursive: true, force: true });
  }
}

import { readdirSync, rmSync } from 'node:fs';
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

/** The log of a rollout's release command. */
export function commandLogFolder(logs: string, rollout: string): string {
  return join(logs, `command-${rollout}`);
}

/** Removes the oldest logs of replicas that no longer run. */
export function clearLogs(logs: string, running: readonly string[]): void {
  const startedAt = (name: string) => Number(name.split('-')[1]) || 0;
  const ended = readdirSync(logs).filter((name) => !running.includes(name));
  const oldestFirst = ended.sort((a, b) => startedAt(a) - startedAt(b));
  for (const name of oldestFirst.slice(0, Math.max(0, oldestFirst.length - keptLogs))) {
    rmSync(join(logs, name), { recursive: true, force: true });
  }
}

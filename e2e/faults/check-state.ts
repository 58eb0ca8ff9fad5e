import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Status } from '../../src/core/environment.ts';
import { type RolloutRecord, recordSchema } from '../../src/core/record.ts';
import { parseJson } from '../../src/local/json.ts';
import { type Project, until } from '../local/project.ts';

export interface Checked {
  readonly records: readonly RolloutRecord[];
  /** What broke a promise; empty where none was. */
  readonly broken: readonly string[];
}

/** Waits until all is as after a rollout, and looks for what is not, or is not what it was `before`. */
export async function checkState(project: Project, before: readonly RolloutRecord[]): Promise<Checked> {
  const isWhole = () => {
    const { supervisors, keepers, replicas } = project.processes();
    return supervisors.length === 1 && keepers.length === 1 && replicas.length === 2;
  };
  const status = await until('it serves, whole', async () => {
    const now = await statusOf(project);
    return now?.state === 'serving' && now.rollout === undefined && isWhole();
  }).then(
    () => statusOf(project),
    () => undefined,
  );
  if (status === undefined) {
    const { state, because, rollout } = (await statusOf(project)) ?? {};
    const seen = JSON.stringify({ state, because, rollout, ...project.processes() });
    return { records: before, broken: [`it does not serve whole: ${seen}`] };
  }
  const { records, broken } = checkRecords(project, before, status);
  return { records, broken: [...broken, ...(await checkService(project, status)), ...checkLeft(project)] };
}

async function statusOf({ paths }: Project): Promise<Status | undefined> {
  try {
    const response = await fetch('http://supervisor/status', { unix: paths.socket });
    return ((await response.json()) as { status: Status }).status;
  } catch {
    return undefined;
  }
}

function checkRecords({ paths }: Project, before: readonly RolloutRecord[], { stable }: Status): Checked {
  const broken: string[] = [];
  const lines = readFileSync(paths.history, 'utf8').trimEnd().split('\n');
  const records = lines.flatMap((line) => {
    const read = recordSchema.safeParse(parseJson(line));
    if (!read.success) broken.push(`a record is not whole: ${line}`);
    return read.success ? [read.data] : [];
  });
  if (!isDeepStrictEqual(records.slice(0, before.length), before))
    broken.push('records of before are not what they were');
  const ids = records.map(({ id }) => id);
  if (new Set(ids).size !== ids.length) broken.push(`a rollout has two records: ${ids}`);
  for (const id of halfDoneIn(paths.supervisorLog))
    if (!ids.includes(id)) broken.push(`the rollout ${id}, found half-done, has no record`);
  for (const { id, traffic } of records.slice(before.length))
    if (traffic.lost > 0) broken.push(`the record of ${id} counts ${traffic.lost} lost`);
  const good = records.filter(({ verdict }) => verdict.kind === 'good').at(-1);
  if (stable?.release !== good?.release)
    broken.push(`${stable?.release} is stable, and ${good?.release} was found good last`);
  return { records, broken };
}

function halfDoneIn(log: string): readonly string[] {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  return [...text.matchAll(/"event":"rollout found half-done","rollout":"([^"]+)"/g)].map(
    ([, id]) => id ?? '',
  );
}

async function checkService(project: Project, { stable }: Status): Promise<readonly string[]> {
  const { release, status } = await project.ask();
  const wanted = stable?.release.slice(0, 7);
  return status === 200 && release === wanted ? [] : [`${status} by ${release}; ${wanted} is to serve`];
}

function checkLeft(project: Project): readonly string[] {
  const known = [...project.processes().all, process.pid];
  const strays = project.strays().filter((pid) => !known.includes(pid));
  const left = unfinishedIn(project);
  return [
    ...(strays.length > 0 ? [`orphans: ${strays.join(', ')}`] : []),
    ...(left.length > 0 ? [`half-written files are left: ${left.join(', ')}`] : []),
  ];
}

/** What a killed process was about to put in the place of a file. */
function unfinishedIn({ paths }: Project): readonly string[] {
  const folders = [paths.root, paths.runtime, dirname(paths.socket)];
  return folders
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.tmp')));
}

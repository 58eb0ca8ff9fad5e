import type { Cli, Result } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { StatusAllResult } from '../../json.ts';
import { printable } from '../../terminal/printable.ts';
import { renderTable } from '../../terminal/table.ts';

/** Every environment that this machine remembers, whatever became of its config. */
export async function showAll({ io, out }: Cli): Promise<Result> {
  const stored = await io.listStored(io.env);
  const json: StatusAllResult = {
    environments: stored.map(({ project, folder, name, isRunning }) => ({
      project,
      folder,
      environment: name,
      isRunning,
    })),
  };
  if (stored.length === 0) return { json, lines: ['no environment was made on this machine'] };
  const lines = renderTable({
    columns: [
      { title: '' },
      { title: 'project' },
      { title: 'environment' },
      { title: 'made from', least: 20 },
    ],
    rows: stored.map(({ project, folder, name, isRunning }) => [
      isRunning ? '●' : '○',
      project,
      name,
      printable(folder),
    ]),
    width: columnsOf(io.stdout),
    style: out,
  });
  const isAny = stored.some(({ isRunning }) => isRunning);
  return { json, lines, next: isAny ? ['take all down: causeway down --all'] : [] };
}

import { showMs } from '../../../core/duration.ts';
import { shortId } from '../../../core/release.ts';
import { groupThousands } from '../../terminal/count.ts';
import type { Style } from '../../terminal/style.ts';
import { renderTable } from '../../terminal/table.ts';
import type { Scene } from './play-act.ts';

/** What came of it, in one line. */
export function describeScene(scene: Scene): string {
  const { record, code, badForMs } = scene;
  if (code === 'test_failed') return 'its tests failed: nothing was started';
  if (code !== undefined) return `the command failed: ${code}`;
  if (!record) return 'nothing changed';
  if (record.verdict.kind === 'good') {
    const took = showMs(record.endedAt - record.startedAt);
    return record.kind === 'rollback'
      ? `${shortId(record.release)} serves again after ${took}`
      : `${shortId(record.release)} is good and serves`;
  }
  const after =
    badForMs === undefined
      ? `in ${showMs(record.endedAt - record.startedAt)}`
      : `after ${showMs(badForMs)} of bad answers`;
  // Which answers they were, and what the stable release did, stands in the record; the line shall fit a terminal.
  const [reason = ''] = record.verdict.message.split(/, of the stable| \(/);
  return `taken back ${after}: ${reason}`;
}

/** The same in a few words. */
function nameScene({ record, code }: Scene): string {
  if (code === 'test_failed') return 'refused by its tests';
  if (!record) return code ?? 'nothing';
  if (record.verdict.kind === 'failed') return `taken back: ${record.verdict.cause}`;
  return record.kind === 'rollback' ? 'serves again' : 'good';
}

/** The promises that this scene broke, in words; none is what is wanted. */
export function findBroken(scene: Scene, stable: string | undefined): readonly string[] {
  const { act, record, code, serves, requests, errors, lost } = scene;
  const broken: string[] = [];
  const came =
    code ?? (record?.verdict.kind === 'failed' ? record.verdict.cause : (record?.verdict.kind ?? 'nothing'));
  if (came !== act.expected) broken.push(`${act.title}: expected ${act.expected}, came ${came}`);
  const isTakenBack = record?.verdict.kind === 'failed';
  if (isTakenBack && serves !== stable) broken.push(`${act.title}: the stable release no longer serves`);
  const allLost = lost + (record?.traffic.lost ?? 0);
  if (allLost > 0) broken.push(`${act.title}: ${allLost} requests were lost`);
  const mostErrors = act.expected === 'errors' ? requests / 2 : 0;
  if (errors > mostErrors) broken.push(`${act.title}: ${errors} of ${requests} requests failed`);
  return broken;
}

export function showTable(scenes: readonly Scene[], width: number, style: Style): readonly string[] {
  return renderTable({
    columns: [
      { title: 'act' },
      { title: 'what came of it', least: 12 },
      { title: 'seconds', align: 'right' },
      { title: 'requests', align: 'right' },
      { title: 'errors', align: 'right' },
      { title: 'lost', align: 'right' },
    ],
    rows: scenes.map((scene) => [
      scene.act.label,
      nameScene(scene),
      (scene.ms / 1000).toFixed(2),
      groupThousands(scene.requests),
      groupThousands(scene.errors),
      groupThousands(scene.lost),
    ]),
    width,
    style,
  });
}

import { exitCodes, UserError } from '../../../core/errors.ts';
import { type Load, startLoad } from '../../../load/load.ts';
import { presets } from '../../../load/shape.ts';
import { findFreePort } from '../../../local/free-port.ts';
import type { Cli, Result } from '../../cli.ts';
import { Interrupted } from '../../interrupted.ts';
import { columnsOf } from '../../io.ts';
import type { DemoResult } from '../../json.ts';
import { Board } from '../../terminal/board.ts';
import { count } from '../../terminal/count.ts';
import { takeDown } from '../down/down.ts';
import { acts } from './acts.ts';
import { DemoCopy } from './copy.ts';
import { playAct, type Scene } from './play-act.ts';
import { describeScene, findBroken, showTable } from './scene.ts';

/** Plays the story in its own copy, takes it down, and says whether every promise was kept. */
export async function runDemo(cli: Cli, { isPaced }: { readonly isPaced: boolean }): Promise<Result> {
  const { io } = cli;
  const board = new Board(io, cli.err);
  const port = findFreePort();
  const copy = new DemoCopy(port);
  const inCopy = moveInto(copy, cli);
  try {
    board.say({
      label: 'demo',
      text: `a small service at http://127.0.0.1:${port}, under steady traffic`,
    });
    const { scenes, broken } = await playActs(inCopy, { board, copy, port, isPaced });
    board.show('down', 'the copy is taken away');
    const isGone = await removeCopy(inCopy, copy);
    board.end({ label: 'down', text: isGone ? 'no process, port or folder is left' : 'something is left' });
    return conclude(cli, scenes, isGone ? broken : [...broken, 'down left something behind']);
  } catch (thrown) {
    await removeCopy(inCopy, copy);
    if (!io.signal.aborted) throw thrown;
    throw new Interrupted('the demo was taken down', 'causeway demo');
  } finally {
    board.close();
  }
}

/** The same command, elsewhere: its own config and state, and silent. It is not interrupted by halves. */
function moveInto(copy: DemoCopy, cli: Cli): Cli {
  const silent = { write: () => undefined, isTerminal: false, columns: 80 };
  return {
    ...cli,
    options: { config: copy.config },
    io: { ...cli.io, stdout: silent, stderr: silent, env: { ...cli.io.env, ...copy.env }, cwd: copy.folder },
  };
}

interface Stage {
  readonly board: Board;
  readonly copy: DemoCopy;
  readonly port: number;
  readonly isPaced: boolean;
}

async function playActs(cli: Cli, { board, copy, port, isPaced }: Stage) {
  const scenes: Scene[] = [];
  const broken: string[] = [];
  let load: Load | undefined;
  let stable: string | undefined;
  try {
    for (const act of acts) {
      cli.io.signal.throwIfAborted();
      if (isPaced) {
        board.show('next', `${act.title}: Enter to go on`);
        if (await cli.io.pause()) board.entered();
        cli.io.signal.throwIfAborted();
      }
      board.show(act.label, act.title);
      const scene = await playAct(cli, act, copy, load);
      load ??= startLoad({ port, shape: presets.plain({ scale: 0.5 }) });
      board.end({ label: act.label, text: act.title, ms: scene.ms });
      board.below(describeScene(scene));
      if (scene.requests > 0) board.below(describeTraffic(scene));
      scenes.push(scene);
      broken.push(...findBroken(scene, stable));
      stable = scene.serves ?? stable;
    }
    return { scenes, broken };
  } finally {
    await load?.stop();
  }
}

function describeKept(scenes: readonly Scene[]): string {
  const sum = (read: (scene: Scene) => number) => scenes.reduce((total, scene) => total + read(scene), 0);
  const requests = count(
    sum((scene) => scene.requests),
    'request',
  );
  return `every promise was kept: ${requests}, ${sum(({ errors }) => errors)} errors of a bad release, 0 lost`;
}

function describeTraffic({ requests, errors, lost }: Scene): string {
  return `${count(requests, 'request')} meanwhile, ${count(errors, 'error')}, ${lost} lost`;
}

/** Whether nothing is left of the copy. */
async function removeCopy(inCopy: Cli, copy: DemoCopy): Promise<boolean> {
  const patient = { ...inCopy, io: { ...inCopy.io, signal: new AbortController().signal } };
  const result = await takeDown(patient, 'local', { isSure: true, isDry: false }).catch(() => undefined);
  copy.remove();
  return result?.exit === exitCodes.done;
}

function conclude({ io, out }: Cli, scenes: readonly Scene[], broken: readonly string[]): Result {
  const json: DemoResult = {
    isKept: broken.length === 0,
    broken: [...broken],
    acts: scenes.map((scene) => {
      const { act, ms, requests, errors, lost } = scene;
      return {
        act: act.label,
        came: describeScene(scene),
        elapsedMs: Math.round(ms),
        requests,
        errors,
        lost,
      };
    }),
  };
  const width = columnsOf(io.stdout);
  const lines = showTable(scenes, width, out);
  if (broken.length === 0) return { json, lines: [...lines, out.good(describeKept(scenes))] };
  return {
    json,
    lines,
    error: new UserError({
      code: 'demo_broke',
      message: broken.join('\n       '),
      hint: 'please report it, with what is printed above',
    }),
  };
}

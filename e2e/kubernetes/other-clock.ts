import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Project } from './project.ts';

export interface OtherClock {
  /** From now on every command of the project that was started since tells the time so. */
  readonly set: (minutesOff: number) => void;
  /** No command that is started from now on has it. */
  readonly remove: () => void;
}

/** A clock for the project's commands alone, which may be put forward and back while they run. */
export function giveOtherClock(project: Pick<Project, 'base' | 'env'>, minutesOff = 0): OtherClock {
  const path = join(project.base, 'minutes off');
  const module = join(project.base, 'other-clock.ts');
  const set = (minutes: number) => writeFileSync(path, String(minutes));
  set(minutesOff);
  writeFileSync(module, clock(path));
  project.env.BUN_OPTIONS = `--preload=${module}`;
  return {
    set,
    remove() {
      delete project.env.BUN_OPTIONS;
    },
  };
}

/** A module after which a program sees the time of a file. */
function clock(path: string): string {
  return `import { readFileSync } from 'node:fs';
const Real = Date;
const now = () => Real.now() + Number(readFileSync(${JSON.stringify(path)}, 'utf8')) * 60_000;
globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
  static now = now;
};
`;
}

import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { exitCodes } from '../../core/errors.ts';

export interface Example {
  readonly command: string;
  readonly shows: string;
}

/** What help and docs/cli.md say of a command beside its arguments and flags. */
export interface Guide {
  readonly examples: readonly Example[];
  /** What it does, for docs/cli.md and its own help; paragraphs. */
  readonly about: readonly string[];
  /** How it can end. */
  readonly exits: readonly (keyof typeof exitCodes)[];
  /** What any other exit code means, where there are others. */
  readonly otherExit?: string;
}

const guides = new WeakMap<object, Guide>();

export function withGuide<C extends CommandUnknownOpts>(command: C, guide: Guide): C {
  guides.set(command, guide);
  return command;
}

export function guideOf(command: object): Guide | undefined {
  return guides.get(command);
}

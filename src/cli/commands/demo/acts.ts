import type { Cause } from '../../../core/verdict.ts';
import type { Edit } from './copy.ts';

export interface Act {
  readonly label: string;
  /** What the audience is about to see. */
  readonly title: string;
  readonly edit?: Edit;
  readonly command: 'up' | 'deploy' | 'rollback';
  /** What must come of it: a good release, a refusal by the tests, or a release taken back for this cause. */
  readonly expected: 'good' | 'test_failed' | Cause;
}

/** Only a replica is given RELEASE, so that these faults pass the tests, as those of real life do. */
const whereItRuns = 'process.env.RELEASE';

export const acts: readonly Act[] = [
  {
    label: 'first',
    title: 'the first release',
    command: 'up',
    expected: 'good',
  },
  {
    label: 'good',
    title: 'one line changed, and it is good',
    command: 'deploy',
    edit: { file: 'message.ts', from: 'Math.floor(', to: 'Math.trunc(' },
    expected: 'good',
  },
  {
    label: 'tests',
    title: 'a change that breaks a test',
    command: 'deploy',
    edit: { file: 'message.ts', from: 'now / 1000', to: 'now' },
    expected: 'test_failed',
  },
  {
    label: 'crash',
    title: 'a release that crashes where it runs',
    command: 'deploy',
    edit: {
      file: 'main.ts',
      from: "import { answer } from './message.ts';",
      to: `import { answer } from './message.ts';\nif (${whereItRuns}) throw new Error('DATABASE_URL is not set');`,
    },
    expected: 'crashed',
  },
  {
    label: 'errors',
    title: 'a release that turns bad under traffic',
    command: 'deploy',
    edit: {
      file: 'message.ts',
      from: '  return',
      to: `  if (${whereItRuns} && process.uptime() > 0.5) throw new Error('the connection pool is exhausted');\n  return`,
    },
    expected: 'errors',
  },
  {
    label: 'rollback',
    title: 'back to the first release',
    command: 'rollback',
    expected: 'good',
  },
];

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { RolloutRecord } from '../../src/core/record.ts';
import type { Cause } from '../../src/core/verdict.ts';
import type { Cause as ErrorCause } from '../../src/load/report.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { noMoreThan300Mi } from '../cluster/pod-policy.ts';
import { have } from '../images/have.ts';
import { type Ended, mustEnd } from '../local/project.ts';
import { causeOf, failuresBetween } from '../rollout-story.ts';
import { pushWithoutLayer } from './broken-image.ts';
import { objectsThatName } from './left-over.ts';
import type { Load } from './load.ts';
import { makeProject, type Project } from './project.ts';
import { settled } from './serving-project.ts';

setDefaultTimeout(120_000);

interface Expected {
  readonly what: string;
  /** A fixture, or what else makes the release. */
  readonly does: string | 'image-missing' | 'no-such-command' | 'too-much-memory';
  /** Makes another good release of the same fixture. */
  readonly mark?: string;
  readonly verdict: 'good' | Cause;
  /** Of the verdict's one line. */
  readonly says?: RegExp;
  readonly exit?: string;
  readonly printed?: string;
  /** What its users may see beside good answers, each at most as often as the candidate's share. */
  readonly errors?: readonly ErrorCause[];
}

/** A request that went to a replica which crashed or hung. */
const cutOff = ['refused', 'unreachable', 'reset', 'cut', 'timed-out'] as const;

/** The story, in this order, under one load that never stops. */
const story: readonly Expected[] = [
  { what: 'a good release', does: 'good.ts', mark: 'two', verdict: 'good' },
  {
    what: 'an image that no node can pull',
    does: 'image-missing',
    verdict: 'image',
    says: /is not in/,
  },
  {
    what: 'a crash at the start',
    does: 'crash-at-start.ts',
    verdict: 'crashed',
    says: /exit code 1/,
    exit: 'exit code 1',
    printed: 'fatal: cannot parse DATABASE_URL',
  },
  {
    what: 'a service that is never ready',
    does: 'never-ready.ts',
    verdict: 'never-ready',
    says: /\/readyz|503/,
  },
  { what: 'another good release', does: 'good.ts', mark: 'three', verdict: 'good' },
  { what: 'the wrong port', does: 'listens-elsewhere.ts', verdict: 'not-listening', says: /8080|port/ },
  {
    what: 'a command that its image does not have',
    does: 'no-such-command',
    verdict: 'config',
    says: /not-there/,
  },
  { what: 'a pod that a policy refuses', does: 'too-much-memory', verdict: 'refused', says: /at most 300Mi/ },
  { what: 'too much memory', does: 'eats-memory.ts', verdict: 'out-of-memory', says: /192 ?Mi/ },
  {
    what: 'an error on a declared path',
    does: 'error-on-declared-path.ts',
    verdict: 'declared-path',
    says: /500/,
  },
  {
    what: '500 on every third request',
    does: 'errors-under-traffic.ts',
    verdict: 'errors',
    says: /\d+ of \d+ requests failed \(\d+ answers? of 500 to \/\)/,
    errors: ['other-5xx'],
  },
  { what: 'a third good release', does: 'good.ts', mark: 'four', verdict: 'good' },
  {
    what: 'a crash while it is watched',
    does: 'crash-under-traffic.ts',
    verdict: 'crashed',
    exit: 'exit code 1',
    printed: 'at loseConnection',
    errors: cutOff,
  },
  { what: 'one that hangs', does: 'stops-answering.ts', verdict: 'hung', errors: cutOff },
  { what: 'one that is much slower', does: 'slow-under-traffic.ts', verdict: 'slow', says: /\d+ ms/ },
];

/** What is known at the deadline for the start alone. */
const atDeadline: ReadonlySet<Expected['verdict']> = new Set([
  'never-ready',
  'not-listening',
  'declared-path',
]);
/** One candidate replica beside two stable ones. */
const candidateShare = 1 / 3;
/** After each rollout so many more requests must go well: the last good release serves. */
const requestsAfter = 150;

const kind = await have('a cluster', findCluster);
if (kind) describe('under a load that never stops', tellStory);

function tellStory(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;
  /** The releases that were found good, one after the other. */
  const good: string[] = [];
  const told: RolloutRecord[] = [];

  beforeAll(async () => {
    cluster = await openCluster();
    project = await makeProject(cluster);
  });

  afterAll(async () => {
    await cluster?.kubectl('delete', '--ignore-not-found', ...policyNames(project.namespace));
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('up makes all of it, and its first release answers through the Service', async () => {
    project.use('good.ts');

    const up = await mustEnd(project.causeway('up', '--json'));

    const { release = '', serves } = up.json();
    expect(serves).toBe(release);
    good.push(release);
    expect(await project.ask()).toEqual({
      status: 200,
      release: release.slice(0, 7),
      body: `{"release":"${release.slice(0, 7)}","mark":"one"}`,
    });
    await cluster.apply(
      ...noMoreThan300Mi({ name: limitOf(project.namespace), namespace: project.namespace }),
    );
    load = await project.load();
    await load.more(requestsAfter);
  });

  for (const expected of story) {
    const { what, verdict, errors = [] } = expected;
    const claim = verdict === 'good' ? 'is good' : `is taken back as ${verdict}`;
    const users = errors.length === 0 ? 'no user sees it' : 'no request is lost, errors keep to its share';

    test(`${what} ${claim}, ${users}`, async () => {
      const before = load.report();

      const ended = await roll(expected);
      await settled(project);
      const after = await load.more(requestsAfter);

      const { record, serves } = ended.json();
      if (record) told.push(record);
      if (verdict === 'good' && record) good.push(record.release);
      expect(summary(ended), ended.stderr).toMatchObject(summaryOf(expected));
      expect(serves).toBe(good.at(-1) ?? '');
      expect(record?.traffic.lost).toBe(0);
      expect((await project.ask()).release).toBe(good.at(-1)?.slice(0, 7) ?? '');
      const failed = failuresBetween(before, after);
      expect(Object.keys(failed).filter((cause) => !errors.some((error) => error === cause))).toEqual([]);
      const count = Object.values(failed).reduce((sum, one) => sum + one, 0);
      expect(count).toBeLessThanOrEqual(candidateShare * (after.requests - before.requests));
    });
  }

  test('the third-last good release is a command away, without a build', async () => {
    const to = good.at(-3) ?? '';

    const ended = await mustEnd(project.causeway('rollback', '--to', to.slice(0, 7), '--json'));

    const { record, serves } = ended.json();
    if (record) told.push(record);
    expect([serves, record?.traffic.lost]).toEqual([to, 0]);
    expect((await project.ask()).release).toBe(to.slice(0, 7));
  });

  test('every rollout has left its record, in order', async () => {
    const [first, ...later] = await project.records();

    expect(first?.verdict.kind).toBe('good');
    expect(later).toEqual(told);
    expect(later.map(({ verdict }) => causeOf(verdict))).toEqual([
      ...story.map(({ verdict }) => verdict),
      'good',
    ]);
    for (const record of later) expect(JSON.stringify(record).length).toBeLessThan(1000);
  });

  test('nothing was lost in the whole story', async () => {
    const report = await load.stop();

    const mayBe = new Set<string>(story.flatMap(({ errors = [] }) => errors));
    const lost = Object.entries(report.causes).filter(([cause, count]) => count > 0 && !mayBe.has(cause));
    expect(lost).toEqual([]);
    expect(report.stray).toBe(0);
  });

  test('down leaves nothing that was not there before, and says what is gone', async () => {
    await cluster.kubectl('delete', ...policyNames(project.namespace));

    const down = await mustEnd(project.causeway('down', '--yes', '--json'));

    const { items = [] } = down.json();
    expect(items.length).toBeGreaterThan(0);
    expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
    expect(await objectsThatName(cluster, project.namespace)).toEqual([]);
  });

  async function roll({ does, mark, verdict }: Expected): Promise<Ended> {
    // What ends by it is waited for; to all else a busy machine may give much more time.
    project.configure({ environment: { deadlines: { start: atDeadline.has(verdict) ? '9s' : '60s' } } });
    switch (does) {
      case 'image-missing': {
        project.use('good.ts', { mark: 'in an image without its layer' });
        return project.causeway('deploy', '--image', await pushWithoutLayer(project), '--json');
      }
      case 'no-such-command':
        return deployWith({ service: { entry: undefined, files: ['service.ts'], command: ['./not-there'] } });
      case 'too-much-memory':
        project.use('good.ts', { mark: 'too large for the policy' });
        return deployWith({ environment: { resources: { cpu: '20m', memory: '400Mi' } } });
      default:
        project.use(does, mark === undefined ? undefined : { mark });
        return project.causeway('deploy', '--json');
    }
  }

  /** Deploys with another config, and puts the present one back. */
  async function deployWith(changes: Parameters<Project['configure']>[0]): Promise<Ended> {
    project.configure(changes);
    const ended = await project.causeway('deploy', '--json');
    project.configure({
      service: { entry: 'service.ts', files: undefined, command: undefined },
      environment: { resources: { cpu: '20m', memory: '192Mi' } },
    });
    return ended;
  }
}

function limitOf(namespace: string): string {
  return `limit-${namespace}`;
}

function policyNames(namespace: string): readonly string[] {
  return ['validatingadmissionpolicybinding,validatingadmissionpolicy', limitOf(namespace)];
}

function summary(ended: Ended) {
  const { exitCode } = ended;
  const { outcome, record, error } = ended.json();
  const verdict = record?.verdict;
  return {
    exitCode,
    outcome,
    verdict: verdict && causeOf(verdict),
    ...(error ? { code: error.code } : {}),
    ...(verdict?.kind === 'failed'
      ? { says: verdict.message, exit: verdict.evidence?.exit, printed: verdict.evidence?.lines }
      : {}),
  };
}

function summaryOf({ verdict, says, exit, printed }: Expected) {
  if (verdict === 'good') return { exitCode: 0, outcome: 'good', verdict };
  return {
    exitCode: 3,
    outcome: 'failed',
    verdict,
    code: 'rollout_failed',
    says: expect.stringMatching(says ?? /./),
    ...(exit === undefined ? {} : { exit }),
    printed: printed ? expect.arrayContaining([expect.stringContaining(printed)]) : expect.any(Array),
  };
}

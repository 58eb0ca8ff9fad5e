import { describe, expect, test } from 'bun:test';
import { makeRelease } from '../../core/release.ts';
import { runningKey } from '../../core/rollout.ts';
import { totalOf } from '../../core/traffic.ts';
import { releaseLabel } from '../manifests/names.ts';
import { countReports } from './probe-count.ts';
import { type AgentReport, parseReport, type ReplicaReport } from './report.ts';

const stable = { release: fakeRelease('a') };
const candidate = { release: fakeRelease('b'), secretSet: 'calm-otter' };
const running = [stable, candidate];
const at = 1_000_000;

describe('a report', () => {
  test('is one line of the log, and comes back as it was', () => {
    const report = reportOf([replicaOf('shop-1', { ok: 3, latency: [[12, 3]], waitingMs: 40 })]);

    expect(parseReport(JSON.stringify(report))).toEqual(report);
  });

  for (const line of [
    '',
    'bun: not found',
    '{"kind":"report"',
    '{"kind":"report","replicas":7}',
    '{"level":1}',
  ]) {
    test(`is not ${line || 'an empty line'}`, () => {
      expect(parseReport(line)).toBeUndefined();
    });
  }

  test('of thirty replicas takes less than 16 kB', () => {
    const latency: ReplicaReport['latency'] = Array.from({ length: 20 }, (_, index) => [40 + index, 1234]);
    const replicas = Array.from({ length: 30 }, (_, n) =>
      replicaOf(`a-long-name-of-a-service-7d4b9c6f5-abc${n}`, { latency }),
    );

    expect(JSON.stringify(reportOf(replicas)).length).toBeLessThan(16_384);
  });
});

describe('counts', () => {
  test('are put to the releases that the labels of the pods name, by their secret set too', () => {
    const report = reportOf([
      replicaOf('shop-1', { ok: 1 }),
      replicaOf('shop-2', { release: releaseLabel(candidate.release.id), secretSet: 'calm-otter' }),
      replicaOf('shop-3', { release: releaseLabel(candidate.release.id), secretSet: 'old-bear' }),
    ]);

    const counts = countReports([{ report, at }], running, at);

    expect(counts.map(({ replica, key }) => [replica, key])).toEqual([
      [undefined, undefined],
      ['shop-1', runningKey(stable)],
      ['shop-2', runningKey(candidate)],
      ['shop-3', undefined],
    ]);
  });

  test('say which errors a replica’s own metrics do not show', () => {
    const replica = replicaOf('shop-1', {
      ok: 10,
      rejected: 1,
      failed: 2,
      refused: 3,
      cut: 4,
      late: 5,
      malformed: 6,
      lost: 7,
      retried: 8,
      latency: [
        [0, 4],
        [3, 6],
      ],
    });

    const [, count] = countReports([{ report: reportOf([replica]), at }], running, at);

    expect(count).toMatchObject({
      source: 'probe',
      ok: 10,
      errors: 21,
      late: 5,
      lost: 7,
      retried: 8,
      unseen: { rejected: 1, transport: 18 },
    });
    expect(count?.latencyBuckets.slice(0, 4)).toEqual([4, 0, 0, 6]);
  });

  test('of two runs of the agent add up', () => {
    const first = reportOf([replicaOf('shop-1', { ok: 5, latency: [[1, 5]] })], { ok: 5, lost: 1 });
    const second = reportOf(
      [replicaOf('shop-1', { ok: 7, latency: [[1, 7]] }), replicaOf('shop-2', { ok: 1 })],
      {
        ok: 8,
      },
    );

    const counts = countReports(
      [
        { report: first, at },
        { report: second, at },
      ],
      running,
      at,
    );

    expect(counts.map(({ replica, ok }) => [replica, ok])).toEqual([
      [undefined, 13],
      ['shop-1', 12],
      ['shop-2', 1],
    ]);
    expect(totalOf(counts).lost).toBe(1);
    expect(counts[1]?.latencyBuckets[1]).toBe(12);
  });

  test('of an agent that the network lets reach nobody say nothing', () => {
    const report = reportOf([replicaOf('shop-1', { late: 50 }), replicaOf('shop-2', { refused: 50 })], {
      errors: 100,
      late: 90,
    });

    const counts = countReports([{ report, at }], running, at);

    expect(totalOf(counts)).toEqual({ requests: 0, errors: 0, lost: 0, retried: 0 });
  });

  test('say since when a request waits by our own clock, and no more once the agent is silent', () => {
    const report = reportOf([replicaOf('shop-1', { ok: 1, waitingMs: 400 })]);

    const [, fresh] = countReports([{ report, at }], running, at + 1_000);
    const [, old] = countReports([{ report, at }], running, at + 10_000);

    expect(fresh?.waitingSince).toBe(at - 400);
    expect(old?.waitingSince).toBeUndefined();
  });
});

function fakeRelease(letter: string) {
  return makeRelease({
    artifact: `sha256:${letter.repeat(64)}`,
    command: [],
    settings: { env: {}, secrets: [], port: 8080, paths: ['/'], probes: { timeoutMs: 1000 }, drainMs: 1000 },
  });
}

function replicaOf(name: string, counts: Partial<ReplicaReport> = {}): ReplicaReport {
  return {
    name,
    release: releaseLabel(stable.release.id),
    ok: 0,
    rejected: 0,
    failed: 0,
    refused: 0,
    cut: 0,
    late: 0,
    malformed: 0,
    lost: 0,
    retried: 0,
    latency: [],
    ...counts,
  };
}

function reportOf(
  replicas: readonly ReplicaReport[],
  service: Partial<AgentReport['service']> = {},
): AgentReport {
  return {
    kind: 'report',
    rollout: 'r1',
    at,
    service: { ok: 0, errors: 0, late: 0, lost: 0, retried: 0, ...service },
    replicas: [...replicas],
  };
}

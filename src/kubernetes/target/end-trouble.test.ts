import { expect, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import { endTrouble } from './end-trouble.ts';
import { PodMemory } from './pod-memory.ts';

const killed = (reason: string) => ({ terminated: { exitCode: 137, reason } });

function afterTwoEnds(first: string, second: string): IPod {
  const image = { name: 'service', image: '', imageID: '', ready: false };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop-1', uid: 'a' },
    spec: { containers: [{ name: 'service', resources: { limits: { memory: '192Mi' } } }] },
    status: {
      containerStatuses: [{ ...image, restartCount: 1, state: killed(second), lastState: killed(first) }],
    },
  };
}

test.each([
  ['OOMKilled', 'OOMKilled', 'out-of-memory', 'took more than 192Mi of memory and was killed, twice'],
  ['OOMKilled', 'Error', 'out-of-memory', 'took more than 192Mi of memory and was killed, twice'],
  ['Error', 'Error', 'crashed', 'exit code 137 (SIGKILL), twice'],
])('killed as %s and then as %s it is %s', (first, second, cause, message) => {
  const trouble = endTrouble({ pod: afterTwoEnds(first, second), events: [], memory: new PodMemory() });

  expect({ ...trouble }).toEqual(expect.objectContaining({ cause, message, isConclusive: true }));
});

import { expect, test } from 'bun:test';
import { cpuSecondsOf, memoryOf, parseCpuSeconds, parseMemory, treeOf } from './process-tree.ts';

test('CPU time is that of the process and of its ended children, whatever its name holds', () => {
  const stat = '42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 25 75 20 0 3 0 12345 1000 200';

  expect(parseCpuSeconds(stat)).toBe(3);
});

test('a process that has ended has used nothing that can be seen', () => {
  expect(parseCpuSeconds('')).toBe(0);
  expect(parseMemory('')).toEqual({ resident: 0, own: 0 });
});

test('memory is read in bytes, apart from that of files', () => {
  const status =
    'Name:\tbun\nVmHWM:\t    9000 kB\nVmRSS:\t    1024 kB\nRssAnon:\t     512 kB\nRssFile:\t     512 kB\n';

  expect(parseMemory(status)).toEqual({ resident: 1024 * 1024, own: 512 * 1024 });
});

test.if(process.platform === 'linux')('a tree holds the children of children', async () => {
  const child = Bun.spawn(['sh', '-c', 'sh -c "echo started; read end; :"; :'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await child.stdout.getReader().read();

  const tree = treeOf(child.pid);

  expect(tree[0]).toBe(child.pid);
  expect(tree.length).toBeGreaterThanOrEqual(2);
  expect(memoryOf(tree).resident).toBeGreaterThan(memoryOf([child.pid]).resident);
  expect(cpuSecondsOf(tree)).toBeGreaterThanOrEqual(0);
  child.stdin.end();
  await child.exited;
});

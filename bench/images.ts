// What images cost, on real parts, side by side with docker build; bench/run starts it
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeBase, composeBuilder } from '../e2e/images/base.ts';
import { type Clone, makeClone } from '../e2e/images/clone.ts';
import { type Engine, findEngine, startEngine } from '../e2e/images/engine.ts';
import { findRegistry, startRegistry } from '../e2e/images/registry.ts';
import { findSkopeo, skopeo } from '../e2e/images/skopeo.ts';
import { type Row, showPage } from './page.ts';
import { median, type Sample, sample, showSample, timed } from './sample.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const scratch = mkdtempSync(join(realpathSync('/tmp'), 'cw-bench-'));
const rows: Row[] = [];
let changes = 0;

await using registry = await startRegistry(await findRegistry());
await using engine = await startEngine(await findEngine());
const tool = await findSkopeo();
await skopeo(tool, 'copy', '--all', `oci:${await composeBase()}:base`, `docker://${registry.host}/cc:1`);
await skopeo(tool, 'copy', `oci:${await composeBuilder()}:bun`, `docker://${registry.host}/bun:1`);
await using clone = await makeClone({
  name: 'clone',
  image: `{ base: '${registry.host}/cc:1', repository: '${registry.host}/automate' }`,
  umask: '022',
  env: { XDG_CACHE_HOME: join(scratch, 'cache') },
});

try {
  await measureMemory();
  const ours = await measureOurs();
  await measureDocker(engine, ours);
  await measureSizes();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

showPage({
  name: 'images',
  title: 'Images, measured',
  about:
    'The reference service on a base composed of Debian packages, with docker-registry on loopback and Debian’s engine. Times are of whole commands, from the shell’s call to their end: median (least–most, rounds). Before each round a line of the service is changed, so that its layer is made anew.',
  repository,
  rows,
});

/** The first build fetches base and runtime and compresses both platforms: what a machine does once. */
async function measureMemory(): Promise<void> {
  const cold = await peakOf(clone, 'image', 'build');
  add('first build, nothing cached but by npm: peak memory', '< 150 MB', `${cold.peak}; ${show(cold.ms)}`);
  const firstPush = await peakOf(clone, 'image', 'push');
  add(
    'first push of both platforms, tests beside: peak memory',
    '< 150 MB',
    `${firstPush.peak}; ${show(firstPush.ms)}`,
  );
  change(clone);
  const warm = await peakOf(clone, 'image', 'push');
  add('push after a change: peak memory', '< 150 MB', warm.peak);
}

async function measureOurs(): Promise<Record<'built' | 'pushed', Sample>> {
  const built = await sample(10, async () => {
    change(clone);
    return timed(() => mustEnd(clone, 'image', 'build'));
  });
  add('one line changed → digest', '< 0.5 s', showSample(built));
  const pushed = await sample(10, async () => {
    change(clone);
    return timed(() => mustEnd(clone, 'image', 'push'));
  });
  add('one line changed → tested and pushed, SBOM and provenance attached', '< 1 s', showSample(pushed));
  return { built, pushed };
}

async function measureDocker(
  { docker }: Engine,
  { built, pushed }: Record<'built' | 'pushed', Sample>,
): Promise<void> {
  const name = `${registry.host}/by-docker:1`;
  // As image build does it: what is tested is a matter of push and deploy.
  const untested = 'Dockerfile.untested';
  const whole = readFileSync(join(clone.folder, 'Dockerfile'), 'utf8');
  writeFileSync(join(clone.folder, untested), whole.replace(/^RUN .*"test".*\n/m, ''));
  for (const [builder, DOCKER_BUILDKIT] of [
    ['classic builder', '0'],
    ['BuildKit', '1'],
  ] as const) {
    const build = async (file: string) => {
      const { exitCode, stderr } = await docker(
        { DOCKER_BUILDKIT },
        'build',
        `--file=${join(clone.folder, file)}`,
        `--build-arg=BUN=${registry.host}/bun:1`,
        `--build-arg=BASE=${registry.host}/cc:1`,
        `--tag=${name}`,
        clone.folder,
      );
      if (exitCode !== 0) throw new Error(stderr);
    };
    await build(untested);
    await build('Dockerfile');
    await docker('push', name);
    const theirs = await sample(5, async () => {
      change(clone);
      return timed(() => build(untested));
    });
    const both = await sample(5, async () => {
      change(clone);
      return timed(async () => {
        await build('Dockerfile');
        await docker('push', name);
      });
    });
    add(
      `the same by docker build, ${builder}, one platform, no tests`,
      '≥ 5 × as long',
      `${showSample(theirs)}: ${ratio(theirs, built)}`,
    );
    add(
      `docker build with the tests, and docker push, ${builder}, one platform`,
      '–',
      `${showSample(both)}: ${ratio(both, pushed)} of image push`,
    );
  }
}

async function measureSizes(): Promise<void> {
  const { stdout } = await mustEnd(clone, 'image', 'build', '--json');
  const { platforms } = JSON.parse(stdout) as {
    platforms: readonly { platform: string; runtime: number; app: number }[];
  };
  for (const { platform, runtime, app } of platforms) {
    add(`compressed above the base, ${platform}`, '≤ 53 MB', `${((runtime + app) / 1e6).toFixed(1)} MB`);
  }
  add('of that the service', '< 100 kB', `${((platforms[0]?.app ?? 0) / 1e3).toFixed(1)} kB`);
}

/** Another text each time, of the same length. */
function change({ folder }: Clone): void {
  const path = join(folder, 'service/src/endpoints/message.ts');
  const text = readFileSync(path, 'utf8');
  changes += 1;
  const mark = `// change ${String(changes).padStart(4, '0')}`;
  const code = `console.assert(true, '${mark}');`;
  writeFileSync(path, `${text.replace(/\nconsole\.assert\(true, '.*$/s, '\n')}${code}\n`);
}

async function mustEnd({ causeway }: Clone, ...args: readonly string[]) {
  const ended = await causeway(...args);
  if (ended.exitCode !== 0) throw new Error(`causeway ${args.join(' ')}: ${ended.stderr}`);
  return ended;
}

/** Of the command itself; npm, which it runs on the first build, is not in it. */
async function peakOf({ folder, env }: Clone, ...args: readonly string[]) {
  const startedAt = performance.now();
  const child = Bun.spawn(['./causeway', ...args], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let kilobytes = 0;
  const watch = setInterval(() => {
    kilobytes = Math.max(kilobytes, peakInKilobytes(child.pid));
  }, 5);
  const [said, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  clearInterval(watch);
  if (exitCode !== 0) throw new Error(`causeway ${args.join(' ')}: ${said}`);
  return { peak: `${Math.round((kilobytes * 1024) / 1e6)} MB`, ms: performance.now() - startedAt };
}

function peakInKilobytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function ratio(theirs: Sample, ours: Sample): string {
  return `${(median(theirs) / median(ours)).toFixed(1)} ×`;
}

function show(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function add(what: string, reach: string, measured: string): void {
  rows.push({ what, reach, measured });
  console.error(`${what}: ${measured}`);
}

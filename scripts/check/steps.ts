import { basename, join, relative } from 'node:path';
import { Glob } from 'bun';

/** One thing that is checked by running a program; it fails by its exit code. */
export interface Step {
  readonly name: string;
  readonly argv: readonly string[];
  /** The command that mends what it found, or shows it again; the test files that failed are put behind it. */
  readonly mend: string;
  /** Test files: each of their tests is counted, and a file without a result is a failure. */
  readonly testFiles?: readonly string[];
  readonly deadlineMs: number;
}

/** A part that takes longer or needs more than the rest, and runs with `--all`. */
export interface Tier {
  readonly name: string;
  readonly folder: string;
  /** How many of its test files run at a time, each as a step of its own: they wait more than they work. */
  readonly filesAtOnce?: number;
  /** Those that take longest, though they are short: the others are begun by their size. */
  readonly first?: readonly string[];
  /** Those of them that want the machine to themselves: they run afterwards, one at a time. */
  readonly alone?: readonly string[];
  /** Its folder has packages of its own, which are installed first, and its types are checked with them. */
  readonly isPackage?: boolean;
  /** Builds what takes long where nothing is cached yet: begun at once, and done when it is this tier's turn, or nearly. */
  readonly builds?: readonly string[];
}

const minute = 60_000;

/** Of a test that gives itself none: it ends what hangs, and is no measure of what is slow. */
const testDeadlineMs = minute;

const mend = './check --write';

/** What mends by itself what can be mended by a program. */
export const writeSteps = (bun: string): readonly Step[] => [
  {
    name: 'write docs',
    argv: [bun, 'scripts/generate-docs.ts'],
    mend: `${relative('.', bun)} scripts/generate-docs.ts`,
    deadlineMs: 2 * minute,
  },
  {
    name: 'write format',
    argv: [bun, 'node_modules/.bin/biome', 'check', '--colors=off', '--write', '--linter-enabled=false', '.'],
    mend: 'node_modules/.bin/biome format',
    deadlineMs: 2 * minute,
  },
];

const tools = (bun: string): readonly Step[] => [
  {
    name: 'format',
    argv: [bun, 'node_modules/.bin/biome', 'format', '--colors=off', '.'],
    mend,
    deadlineMs: 2 * minute,
  },
  {
    name: 'lint',
    argv: [
      bun,
      'node_modules/.bin/biome',
      'ci',
      '--colors=off',
      '--formatter-enabled=false',
      '--error-on-warnings',
      '.',
    ],
    mend: 'node_modules/.bin/biome check --write',
    deadlineMs: 2 * minute,
  },
  {
    name: 'types',
    argv: [bun, 'node_modules/.bin/tsc', '--noEmit', '--pretty', 'false'],
    mend: 'node_modules/.bin/tsc --noEmit',
    deadlineMs: 2 * minute,
  },
  {
    name: 'unused code',
    argv: [bun, 'node_modules/.bin/knip', '--no-config-hints', '--no-progress'],
    mend: 'node_modules/.bin/knip',
    deadlineMs: 2 * minute,
  },
];

export const tiers: readonly Tier[] = [
  { name: 'workflows', folder: 'e2e/workflows' },
  { name: 'slides', folder: 'e2e/slides' },
  { name: 'local', folder: 'e2e/local', filesAtOnce: 2 },
  { name: 'faults', folder: 'e2e/faults', filesAtOnce: 2 },
  { name: 'images', folder: 'e2e/images', filesAtOnce: 2 },
  { name: 'cluster', folder: 'e2e/cluster', builds: ['e2e/cluster/cluster', 'build'] },
  {
    name: 'kubernetes',
    folder: 'e2e/kubernetes',
    filesAtOnce: 3,
    first: ['disturbed', 'target', 'rollouts', 'soak'].map((name) => `e2e/kubernetes/${name}.`),
  },
  { name: 'aws', folder: 'aws', isPackage: true },
  {
    name: 'aws emulator',
    folder: 'e2e/aws',
    filesAtOnce: 2,
    // The stand-in for load balancing probes by the second.
    alone: ['e2e/aws/environment', 'e2e/aws/load-balancing/', 'e2e/aws/join/'],
  },
];

export async function listSteps({ root, bun }: { root: string; bun: string }): Promise<readonly Step[]> {
  const files = (await findTests(root)).filter((file) => !tiers.some((tier) => isOf(file, tier)));
  const architecture = 'scripts/architecture.test.ts';
  return [
    testStep(
      'tests',
      files.filter((file) => file !== architecture),
      { root, bun },
    ),
    ...tools(bun),
    testStep('architecture', [architecture], { root, bun }),
  ];
}

/** Steps of which so many run at a time. */
export interface StepGroup {
  readonly steps: readonly Step[];
  readonly atOnce: number;
}

/** The steps of a tier, the longest first; none if there is nothing in its folder. */
export async function tierSteps(
  tier: Tier,
  { root, bun }: { root: string; bun: string },
): Promise<readonly StepGroup[]> {
  const files = (await findTests(root)).filter((file) => isOf(file, tier));
  if (files.length === 0) return [];
  // Where nothing is cached yet, a tier builds what it needs: Kubernetes, a quarter of an hour.
  const how = { root, bun, deadlineMs: 40 * minute };
  const { name, filesAtOnce, first = [], alone = [] } = tier;
  if (filesAtOnce === undefined) {
    const tests = testStep(`tier ${name}`, files, how);
    return [{ steps: tier.isPackage ? [...packageSteps(tier), tests] : [tests], atOnce: 1 }];
  }
  const isAlone = (file: string) => alone.some((start) => file.startsWith(start));
  const hasLongest = (file: string) => first.some((start) => file.startsWith(start));
  const sizeOf = (file: string) => Bun.file(join(root, file)).size;
  const sorted = files.toSorted(
    (a, b) => Number(hasLongest(b)) - Number(hasLongest(a)) || sizeOf(b) - sizeOf(a),
  );
  const toStep = (file: string) => testStep(`${name} ${basename(file, '.test.ts')}`, [file], how);
  return [
    { steps: sorted.filter((file) => !isAlone(file)).map(toStep), atOnce: filesAtOnce },
    { steps: sorted.filter(isAlone).map(toStep), atOnce: 1 },
  ].filter(({ steps }) => steps.length > 0);
}

/** Installed as its lockfile says, once, and marked as scripts/install.sh marks it. */
function packageSteps({ name, folder }: Tier): readonly Step[] {
  const marker = 'node_modules/.installed-all';
  const npm = 'npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error';
  const isInstalled = `home=${folder}; . scripts/install.sh; is_marked all`;
  const install = `${isInstalled} || { cd ${folder} && ${npm} && cp package-lock.json ${marker}; }`;
  const types = ['node_modules/.bin/tsc', '--noEmit', '--pretty', 'false', '--project', folder];
  return [
    { name: `${name} install`, argv: ['sh', '-c', install], mend: install, deadlineMs: 10 * minute },
    {
      name: `${name} types`,
      argv: types,
      mend: `node_modules/.bin/tsc --noEmit --project ${folder}`,
      deadlineMs: 2 * minute,
    },
  ];
}

function testStep(
  name: string,
  testFiles: readonly string[],
  { root, bun, deadlineMs = 10 * minute }: { root: string; bun: string; deadlineMs?: number },
): Step {
  // A path that begins with ./ is a file; any other is a pattern that may fit more.
  const files = testFiles.map((file) => `./${file}`);
  const argv = [bun, 'test', '--only-failures', `--timeout=${testDeadlineMs}`, ...files];
  return { name, argv, mend: `${relative(root, bun)} test`, testFiles, deadlineMs };
}

async function findTests(root: string): Promise<readonly string[]> {
  const found = await Array.fromAsync(
    new Glob('{src,agent,aws,service,scripts,e2e,bench}/**/*.test.{ts,tsx}').scan(root),
  );
  return found.filter((file) => !file.includes('node_modules/')).sort();
}

function isOf(file: string, { folder }: Tier): boolean {
  return file.startsWith(`${folder}/`);
}

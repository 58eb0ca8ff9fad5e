import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../images/run-program.ts';

/** The AWS package has dependencies of its own: it is found by path when it is installed, as the product does it. */
const home = join(import.meta.dir, '..', '..', 'aws');

interface Synthesis {
  readonly environmentProps: (changed?: object) => object;
  readonly guardProps: (changed?: object) => object;
}

interface Maker {
  readonly makeApp: (options: { environment: object; guard: object; outdir: string }) => { synth(): unknown };
}

export interface Templates {
  /** JSON, as CloudFormation takes it. */
  readonly environment: string;
  readonly guard: string;
}

export interface Changes {
  /** Of EnvironmentProps. */
  readonly environment?: object;
  /** Of GuardProps. */
  readonly guard?: object;
}

/** The stacks of `shop`'s production as the product makes them. */
export async function makeTemplates({ environment, guard }: Changes = {}): Promise<Templates> {
  await installAwsPackage();
  const { environmentProps, guardProps }: Synthesis = await import(join(home, 'src/stacks/fixtures.ts'));
  const { makeApp }: Maker = await import(join(home, 'src/stacks/make-app.ts'));
  const outdir = mkdtempSync(join(realpathSync('/tmp'), 'cw-templates-'));
  try {
    // What a test makes must not end by itself unless it says so.
    const lives = { expiresAt: new Date(Date.now() + 8 * 3_600_000) };
    const props = { environment: environmentProps(environment), guard: guardProps({ ...lives, ...guard }) };
    makeApp({ ...props, outdir }).synth();
    const read = (stack: string) => readFileSync(join(outdir, `${stack}.template.json`), 'utf8');
    return { environment: read('shop-production'), guard: read('shop-production-guard') };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** As its lockfile says, once; the marker is that of scripts/install.sh, and two at a time wait for each other. */
async function installAwsPackage(): Promise<void> {
  const marker = 'node_modules/.installed-all';
  const npm = 'npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error';
  const install = `cmp -s package-lock.json ${marker} || { ${npm} && cp package-lock.json ${marker}; }`;
  const lock = Bun.which('flock') ? ['flock', 'package-lock.json'] : [];
  await mustRun([...lock, 'sh', '-c', install], { cwd: home });
}

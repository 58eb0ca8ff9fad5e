import { dirname } from 'node:path';
import type { Config } from '../../core/config.ts';
import type { DeployRequest, Status } from '../../core/environment.ts';
import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import { atEnvironment } from '../at-environment.ts';
import { type Chosen, chooseEnvironment } from '../choose-environment.ts';
import type { Cli, Result } from '../cli.ts';
import type { RaiseOptions } from '../cloud/raise.ts';
import type { Destination } from '../image/destination.ts';
import { Interrupted } from '../interrupted.ts';
import { Board } from '../terminal/board.ts';
import { labelWidthFor } from '../terminal/step-line.ts';
import { buildRelease, type NewRelease } from './build-release.ts';
import { findDestination } from './find-destination.ts';
import { followRollout } from './follow-rollout.ts';
import { readSecrets, refuseMissingSecrets, secretSources } from './read-secrets.ts';
import { refuseUnsignedTree } from './refuse-unsigned-tree.ts';
import { runTests, type Tested } from './run-tests.ts';
import { sayPlace } from './say-place.ts';
import { tellBuilding } from './tell-building.ts';

export interface ReleaseOptions {
  readonly name: string;
  /** The image to roll out, as the user names it. Default: what is in the working tree. */
  readonly image?: string | undefined;
  /** Make what is missing; without it a missing environment is an error. */
  readonly makes: boolean;
  /** Roll out once more what serves already. */
  readonly isAgain: boolean;
  /** Of an environment in a cloud: how it is made. */
  readonly cloud?: RaiseOptions;
}

/** What `up` and `deploy` do, and what is left of it when Ctrl-C comes before the rollout. */
export async function rollOutRelease(cli: Cli, options: ReleaseOptions): Promise<Result> {
  const { io } = cli;
  const startedAt = Number(io.env.CAUSEWAY_STARTED_AT) || io.now();
  const { name } = options;
  const board = new Board(io, cli.err, labelWidthFor(name));
  let isOfCloud = false;
  try {
    board.show(options.image === undefined ? 'build' : 'image', 'reading the config');
    const chosen = await chooseEnvironment(cli, name);
    isOfCloud = chosen.environment.cloud !== undefined;
    if (!isOfCloud && options.cloud?.ttlMs !== undefined) throw hasNoEnd(name);
    return await work(cli, chosen, options, { board, startedAt });
  } catch (thrown) {
    if (!io.signal.aborted || thrown instanceof Interrupted) throw thrown;
    const costs = isOfCloud ? ', and what stands in the account costs what it costs' : '';
    throw new Interrupted(
      `nothing was rolled out; what served still serves${costs}`,
      `causeway status ${name}`,
    );
  } finally {
    board.close();
  }
}

function hasNoEnd(name: string): UserError {
  return new UserError({
    code: 'usage_wrong',
    message: `--ttl says how long an environment in an account of a cloud lives, and ${name} is in none`,
    hint: `leave --ttl out; causeway down ${name} takes it away`,
  });
}

interface Way {
  readonly board: Board;
  readonly startedAt: number;
}

/** The runbook: build and test, or take an image that was built before; then roll out. */
async function work(cli: Cli, chosen: Chosen, options: ReleaseOptions, way: Way): Promise<Result> {
  const { io } = cli;
  const { environment, environmentConfig, config } = chosen;
  const sources = secretSources(config, environmentConfig);
  await refuseMissingSecrets(sources, chosen.folder, io);
  const { image } = options;
  // Before anything is built, so that a repository that is missing is told at once.
  const isOfCloud = environment.cloud !== undefined;
  const known = image === undefined && !isOfCloud ? await findDestination(chosen, io.signal) : undefined;
  await sayPlace(chosen, way.board, io.signal);
  await environment.expectNeeds?.(io.signal);

  if (image === undefined) refuseUnsignedTree(chosen);
  // Before anything is built or fetched, which may take long.
  if (!options.makes) refuseMissing(await environment.status(io.signal), image);
  const built = image === undefined ? await build(cli, chosen, way) : await take(cli, chosen, image, way);
  const raised = options.makes ? await raiseCloud(cli, chosen, options, { ...way, built }) : {};
  const destination = isOfCloud && image === undefined ? await findDestination(chosen, io.signal) : known;

  const before = await environment.status(io.signal);
  if (!options.makes) refuseMissing(before, image);
  const isServing = before.stable?.release === built.release.id && !options.isAgain;
  const prepared = await prepare(
    cli,
    chosen,
    { ...raised, built, destination, makes: options.makes, isNeeded: !isServing, tests: image === undefined },
    way,
  );

  const { unpushed: _, ...made } = built;
  const { hasMade, ...where } = prepared;
  const { release } = built;
  const { isAgain } = options;
  const result = await followRollout(cli, chosen, {
    ...way,
    beside: besideOf(before),
    release: release.id,
    // What serves is rolled out once more where its secrets were changed: only the environment sees that.
    hasHooks: !isServing,
    hasMade,
    async prepare() {
      const secrets = await readSecrets(sources, chosen.folder, io);
      const request = { ...made, ...where, secrets, by: io.user, isAgain };
      return (emit) => environment.deploy(request, emit, io.signal);
    },
  });
  return result.error ? result : { ...result, next: nextSteps(chosen, options, before, built) };
}

/** What was done on the way that need not be done again. */
interface Ahead {
  readonly tested?: Tested;
  readonly isPushed?: boolean;
}

/**
 * Where there is no cluster yet, the tests come first: nothing is made, and paid for, on behalf of a release that they
 * refuse. Its image is pushed while the cluster is made, which takes longer.
 */
async function raiseCloud(
  cli: Cli,
  chosen: Chosen,
  options: ReleaseOptions,
  { built, ...way }: Way & { readonly built: NewRelease },
): Promise<Ahead> {
  const { cloud } = chosen.environment;
  if (!cloud) return {};
  const { board } = way;
  const { raise } = await import('../cloud/raise.ts');
  // The cluster itself is asked later: `up` also lets in who comes from an address that it does not know.
  const { state } = await cloud.status(cli.io.signal);
  const isNew = state !== 'made';
  const hasTests = options.image === undefined && chosen.config.service.test !== undefined;
  const tested = isNew && hasTests ? await test(cli, chosen, board, cli.io.signal) : undefined;
  let isPushed = false;
  const meanwhile = async (signal: AbortSignal) => {
    const { unpushed } = built;
    const destination = unpushed && (await findDestination(chosen, signal, { isComing: true }));
    if (!unpushed || !destination) return;
    const { pushRelease } = await import('./push-release.ts');
    const beside = board.beside();
    const ahead = { ...way, ...(tested ? { tested } : {}), board: beside };
    try {
      await pushRelease(cli, chosen, { ...ahead, unpushed, destination, signal });
    } finally {
      beside.close();
    }
    isPushed = true;
  };
  const how = options.cloud ?? { isSure: false, mayExceed: false };
  await raise(cli, chosen, { ...how, cloud, state, board, ...(isNew ? { meanwhile } : {}) });
  return { isPushed, ...(tested ? { tested } : {}) };
}

async function build(cli: Cli, chosen: Chosen, { board }: Way): Promise<NewRelease> {
  const { config } = chosen;
  const startedAt = cli.io.now();
  board.show('build', config.service.entry ?? config.service.files?.join(' ') ?? '');
  const built = await buildRelease(chosen, cli.io, await tellBuilding(cli, chosen, board));
  const text = `${shortId(built.release.id)}  ${built.revision}`;
  board.end({ label: 'build', text, ms: cli.io.now() - startedAt });
  if (built.image) board.say({ label: 'image', text: shortId(built.image.digest) });
  return built;
}

async function take(cli: Cli, chosen: Chosen, image: string, { board }: Way): Promise<NewRelease> {
  const { takeImage } = await import('./take-image.ts');
  const taken = await takeImage(image, chosen, cli, board);
  board.say({ label: 'release', text: `${shortId(taken.release.id)}  ${taken.revision}` });
  return taken;
}

function refuseMissing({ state, environment: name }: Status, image: string | undefined): void {
  if (state !== 'absent' && state !== 'stopped') return;
  throw new UserError({
    code: state === 'absent' ? 'environment_missing' : 'environment_stopped',
    message: state === 'absent' ? `${name} is not up` : `${name} was up, but nothing runs it now`,
    hint: `causeway up ${name}${image === undefined ? '' : ` --image ${image}`} makes what is missing, then rolls out`,
  });
}

interface Preparation extends Ahead {
  readonly built: NewRelease;
  /** Where the image of a tree goes, where nodes pull it. */
  readonly destination: Destination | undefined;
  /** Make what is missing. */
  readonly makes: boolean;
  /** It does not serve yet: test it and push it. */
  readonly isNeeded: boolean;
  readonly tests: boolean;
}

/**
 * What is missing is made and pushed while the tests run; whichever fails first is told, once the others have ended.
 * What is pushed is published once the tests have passed.
 */
async function prepare(
  cli: Cli,
  chosen: Chosen,
  { built, destination: found, makes, isNeeded, tests, tested, isPushed }: Preparation,
  { board, startedAt }: Way,
): Promise<Pick<DeployRequest, 'pullFrom' | 'agentImage'> & { readonly hasMade: boolean }> {
  const { unpushed } = built;
  const destination = found ?? (unpushed && (await findDestination(chosen, cli.io.signal)));
  const pullFrom = built.pullFrom ?? destination?.name;
  const failure = new AbortController();
  const signal = AbortSignal.any([cli.io.signal, failure.signal]);
  let hasMade = false;
  const make = async () => {
    const made = await chosen.environment.make(cli.io.signal);
    hasMade = made !== undefined;
    if (made !== undefined) board.say({ label: 'make', text: made });
  };
  const testOrPush = async () => {
    if (isPushed) return;
    if (!destination || !unpushed) {
      if (tests) await test(cli, chosen, board, signal);
      return;
    }
    const { pushRelease } = await import('./push-release.ts');
    const ahead = tested ? { tested } : {};
    await pushRelease(cli, chosen, { ...ahead, unpushed, destination, board, startedAt, signal });
  };
  let agentImage: string | undefined;
  const equip = async () => {
    if (chosen.environmentConfig.target === 'local' || pullFrom === undefined) return;
    const { pushAgent } = await import('./push-agent.ts');
    const own = await chosen.environment.cloud?.registry(signal);
    const repository = own?.repository ?? chosen.config.image.repository ?? pullFrom;
    agentImage = await pushAgent(cli, chosen, board, { repository, credentials: own?.enter, signal });
  };
  const work = [
    ...(isNeeded ? [testOrPush()] : []),
    ...(isNeeded ? [equip()] : []),
    ...(makes ? [make()] : []),
  ].map((part) =>
    part.catch((thrown: unknown) => {
      if (!failure.signal.aborted) failure.abort(thrown);
    }),
  );
  await Promise.all(work);
  if (failure.signal.aborted) throw failure.signal.reason;
  return {
    hasMade,
    ...(pullFrom === undefined ? {} : { pullFrom }),
    ...(agentImage === undefined ? {} : { agentImage }),
  };
}

async function test(
  cli: Cli,
  chosen: Chosen,
  board: Board,
  signal: AbortSignal,
): Promise<Tested | undefined> {
  const { config, environmentConfig, folder } = chosen;
  const deadline = environmentConfig.deadlines.test;
  const run = { test: config.service.test, folder, deadline, otherwise: 'nothing was rolled out' };
  return runTests(cli, run, board, signal);
}

/** How many stable replicas the candidate will stand beside. */
function besideOf({ stable, running, replicas }: Status): number {
  if (!stable) return 0;
  const serving = running.filter(({ release }) => release === stable.release).length;
  return serving || (typeof replicas === 'number' ? replicas : 0);
}

function nextSteps(
  { config, name, environment }: Chosen,
  { image }: ReleaseOptions,
  before: Status,
  { release }: NewRelease,
): readonly string[] {
  const at = atEnvironment(name);
  if (before.stable && before.stable.release !== release.id) {
    return [`back to ${shortId(before.stable.release)}: causeway rollback${at}`, `causeway releases${at}`];
  }
  if (image !== undefined) return [`causeway status${at}`, `causeway down${at}`];
  return [
    `edit ${placeOf(config.service)}, then causeway deploy${at}`,
    environment.forward && before.url === undefined
      ? `see it: causeway open${at}`
      : `see bad releases taken back: causeway demo`,
    `causeway down${at}`,
  ];
}

/** Where the service's code lies. */
function placeOf({ entry }: Config['service']): string {
  if (entry === undefined) return 'the service';
  return entry.includes('/') ? dirname(entry) : entry;
}

// Started by `causeway up`, and by the keeper after a crash: main.ts <setup as JSON> <restarts>
import { existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import type { Desired } from '../../core/rollout.ts';
import { packDockerArchive } from '../../image/docker-archive.ts';
import { openLayout } from '../../image/layout.ts';
import { baseEnvOf } from '../base-env.ts';
import { birthOf, type ProcessIdentity } from '../birth.ts';
import { writeDesired } from '../desired.ts';
import { clearUnfinished, errorCode, makeFolder } from '../durable.ts';
import { parseJson } from '../json.ts';
import { readLiveLock, writeLock } from '../lock.ts';
import { makeSocketFolder, pathsIn, removeSocketFolder } from '../paths.ts';
import { supervisorExits } from '../protocol.ts';
import { removeLeftContainers } from './container-leftovers.ts';
import { openControl } from './control.ts';
import { Keeper } from './keeper.ts';
import { Census, endLeftovers } from './leftovers.ts';
import { recoverDesired } from './recover.ts';
import { setupSchema } from './requests.ts';
import { Supervisor } from './supervisor.ts';

/** Crashes in a row, each within ten seconds of the one before, after which nobody tries again. */
const mostRestarts = 10;
const keepSocketMs = 2_000;

const [setupText = '', restartsText = '0'] = process.argv.slice(2);
const setup = setupSchema.parse(parseJson(setupText));
const restarts = z.coerce.number().parse(restartsText);
const paths = pathsIn(setup.root, setup.socket);
/** Linux says so where another `up` put the same runtime in the place of the file that this one was started from. */
const runtime = process.execPath.replace(/ \(deleted\)$/, '');

process.on('SIGHUP', () => undefined);
// With its socket closed nothing else would keep the process until it has said goodbye to its keeper.
setInterval(() => undefined, 60_000);
let isHolder = false;
let keeperPid: number | undefined;
const keeper = new Keeper({
  argv: [runtime, ...process.execArgv, Bun.main, setupText],
  restarts,
  tombstone: paths.tombstone,
  onStart: (pid) => {
    keeperPid = pid;
    if (isHolder) noteLock();
  },
});
if (restarts > 0) {
  // Its keeper has become this process: until it has another, a second kill would be the end.
  keeper.start();
  // The first time at once.
  if (restarts > 1) await Bun.sleep(Math.min(50 * 2 ** (restarts - 2), 5_000));
  if (readLiveLock(paths)) await end(supervisorExits.otherWon);
}
if (restarts > mostRestarts) await giveUp();
await leaveIfForbidden();

await makeFolders();
if (readLiveLock(paths)) await end(supervisorExits.otherWon);
const desired = await recoverDesired(paths, { isRestart: restarts > 0, log });
const supervisor = new Supervisor({
  environment: setup.environment,
  paths,
  desired,
  baseEnv: {
    ...baseEnvOf(process.env),
    PATH: `${dirname(runtime)}:${process.env.PATH ?? '/usr/bin:/bin'}`,
  },
  onProcess: noteProcess,
  packArchive: ({ folder, ...about }) => packDockerArchive({ reader: openLayout(folder), ...about }),
  log,
});
await bind();
isHolder = true;
noteLock();
// After the lock: `down` writes the tombstone first and looks for the lock then, so one of the two sees the other.
await leaveIfForbidden();
storeFirst();
for (const folder of [paths.root, paths.runtime]) clearUnfinished(folder);
const leftovers = endLeftovers(paths.census, paths.root);
if (leftovers > 0) log('ended what an earlier supervisor left running', { processes: leftovers });
const census = new Census(paths.census);
if (restarts === 0) keeper.start();
await clearEngines(desired);
await makeFolders();
let control = openControl({ socket: paths.socket, supervisor, onStopped: leave });
let socketInode = inodeOf(paths.socket);
const socketWatch = setInterval(keepSocket, keepSocketMs);
supervisor.recover();
log('supervisor started', { pid: process.pid, restarts });

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    await supervisor.stop();
    await leave();
  });
}

/** Where one cannot be made, to be started again would not help: so of the first start this comes before the keeper. */
async function makeFolders(): Promise<void> {
  try {
    for (const folder of [paths.root, paths.releases, paths.artifacts, paths.secrets, paths.logs])
      makeFolder(folder);
    makeSocketFolder(dirname(paths.socket), process.getuid?.() ?? 0);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log(error.message, { hint: error.hint });
    await end(supervisorExits.stateNotWritable);
  }
}

/**
 * Whoever binds the address is the supervisor; a disk too full for the lock must not keep it from serving.
 * The keeper stands in it too: while that lives, the environment comes back by itself.
 */
function noteLock(): void {
  const own = identityOf(process.pid);
  if (!own) return;
  const keeper = keeperPid === undefined ? undefined : identityOf(keeperPid);
  const about = { ...own, port: setup.port, socket: paths.socket };
  try {
    writeLock(paths, keeper ? { ...about, keeper } : about);
  } catch (error) {
    log('the lock could not be written', { because: String(error) });
  }
}

function identityOf(pid: number): ProcessIdentity | undefined {
  const birth = birthOf(pid);
  return birth === undefined ? undefined : { pid, birth };
}

/** So that one that crashes before its first rollout is not taken for one whose desired state was lost. */
function storeFirst(): void {
  if (restarts > 0 || existsSync(paths.desired)) return;
  try {
    writeDesired(paths, desired);
  } catch (error) {
    log('desired state could not be stored', { because: String(error) });
  }
}

/** `down` took the environment away while this process was being started. */
async function leaveIfForbidden(): Promise<void> {
  if (restarts === 0 || !existsSync(paths.tombstone)) return;
  log('not started: the environment was taken down');
  rmSync(paths.lock, { recursive: true, force: true });
  await end(supervisorExits.wanted);
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** A logout may clear the folder in which sockets lie; what somebody put in the socket’s place is none. */
function keepSocket(): void {
  if (inodeOf(paths.socket) === socketInode) return;
  try {
    makeSocketFolder(dirname(paths.socket), process.getuid?.() ?? 0);
    // Those who follow a rollout go on: only what listens is given up.
    void control.stop();
    control = openControl({ socket: paths.socket, supervisor, onStopped: leave });
    socketInode = inodeOf(paths.socket);
    log('the control socket was gone, and is opened again');
  } catch (error) {
    log('the control socket cannot be opened again', { because: String(error) });
  }
}

/** The address is the mutex that even a `kill -9` frees: whoever binds it is the supervisor. */
async function bind(): Promise<void> {
  try {
    supervisor.open(setup.port);
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    await Bun.sleep(100);
    await end(readLiveLock(paths) ? supervisorExits.otherWon : supervisorExits.portBusy);
  }
}

function noteProcess(pid: number, isRunning: boolean): void {
  census.note(pid, isRunning);
}

async function leave(): Promise<void> {
  clearInterval(socketWatch);
  await keeper.dismiss();
  removeSocketFolder(dirname(paths.socket));
  rmSync(paths.lock, { recursive: true, force: true });
  rmSync(paths.census, { recursive: true, force: true });
  log('supervisor stopped');
  process.exit(supervisorExits.wanted);
}

/** A release command runs on whose end the half-done rollout is yet to look up. */
async function clearEngines({ rollout }: Pick<Desired, 'rollout'>): Promise<void> {
  const isAwaited = rollout?.command === 'begun' && !rollout.judged;
  const engines = await removeLeftContainers(paths, isAwaited ? rollout.id : undefined);
  for (const { socket, containers, trouble } of engines) {
    if (containers > 0 || trouble !== undefined)
      log('removed what an earlier supervisor left in an engine', { socket, containers, trouble });
  }
}

async function giveUp(): Promise<never> {
  const ended = endLeftovers(paths.census, paths.root);
  await clearEngines(await recoverDesired(paths, { isRestart: true, log }).catch(() => ({})));
  log(`gave up after ${mostRestarts} crashes in a row`, { ended });
  return end(1);
}

/** Before it serves, and on purpose: nobody is to start it again. */
async function end(code: number): Promise<never> {
  await keeper.dismiss();
  process.exit(code);
}

function log(event: string, details: object = {}): void {
  console.log(JSON.stringify({ at: new Date().toISOString(), event, ...details }));
}

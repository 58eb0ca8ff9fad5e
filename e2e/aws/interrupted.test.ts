import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { composeBase } from '../images/base.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { seed, sized } from '../proof.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { makeProject, type Project, stackName } from './project.ts';
import { describeStack } from './stack.ts';
import { users } from './users.ts';

/** A run of hours tells how far it is. */
const tell = sized<(about: string) => void>({ ci: () => undefined, full: console.log });

/** Of `up` and of `down`, each. */
const rounds = sized({ ci: 2, full: 20 });

setDefaultTimeout(60_000 + rounds * 120_000);

const emulator = await have('the AWS emulator', () => startEmulator());
if (emulator)
  describe(`a command is stopped in an account, by the seed ${seed}`, () => testStopped(emulator));

/** No cluster answers here: `up` ends once its stacks stand. */
function testStopped(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const random = seededRandom(seed);
  let project: Project;
  let image = '';
  /** How many calls a command makes that nobody stops: a moment is told by them, on a fast machine and on a slow one. */
  const calls = { up: 0, down: 0 };

  beforeAll(async () => {
    image = await composeBase();
    project = await makeProject(emulator);
    for (const command of ['up', 'down'] as const) {
      await emulator.forgetCalls();
      await start(command).ended;
      calls[command] = (await emulator.calls()).length;
    }
  }, 600_000);

  beforeEach(async () => {
    await project?.[Symbol.asyncDispose]();
    await emulator.reset();
    await emulator.faults({ resources: [{ type: 'AWS::EKS::Cluster', seconds: 3, times: null }] });
    project = await makeProject(emulator);
    project.use('good.ts');
  });

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await emulator[Symbol.asyncDispose]();
  });

  // An image that is there needs no building, and is small; here it never runs.
  function start(command: 'up' | 'down') {
    return project.start(command, '--yes', ...(command === 'up' ? ['--image', image] : []));
  }

  /** Ends it by SIGINT or SIGKILL at a random call to AWS; what was done, for a message. */
  async function stopAtRandom(command: 'up' | 'down'): Promise<string> {
    const atCall = Math.floor(random() * (calls[command] + 1));
    const signal = random() < 0.5 ? 'SIGINT' : 'SIGKILL';
    await emulator.forgetCalls();
    const started = start(command);
    const hasEnded = () => started.process.exitCode !== null;
    await until('it calls', async () => hasEnded() || (await emulator.calls()).length >= atCall, {
      withinMs: 120_000,
    });
    started.process.kill(signal);
    await started.ended;
    return `seed ${seed}: ${command} got ${signal} at call ${atCall} of ${calls[command]}`;
  }

  /** A guard that was made for an environment that was not is given its time anew: it is updated. */
  async function expectStanding(about: string): Promise<void> {
    for (const name of [`${stackName}-guard`, stackName]) {
      const { status } = await describeStack(developer, name);
      expect(status, `${about}: ${name}`).toMatch(/^(CREATE|UPDATE)_COMPLETE$/);
    }
  }

  async function nothingLeft(about: string): Promise<void> {
    const { exitCode, stderr } = await start('down').ended;
    expect(exitCode, `${about}: ${stderr}`).toBe(0);
    expect(await emulator.census(), about).toEqual({});
  }

  test(`up, ${rounds} times: the next up finishes, and down leaves nothing`, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const about = await stopAtRandom('up');
      tell(about);

      await start('up').ended;

      await expectStanding(about);
      await nothingLeft(about);
    }
  });

  test(`down, ${rounds} times: the next down leaves nothing`, async () => {
    for (let round = 0; round < rounds; round += 1) {
      await start('up').ended;
      await expectStanding('nobody stopped it');

      const about = await stopAtRandom('down');
      tell(about);
      await nothingLeft(about);
    }
  });
}

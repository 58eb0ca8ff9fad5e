import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { have } from '../images/have.ts';
import { randomOf, seed, sized } from '../proof.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { makeProject, type Project, stackName } from './project.ts';
import { describeStack } from './stack.ts';
import { users } from './users.ts';

/** Of `up` and of `down`, each. */
const rounds = sized({ ci: 2, full: 20 });

setDefaultTimeout(60_000 + rounds * 60_000);

/** From a command's first moments to after its stacks. */
const longestMs = 8_000;

const emulator = await have('the AWS emulator', () => startEmulator());
if (emulator)
  describe(`a command is stopped in an account, by the seed ${seed}`, () => testStopped(emulator));

/** No cluster answers here: `up` ends once its stacks stand. */
function testStopped(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const random = randomOf(seed);
  let project: Project;

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

  /** Ends it by SIGINT or SIGKILL at a random moment; what was done, for a message. */
  async function stopAtRandom(command: 'up' | 'down'): Promise<string> {
    const afterMs = Math.round(random() * longestMs);
    const signal = random() < 0.5 ? 'SIGINT' : 'SIGKILL';
    const started = project.start(command, '--yes');
    await Promise.race([Bun.sleep(afterMs), started.ended]);
    started.process.kill(signal);
    await started.ended;
    return `seed ${seed}: ${command} got ${signal} after ${afterMs} ms`;
  }

  async function standing(): Promise<readonly string[]> {
    const names = [`${stackName}-guard`, stackName];
    return Promise.all(names.map(async (name) => (await describeStack(developer, name)).status));
  }

  async function nothingLeft(about: string): Promise<void> {
    const { exitCode, stderr } = await project.causeway('down', '--yes');
    expect(exitCode, `${about}: ${stderr}`).toBe(0);
    expect(await emulator.census(), about).toEqual({});
  }

  test(`up, ${rounds} times: the next up finishes, and down leaves nothing`, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const about = await stopAtRandom('up');

      await project.causeway('up', '--yes');

      expect(await standing(), about).toEqual(['CREATE_COMPLETE', 'CREATE_COMPLETE']);
      await nothingLeft(about);
    }
  });

  test(`down, ${rounds} times: the next down leaves nothing`, async () => {
    for (let round = 0; round < rounds; round += 1) {
      await project.causeway('up', '--yes');
      expect(await standing()).toEqual(['CREATE_COMPLETE', 'CREATE_COMPLETE']);

      await nothingLeft(await stopAtRandom('down'));
    }
  });
}

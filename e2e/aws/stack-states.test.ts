import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { have } from '../images/have.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { stackName } from './project.ts';
import { deployStack as deployByHand, describeStack, field } from './stack.ts';
import { makeTemplates } from './templates.ts';
import { region, users } from './users.ts';

setDefaultTimeout(60_000);

/** Of the AWS package, found by path as the product finds it. */
interface Product {
  readonly openAccount: (options: object) => Promise<object>;
  readonly deployStack: (options: object) => Promise<'settled' | 'overtaken'>;
  readonly deleteStack: (options: object) => Promise<readonly object[]>;
}

/** What `up` does with a stack that somebody left in a state. */
const ways = {
  CREATE_COMPLETE: 'changed',
  UPDATE_COMPLETE: 'changed',
  UPDATE_FAILED: 'changed',
  UPDATE_ROLLBACK_COMPLETE: 'changed',
  IMPORT_COMPLETE: 'changed',
  IMPORT_ROLLBACK_COMPLETE: 'changed',
  CREATE_FAILED: 'made anew',
  ROLLBACK_COMPLETE: 'made anew',
  ROLLBACK_FAILED: 'made anew',
  DELETE_FAILED: 'made anew',
  DELETE_COMPLETE: 'made anew',
  REVIEW_IN_PROGRESS: 'made anew',
  UPDATE_ROLLBACK_FAILED: 'sent back, then changed',
  IMPORT_ROLLBACK_FAILED: 'refused',
  CREATE_IN_PROGRESS: 'waited for',
  DELETE_IN_PROGRESS: 'waited for',
  ROLLBACK_IN_PROGRESS: 'waited for',
  UPDATE_IN_PROGRESS: 'waited for',
  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: 'waited for',
  UPDATE_ROLLBACK_IN_PROGRESS: 'waited for',
  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: 'waited for',
  IMPORT_IN_PROGRESS: 'waited for',
  IMPORT_ROLLBACK_IN_PROGRESS: 'waited for',
} as const;
type State = keyof typeof ways;

/** Where what is under way leads. */
const ends: Readonly<Partial<Record<State, State>>> = {
  CREATE_IN_PROGRESS: 'CREATE_COMPLETE',
  DELETE_IN_PROGRESS: 'DELETE_FAILED',
  ROLLBACK_IN_PROGRESS: 'ROLLBACK_COMPLETE',
  UPDATE_IN_PROGRESS: 'UPDATE_COMPLETE',
  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: 'UPDATE_COMPLETE',
  UPDATE_ROLLBACK_IN_PROGRESS: 'UPDATE_ROLLBACK_COMPLETE',
  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: 'UPDATE_ROLLBACK_COMPLETE',
  IMPORT_IN_PROGRESS: 'IMPORT_COMPLETE',
  IMPORT_ROLLBACK_IN_PROGRESS: 'IMPORT_ROLLBACK_COMPLETE',
};

const emulator = await have('the AWS emulator', () => startEmulator());
if (emulator) describe('a stack that somebody left in the state', () => testStates(emulator));

function testStates(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const name = `${stackName}-guard`;
  const before = { ...process.env };
  const signal = new AbortController().signal;
  let product: Product;
  let account: object;
  let first: string;
  let second: string;

  beforeAll(async () => {
    first = (await makeTemplates()).guard;
    second = (await makeTemplates({ guard: { budget: 50 } })).guard;
    const source = (file: string) => import(join(import.meta.dir, '../../aws/src', file));
    const [{ openAccount }, { deployStack }, { deleteStack }] = await Promise.all([
      source('account/account.ts'),
      source('deploy/deploy-stack.ts'),
      source('deploy/delete-stack.ts'),
    ]);
    product = { openAccount, deployStack, deleteStack };
    for (const [key, value] of Object.entries(emulator.env(users.developer))) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
    account = await product.openAccount({ region, env: process.env, trace: () => {} });
  }, 600_000);

  afterAll(async () => {
    Object.assign(process.env, before);
    await emulator[Symbol.asyncDispose]();
  });

  const about = () => ({ account, name, emit: () => {}, signal });
  const up = (template: string) =>
    product.deployStack({ ...about(), from: JSON.parse(first), template: JSON.parse(template), tags: {} });

  async function put(state: State): Promise<void> {
    await emulator.reset();
    if (state === 'DELETE_COMPLETE') return;
    if (state === 'REVIEW_IN_PROGRESS') {
      await developer.query('cloudformation', 'CreateChangeSet', {
        StackName: name,
        ChangeSetName: 'reviewed',
        ChangeSetType: 'CREATE',
        TemplateBody: first,
        'Capabilities.member.1': 'CAPABILITY_NAMED_IAM',
      });
      return;
    }
    await deployByHand(developer, name, first);
    await emulator.putStackState(name, state, ends[state]);
  }

  async function idOfStack(): Promise<string> {
    return field(await developer.query('cloudformation', 'DescribeStacks', { StackName: name }), 'StackId');
  }

  test.each(Object.entries(ways))('%s is %s by up, and taken away by down', async (key, way) => {
    const state = key as State;
    await put(state);
    const id = way === 'made anew' ? '' : await idOfStack();

    const ended = await up(second).catch((error: Error) => error.message);

    if (way === 'refused') expect(ended).toContain('import rollback failed, and CloudFormation lets nobody');
    else expect(ended).toBe(way === 'waited for' ? 'overtaken' : 'settled');
    if (way === 'waited for') expect(await up(second)).toBe('settled');
    if (way.endsWith('changed')) expect(await idOfStack()).toBe(id);
    if (way !== 'refused') {
      expect(await developer.query('cloudformation', 'GetTemplate', { StackName: name })).toContain('50');
      expect((await describeStack(developer, name)).status).toMatch(/^(CREATE|UPDATE)_COMPLETE$/);
    }

    await put(state);
    expect(await product.deleteStack(about())).toEqual([]);
    expect(await emulator.census()).toEqual({});
  });

  test('CREATE_COMPLETE, and changed since the plan, is left as it is, for a plan that knows of it', async () => {
    await put('CREATE_COMPLETE');
    expect(await up(second)).toBe('settled');

    expect(await up(first.replace('Causeway', 'Causeways'))).toBe('overtaken');

    expect(await developer.query('cloudformation', 'GetTemplate', { StackName: name })).toContain('50');
  });

  test('is one of all that CloudFormation has', async () => {
    const sdk = join(import.meta.dir, '../../aws/node_modules/@aws-sdk/client-cloudformation');
    const { StackStatus } = await import(sdk);

    expect(Object.keys(ways).sort()).toEqual(Object.keys(StackStatus).sort());
  });
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../../src/core/errors.ts';
import type { Template } from '../deploy/stack.ts';
import { makeApp } from '../stacks/make-app.ts';
import { namesOf } from '../stacks/names.ts';
import type { ResolvedProps } from './resolve-props.ts';

export interface Templates {
  readonly environment: Template;
  readonly guard: Template;
}

/** Both templates, checked. They are CloudFormation's own, with nothing left to fill in. */
export function synthesize(props: ResolvedProps): Templates {
  const outdir = mkdtempSync(join(tmpdir(), 'causeway-stacks-'));
  try {
    makeApp({ ...props, outdir }).synth();
    const { stack, guardStack } = namesOf(props.environment);
    const read = (name: string) =>
      JSON.parse(readFileSync(join(outdir, `${name}.template.json`), 'utf8')) as Template;
    return { environment: read(stack), guard: read(guardStack) };
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new UserError({
      code: 'cloud_failed',
      message: `the stacks of ${props.environment.environment} break a rule: ${cause.message.split('\n')[0]}`,
      hint: 'nothing was made; change what the message names in the config',
      details: cause.message,
      cause,
    });
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

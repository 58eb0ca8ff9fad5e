import { z } from 'zod';
import { toMs } from '../duration.ts';
import { durationSchema } from '../duration-schema.ts';
import { mostVariableBytes, showKib } from '../variable-size.ts';

/** What the operating system takes as an argument or a variable's value. */
export const textSchema = z.string().regex(/^[^\0]*$/, { error: 'has a NUL character in it' });
export const argvSchema = z.array(textSchema.min(1)).min(1);
export const shellSchema = z.union([textSchema.min(1), argvSchema], {
  error: "is not a command; write a text, or a list such as ['bun', 'test']",
});
export const pathSchema = z
  .string()
  .regex(/^\/(?![/\\])[!-~]*$/, { error: "is not a path; write '/' or '/readyz'" })
  .meta({ title: 'path' });
export const portSchema = z.int().min(1).max(65_535);
export const nameSchema = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, {
    error: "is not a name; use lower-case letters, digits and '-', 40 at most, and begin with a letter",
  })
  .meta({ title: 'name' });
const variableSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: "is not the name of a variable; use letters, digits and '_'",
});
/** How long to wait for something; waiting for no time at all would always fail. */
export const waitSchema = durationSchema.refine((text) => toMs(text) > 0, { error: 'is no time at all' });

/** A replica is told its address and what it is by these. */
const givenNames = ['PORT', 'HOST', 'RELEASE'];
const ownVariableSchema = variableSchema.refine((name) => !givenNames.includes(name), {
  error: 'is given to each replica by Causeway',
});
const valueSchema = textSchema.refine((text) => Buffer.byteLength(text) <= mostVariableBytes, {
  error: ({ input }) =>
    `has ${showKib(Buffer.byteLength(String(input)))}; a process can be given ${showKib(mostVariableBytes)} in one variable`,
});
export const envSchema = z.record(ownVariableSchema, valueSchema).meta({ title: 'texts by name' });

export const secretSourceSchema = z.union(
  [
    z.strictObject({ env: variableSchema.describe('The variable of your shell that holds it.') }),
    z.strictObject({
      file: textSchema.min(1).describe('The file that holds it; a last line break is left out.'),
    }),
    z.strictObject({
      command: argvSchema.describe('The command that prints it, such as a password manager’s.'),
    }),
  ],
  {
    error:
      "is not the source of a secret; write one of { env: 'NAME' }, { file: 'path' }, { command: ['…'] }",
  },
);
export const secretsSchema = z
  .record(ownVariableSchema, secretSourceSchema)
  .meta({ title: 'sources by name' });

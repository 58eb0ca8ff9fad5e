import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, listMutants } from './mutants.ts';

const repository = join(import.meta.dir, '..', '..');

describe('fits the code as it is, and names a test file: the mutant', () => {
  for (const { name, path, file } of listMutants()) {
    test(name, () => {
      applyPatch(path, repository, '--check');

      expect(existsSync(join(repository, file))).toBe(true);
    });
  }
});

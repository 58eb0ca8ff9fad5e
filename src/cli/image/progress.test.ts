import { expect, test } from 'bun:test';
import { Progress } from './progress.ts';

test('what a push that is broken off leaves behind is told by how far it got', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const progress = new Progress();
  const emit = progress.watch(() => {});
  progress.expectSignature();
  const told = [progress.left];

  for (const event of [
    { kind: 'publishing', digest },
    { kind: 'published', digest },
    { kind: 'attached', what: 'sbom' },
    { kind: 'attached', what: 'provenance' },
    { kind: 'attached', what: 'signature' },
  ] as const) {
    emit(event);
    told.push(progress.left);
  }

  expect(told).toEqual([
    'nothing was published',
    'the image may be there by now, without SBOM, provenance and signature',
    'the image is there, without SBOM, provenance and signature',
    'the image is there, without provenance and signature',
    'the image is there, without signature',
    'the image is there, with all that belongs to it',
  ]);
});

import type { Trouble } from '../../core/target.ts';
import type { PodLook } from './trouble.ts';
import { oneLine } from './trouble-words.ts';

interface Pull {
  readonly image: string;
  /** In the words of the container runtime: they are all that tells one failure from another. */
  readonly message: string;
}

/** How long a failing pull stands where its tries cannot be counted, as events may not be read. */
const triesMs = 15_000;

/**
 * The registry's own "no" is conclusive at once: the kubelet's next try comes ten seconds later. What may pass, such as
 * a registry that does not answer, is conclusive at the second try.
 */
export function pullTrouble({ pod, events, memory }: PodLook, { image, message }: Pull): Trouble {
  const failures = events
    .filter((event) => event.reason === 'Failed' && event.message?.startsWith('Failed to pull image'))
    .reduce((sum, { count = 1 }) => sum + (count ?? 1), 0);
  const isRepeated = failures >= 2 || memory.standsMs(`${pod.metadata?.uid} is not pulled`) >= triesMs;
  const [words, isDefinite] = describePull(message || lastFailure(events));
  return {
    cause: 'image',
    message: `image ${showImage(image)} ${words}`,
    isConclusive: isDefinite || isRepeated,
  };
}

function lastFailure(events: PodLook['events']): string {
  return events.findLast(({ message }) => message?.startsWith('Failed to pull image'))?.message ?? '';
}

function describePull(message: string): readonly [words: string, isDefinite: boolean] {
  const said = oneLine(message);
  if (/code = NotFound|not found|manifest unknown|name unknown|does not exist/i.test(said))
    return ['is not in the registry (404 not found)', true];
  if (/\b401\b|\b403\b|unauthorized|authentication required|denied|forbidden/i.test(said))
    return [`may not be pulled: ${lastWords(said)}`, true];
  if (/no match for platform/i.test(said)) return ['is not for the platform of the node', true];
  return [`cannot be pulled: ${lastWords(said)}`, false];
}

/** What went wrong stands at the end of a chain of who failed to do what. */
function lastWords(said: string): string {
  const steps = said.split(/: (?=failed to |unexpected |dial |Head |Get |lookup |pull |context )/);
  return (steps.at(-1) ?? said).replace(/^Back-off pulling image "[^"]*"(: ErrImagePull: )?/, '') || said;
}

/** A digest is told by its first letters. */
function showImage(image: string): string {
  return image.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1…');
}

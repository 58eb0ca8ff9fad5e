import type { Api } from '../src/kubernetes/api/api.ts';
import { kinds } from '../src/kubernetes/api/kinds.ts';
import { namesOf, type Place } from '../src/kubernetes/manifests/names.ts';
import type { Probe } from './probe.ts';

const everyMs = 500;

/** Tells the probe whether the Service is there, until the signal aborts: while it is not, nobody is at fault who serves. */
export async function followService({
  api,
  place,
  probe,
  signal,
}: {
  readonly api: Pick<Api, 'get'>;
  readonly place: Place;
  readonly probe: Pick<Probe, 'seeService'>;
  readonly signal: AbortSignal;
}): Promise<void> {
  while (!signal.aborted) {
    // What cannot be asked is not known.
    await api.get(kinds.service, namesOf(place).service, signal).then(
      (service) => probe.seeService(service !== undefined),
      () => undefined,
    );
    await Bun.sleep(everyMs);
  }
}

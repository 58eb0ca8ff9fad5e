import { type ClusterAccess, wireOf } from './access.ts';

/** How long the answer may take. */
const timeMs = 5_000;

/** The time of day that the API server has, in milliseconds since 1970, to the second. */
export async function readServerTime(
  access: ClusterAccess,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { server, headers } = access;
  const soon = AbortSignal.any([signal, AbortSignal.timeout(timeMs)]);
  const response = await fetch(`${server}/version`, {
    headers: await headers(),
    ...wireOf(access),
    signal: soon,
  } as unknown as RequestInit).catch(() => undefined);
  await response?.body?.cancel();
  const time = Date.parse(response?.headers.get('date') ?? '');
  return Number.isNaN(time) ? undefined : time;
}

import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { namesOf, type Place } from './manifests/names.ts';

interface ReadUrlOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: Pick<ClusterConfig, 'exposure'>;
}

/** Where users reach the service, as the cluster says; none inside it alone, or as long as it has no address. */
export async function readUrl(
  { api, place, config: { exposure } }: ReadUrlOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { service } = namesOf(place);
  switch (exposure.kind) {
    case 'clusterip':
      return undefined;
    case 'cloud':
      return exposure.url;
    case 'loadbalancer': {
      const found = await api.get(kinds.service, service, signal);
      const [at] = found?.status?.loadBalancer?.ingress ?? [];
      const host = at?.hostname ?? (at?.ip?.includes(':') ? `[${at.ip}]` : at?.ip);
      const { port } = exposure;
      return host && `http://${host}${port === 80 ? '' : `:${port}`}`;
    }
    case 'ingress': {
      const found = await api.get(kinds.ingress, service, signal);
      const host = found?.spec?.rules?.[0]?.host;
      return host && `${found?.spec?.tls?.length ? 'https' : 'http'}://${host}`;
    }
  }
}

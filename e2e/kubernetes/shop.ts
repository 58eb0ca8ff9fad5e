import type { Api } from '../../src/kubernetes/api/api.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { environmentObjects } from '../../src/kubernetes/manifests/environment-objects.ts';
import { makeShop, type Shop } from '../../src/kubernetes/manifests/fixtures.ts';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';

export interface ShopThere extends Shop, AsyncDisposable {
  readonly api: Api;
}

export interface ShopThereOptions {
  /** Whether its namespace has other owners. */
  readonly isShared?: boolean;
  /** Of the environment's config. */
  readonly environment?: object;
  readonly service?: object;
}

const standard = { 'pod-security.kubernetes.io/enforce': 'restricted' };

/** A namespace of the cluster for a shop whose image is the test image; nothing is made in it. */
export async function makeShopThere(
  cluster: Cluster,
  { isShared = false, environment, service }: ShopThereOptions = {},
): Promise<ShopThere> {
  const [pullFrom = '', image = ''] = (await cluster.image('web')).split('@');
  const namespace = await cluster.makeNamespace(isShared ? standard : {});
  const quick = { preStop: '0s', resources: { cpu: '10m', memory: '32Mi' } };
  const shop = makeShop({
    service: { drain: '1s', ...service },
    environment: { namespace: namespace.name, ...quick, ...environment },
    pullFrom,
    image,
    command: [],
  });
  const api = openApi({ access: accessTo(cluster), namespace: namespace.name, trace: () => undefined });
  const [own] = environmentObjects(shop);
  if (own && !isShared) await api.apply(own, { signal: AbortSignal.timeout(10_000) });
  return { ...shop, api, [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose]() };
}

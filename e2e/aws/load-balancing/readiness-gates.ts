import type { ApiServer } from './api-server.ts';
import { type Binding, gateOf, group } from './objects.ts';

interface AdmissionReview {
  readonly request: {
    readonly uid: string;
    readonly namespace: string;
    readonly object: {
      readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec: { readonly readinessGates?: readonly { readonly conditionType: string }[] };
    };
  };
}

interface Service {
  readonly spec: { readonly selector?: Readonly<Record<string, string>> };
}

export interface WebhookOptions {
  readonly api: ApiServer;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
}

/** Gives a pod that is made the gate of each binding that is there by then and whose service selects it. */
export function startWebhook({ api, host, port, tls }: WebhookOptions): { readonly stop: () => void } {
  const server = Bun.serve({
    hostname: host,
    port,
    tls,
    async fetch(asked) {
      const { request } = (await asked.json()) as AdmissionReview;
      const gates = await gatesOf(api, request);
      return Response.json({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid: request.uid, allowed: true, ...patchOf(request, gates) },
      });
    },
  });
  return { stop: () => void server.stop(true) };
}

async function gatesOf(
  api: ApiServer,
  { namespace, object }: AdmissionReview['request'],
): Promise<readonly string[]> {
  const path = `/apis/${group}/v1/namespaces/${namespace}/targetgroupbindings`;
  const found = await api.get<{ readonly items: readonly Binding[] }>(path);
  const gates: string[] = [];
  for (const binding of found?.items ?? []) {
    const { name } = binding.spec.serviceRef;
    const service = await api.get<Service>(`/api/v1/namespaces/${namespace}/services/${name}`);
    const selector = Object.entries(service?.spec.selector ?? {});
    const isSelected = selector.every(([key, value]) => object.metadata.labels?.[key] === value);
    if (selector.length > 0 && isSelected) gates.push(gateOf(binding));
  }
  return gates;
}

function patchOf({ object }: AdmissionReview['request'], gates: readonly string[]) {
  const before = object.spec.readinessGates ?? [];
  const missing = gates.filter((gate) => !before.some(({ conditionType }) => conditionType === gate));
  if (missing.length === 0) return {};
  const value = [...before, ...missing.map((conditionType) => ({ conditionType }))];
  const patch = [{ op: 'add', path: '/spec/readinessGates', value }];
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

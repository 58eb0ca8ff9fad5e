import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1';
import type { IService } from 'kubernetes-models/v1';
import type { ClusterConfig } from '../cluster-config.ts';
import { metadataOf, namesOf, type Place, portName, selectorOf } from './names.ts';

type Exposure = ClusterConfig['exposure'];
type IngressExposure = Extract<Exposure, { readonly kind: 'ingress' }>;

/** Where the Service listens. */
export function servicePort(exposure: Exposure): number {
  return exposure.kind === 'loadbalancer' ? exposure.port : 80;
}

export function serviceOf({ place, exposure }: { readonly place: Place; readonly exposure: Exposure }) {
  const { annotations = {} } = exposure.kind === 'loadbalancer' ? exposure : {};
  const metadata = metadataOf(place, 'service', namesOf(place).service);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations },
    spec: {
      type: exposure.kind === 'loadbalancer' ? 'LoadBalancer' : 'ClusterIP',
      selector: selectorOf(place),
      ports: [{ name: portName, port: servicePort(exposure), targetPort: portName, protocol: 'TCP' }],
    },
  } satisfies IService;
}

interface IngressOptions {
  readonly place: Place;
  readonly exposure: IngressExposure;
}

export function ingressOf({ place, exposure }: IngressOptions) {
  const { host, className, tlsSecret, annotations } = exposure;
  const name = namesOf(place).service;
  const metadata = metadataOf(place, 'service', name);
  const backend = { service: { name, port: { name: portName } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      ...(tlsSecret === undefined ? {} : { tls: [{ hosts: [host], secretName: tlsSecret }] }),
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  } satisfies IIngress;
}

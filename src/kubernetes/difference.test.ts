import { expect, test } from 'bun:test';
import type { KubernetesObject } from './api/kinds.ts';
import { differencesOf, missing } from './difference.ts';
import { deploymentOf } from './manifests/deployment.ts';
import { makeShop } from './manifests/fixtures.ts';
import { templateOf } from './manifests/pod-template.ts';

const { place, stored } = makeShop();
const template = templateOf(stored, undefined);
const wanted = deploymentOf({ place, template, replicas: 2, gate: 'open' });
const whole = ['spec.template'];

test('what the server keeps and fills in is no difference', () => {
  const [container] = template.spec?.containers ?? [];
  const found = {
    ...wanted,
    metadata: { ...wanted.metadata, uid: 'u', resourceVersion: '7', generation: 3, managedFields: [] },
    spec: {
      ...wanted.spec,
      revisionHistoryLimit: 10,
      template: {
        metadata: { ...template.metadata, creationTimestamp: null },
        spec: {
          ...template.spec,
          restartPolicy: 'Always',
          dnsPolicy: 'ClusterFirst',
          serviceAccount: 'shop',
          containers: [{ ...container, terminationMessagePath: '/dev/termination-log' }],
        },
      },
    },
    status: { replicas: 2 },
  } as KubernetesObject;

  expect(differencesOf({ wanted, found, whole })).toEqual([]);
});

test('fields are named by their path, and entries of lists by their name', () => {
  const found = edited((spec) => {
    spec.replicas = 5;
    spec.template.spec.containers[0].image = 'evil:1';
    spec.template.metadata.annotations = { 'kubectl.kubernetes.io/restartedAt': 'now' };
    spec.template.spec.containers.push({ name: 'sidecar', image: 'x' });
  });

  expect(differencesOf({ wanted, found, whole })).toEqual([
    { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 5 },
    {
      object: 'Deployment/shop',
      field: 'spec.template.metadata.annotations',
      wanted: undefined,
      found: { 'kubectl.kubernetes.io/restartedAt': 'now' },
    },
    {
      object: 'Deployment/shop',
      field: 'spec.template.spec.containers[service].image',
      wanted: stored.image,
      found: 'evil:1',
    },
    {
      object: 'Deployment/shop',
      field: 'spec.template.spec.containers[sidecar]',
      wanted: undefined,
      found: { name: 'sidecar', image: 'x' },
    },
  ]);
});

test('what others own beside ours is no difference', () => {
  const found = edited((spec) => {
    spec.revisionHistoryLimit = 3;
  });

  expect(differencesOf({ wanted, found, whole })).toEqual([]);
});

test('quantities are compared by what they mean', () => {
  const found = edited((spec) => {
    spec.template.spec.containers[0].resources.requests = { cpu: '0.1', memory: '262144Ki' };
  });

  expect(differencesOf({ wanted, found, whole })).toEqual([]);
});

test('an object that is missing is one difference', () => {
  expect(missing(wanted)).toMatchObject({ object: 'Deployment/shop', found: undefined });
});

// biome-ignore lint/suspicious/noExplicitAny: what somebody else made of it has no type
function edited(edit: (spec: any) => void): KubernetesObject {
  const copy = structuredClone(wanted);
  edit(copy.spec);
  return copy;
}

import { describe, expect, test } from 'bun:test';
import type { INamespace } from 'kubernetes-models/v1';
import { ownLabels, type Place } from './manifests/names.ts';
import { ownerOf, refuseTakenObject, whyNotUsable } from './ownership.ts';

const place: Place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };

function namespace(labels?: Readonly<Record<string, string>>, more: Partial<INamespace> = {}): INamespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop-staging', ...(labels ? { labels } : {}) },
    ...more,
  };
}

describe('an object', () => {
  test('with the labels of this environment is ours', () => {
    expect(ownerOf(namespace(ownLabels(place)), place)).toBe('ours');
  });

  test('of another environment of ours belongs to that', () => {
    const other = ownLabels({ ...place, project: 'blog', environment: 'production' });

    expect(ownerOf(namespace(other), place)).toEqual({ other: 'project blog, environment production' });
  });

  test('whose labels somebody took away is still ours by who wrote its fields', () => {
    const managedFields = [{ manager: 'causeway', operation: 'Apply' }];
    const metadata = { name: 'shop', managedFields };

    expect(ownerOf({ apiVersion: 'v1', kind: 'Service', metadata }, place)).toBe('ours');
  });

  test('that nobody labelled is refused as not ours', () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' } };

    expect(() => refuseTakenObject(service, place)).toThrow(
      'Service shop in namespace shop-staging was not made by Causeway',
    );
  });
});

describe('a namespace', () => {
  test('of nobody is used as it is', () => {
    expect(whyNotUsable(namespace(), place)).toBeUndefined();
  });

  test('of another tool is refused, with the key that names another', () => {
    expect(whyNotUsable(namespace({ 'app.kubernetes.io/managed-by': 'Helm' }), place)).toEqual({
      message: 'namespace shop-staging belongs to Helm',
      hint: 'name another in environments.staging.namespace',
    });
  });

  test('that is being deleted is refused, with what it waits for', () => {
    const condition = {
      type: 'NamespaceContentRemaining',
      message: 'pods. has 1 resource instances',
      status: 'True',
    };
    const conditions = [{ ...condition, lastTransitionTime: '', reason: '' }];
    const leaving = namespace(ownLabels(place), { status: { phase: 'Terminating', conditions } });

    expect(whyNotUsable(leaving, place)?.message).toBe(
      'namespace shop-staging is being deleted: pods. has 1 resource instances',
    );
  });
});

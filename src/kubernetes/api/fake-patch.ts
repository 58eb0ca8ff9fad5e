import type { JsonPatch } from './api.ts';
import type { KubernetesObject } from './kinds.ts';
import { ApiRefusal } from './refusal.ts';

type Fields = Readonly<Record<string, unknown>>;

/** RFC 7386. */
export function mergePatched(target: object, patch: object): KubernetesObject {
  const merged: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete merged[key];
    else if (isFields(value)) merged[key] = mergePatched(isFields(merged[key]) ? merged[key] : {}, value);
    else merged[key] = value;
  }
  return merged as unknown as KubernetesObject;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6902, without what moves or copies. */
export function jsonPatched(target: object, patch: JsonPatch): KubernetesObject {
  const next = structuredClone(target) as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    const keys = path
      .slice(1)
      .split('/')
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop() ?? '';
    const parent = keys.reduce<unknown>((within, key) => (within as Fields)?.[key], next);
    if (!isContainer(parent)) throw refusal(422, 'Invalid', `there is nothing at ${path}`);
    if (op === 'test') {
      if (JSON.stringify(parent[last]) !== JSON.stringify(value))
        throw refusal(422, 'Invalid', `testing value ${path} failed`);
    } else if (op !== 'add' && !(last in parent))
      throw refusal(422, 'Invalid', `there is nothing at ${path}`);
    else if (Array.isArray(parent))
      parent.splice(
        last === '-' ? parent.length : Number(last),
        op === 'add' ? 0 : 1,
        ...(op === 'remove' ? [] : [value]),
      );
    else if (op === 'remove') delete parent[last];
    else parent[last] = value;
  }
  return next as unknown as KubernetesObject;
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** As the API refuses, for a test to throw. */
export function refusal(status: number, reason: string, message: string): ApiRefusal {
  return new ApiRefusal({ status, reason, message, hint: 'look at the message' });
}

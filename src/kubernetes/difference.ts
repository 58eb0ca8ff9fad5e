import type { Difference } from '../core/difference.ts';
import { canonicalJson } from '../core/release.ts';
import type { KubernetesObject } from './api/kinds.ts';
import { toMilli } from './preflight/quantity.ts';

export interface CompareOptions {
  readonly wanted: KubernetesObject;
  readonly found: KubernetesObject;
  /** Fields that are ours whole, such as `spec.template`: what others put there counts too. Default: none. */
  readonly whole?: readonly string[];
}

/** Of fields that are wanted, those that are otherwise; never what the server keeps about an object or fills in itself. */
export function differencesOf({ wanted, found, whole = [] }: CompareOptions): readonly Difference[] {
  const { apiVersion: _version, kind: _kind, metadata = {}, ...parts } = withoutServerFields(wanted);
  const { name: _name, namespace: _namespace, ...own } = metadata;
  const given = { object: showObject(wanted), whole };
  const { metadata: about = {}, ...there } = withoutServerFields(found);
  const { name: _itsName, namespace: _itsNamespace, ...its } = about;
  return compare(given, { metadata: own, ...parts }, { ...there, metadata: its }, '');
}

/** Of an object that is not there, or one too many. */
export function missing(wanted: KubernetesObject): Difference {
  return { object: showObject(wanted), wanted: withoutServerFields(wanted), found: undefined };
}

export function needless(found: KubernetesObject): Difference {
  return { object: showObject(found), wanted: undefined, found: withoutServerFields(found) };
}

/**
 * Whether an object says the same, beyond what the server keeps about it: its version also moves when a controller
 * writes the status, such as whether a policy's expressions are of the right types.
 */
export function saysTheSame(before: KubernetesObject, after: KubernetesObject): boolean {
  return canonicalJson(withoutServerFields(before)) === canonicalJson(withoutServerFields(after));
}

/** `Deployment/shop`. */
function showObject({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata?.name}`;
}

const serverFields = [
  'managedFields',
  'resourceVersion',
  'generation',
  'uid',
  'creationTimestamp',
  'selfLink',
];

function withoutServerFields(object: KubernetesObject): KubernetesObject {
  const {
    status: _status,
    metadata = {},
    ...parts
  } = object as KubernetesObject & { readonly status?: unknown };
  const own = Object.entries(metadata).filter(([field]) => !serverFields.includes(field));
  return { ...parts, metadata: Object.fromEntries(own) };
}

interface Given {
  readonly object: string;
  readonly whole: readonly string[];
}

function compare(given: Given, wanted: unknown, found: unknown, path: string): readonly Difference[] {
  if (isSame(wanted, found, path)) return [];
  if (isNamedList(wanted) && isNamedList(found)) {
    return compareFields(given, byName(wanted), byName(found), path);
  }
  if (isList(wanted) && isList(found) && wanted.length === found.length) {
    const entries = wanted.map((entry, index) => compare(given, entry, found[index], `${path}[${index}]`));
    // Lists of plain values read better whole.
    return wanted.every(isFields) ? entries.flat() : changed(given, wanted, found, path, entries.flat());
  }
  if (isFields(wanted) && isFields(found)) return compareFields(given, wanted, found, path);
  return [{ object: given.object, field: path, wanted, found }];
}

function compareFields(given: Given, wanted: Fields, found: Fields, path: string): readonly Difference[] {
  const isWhole = given.whole.some(
    (root) => path === root || path.startsWith(`${root}.`) || path.startsWith(`${root}[`),
  );
  const names = [...Object.keys(wanted), ...(isWhole ? Object.keys(found) : [])];
  return [...new Set(names)].flatMap((name) => {
    const inner = join(path, name, wanted instanceof NamedList);
    if (!(name in wanted) && isFilledIn(name, found[name], found)) return [];
    return compare(given, wanted[name], found[name], inner);
  });
}

function changed(
  { object }: Given,
  wanted: unknown,
  found: unknown,
  field: string,
  inside: readonly Difference[],
): readonly Difference[] {
  return inside.length === 0 ? [] : [{ object, field, wanted, found }];
}

type Fields = Readonly<Record<string, unknown>>;
class NamedList {}

function byName(list: readonly { readonly name: string }[]): Fields {
  return Object.assign(new NamedList(), Object.fromEntries(list.map((entry) => [entry.name, entry])));
}

function join(path: string, name: string, isEntry: boolean): string {
  if (isEntry || !/^[\w-]+$/.test(name)) return `${path}[${name}]`;
  return path === '' ? name : `${path}.${name}`;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Containers, variables, ports and volumes are told apart by name, whatever their order. */
function isNamedList(value: unknown): value is readonly { readonly name: string }[] {
  if (!isList(value) || value.length === 0) return false;
  const names = value.map((entry) => (isFields(entry) ? entry.name : undefined));
  return names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
}

function isSame(wanted: unknown, found: unknown, path: string): boolean {
  if (wanted === found || (isEmpty(wanted) && isEmpty(found))) return true;
  const isQuantity = /\.(requests|limits)\.\w+$|\.sizeLimit$/.test(path);
  return isQuantity && toMilli(String(wanted)) === toMilli(String(found));
}

/** The API leaves out what is empty or zero, and writes null for a time that is not there. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** What the API server fills in where nothing was said, by the field's name. */
const filledIn: Readonly<Record<string, unknown>> = {
  apiVersion: 'v1',
  dnsPolicy: 'ClusterFirst',
  failurePolicy: 'Fail',
  failureThreshold: 3,
  imagePullPolicy: 'IfNotPresent',
  matchPolicy: 'Equivalent',
  periodSeconds: 10,
  protocol: 'TCP',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  scheme: 'HTTP',
  scope: '*',
  successThreshold: 1,
  terminationGracePeriodSeconds: 30,
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  timeoutSeconds: 1,
};

function isFilledIn(name: string, value: unknown, among: Fields): boolean {
  // The old name of another field.
  if (name === 'serviceAccount') return value === among.serviceAccountName;
  return isEmpty(value) || filledIn[name] === value;
}

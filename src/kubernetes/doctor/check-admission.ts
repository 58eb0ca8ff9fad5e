import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { type KubernetesObject, kindOf } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { differencesOf } from '../difference.ts';
import { admissionObjects } from '../manifests/admission.ts';
import type { Place } from '../manifests/names.ts';
import { note, orRefusal, unknown } from '../preflight/cluster-parts.ts';
import { mayDo } from '../rights/find-missing-rights.ts';

/** Whether the cluster itself refuses images that nobody verified. Who may not make the policy is told, and goes without. */
export async function checkAdmission(
  api: Api,
  place: Place,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { environment } = place;
  const objects = admissionObjects(place);
  const found = await Promise.all(
    objects.map((object) => orRefusal(() => api.get(kindOf(object), object.metadata?.name ?? '', signal))),
  );
  if (found.some((one) => one instanceof ApiRefusal)) {
    return [unknown('the admission policy: you may not read it, it is an administrator’s')];
  }
  const missing = objects.filter((_object, index) => found[index] === undefined).map(({ kind }) => kind);
  const changed = objects.filter((wanted, index) => isChanged(wanted, found[index])).map(({ kind }) => kind);
  if (missing.length + changed.length === 0) {
    return [note('the admission policy is there, as up makes it, and bound')];
  }
  const what =
    missing.length > 0
      ? `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing, so the cluster admits any image`
      : `${changed.join(' and ')} ${changed.length === 1 ? 'was' : 'were'} changed, so the cluster may admit any image`;
  const group = 'admissionregistration.k8s.io';
  const resource = 'validatingadmissionpolicies';
  if (await mayDo({ api, group, resource, verb: 'create', signal }))
    return [{ isProblem: true, message: what, hint: `causeway up ${environment} puts it right` }];
  // Everything else works without it.
  const hint = `an administrator applies what causeway render ${environment} prints of it`;
  return [{ isProblem: false, message: what, hint }];
}

function isChanged(wanted: KubernetesObject, found: KubernetesObject | ApiRefusal | undefined): boolean {
  if (!found || found instanceof ApiRefusal) return false;
  return differencesOf({ wanted, found, whole: ['spec'] }).length > 0;
}

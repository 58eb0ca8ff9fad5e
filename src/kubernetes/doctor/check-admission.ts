import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kindOf } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
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
    return [unknown('whether an admission policy is there is not to be seen: it is an administrator’s')];
  }
  const missing = objects.filter((_object, index) => found[index] === undefined).map(({ kind }) => kind);
  if (missing.length === 0) return [note('the admission policy is there, and bound')];
  const what = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing, so the cluster admits any image`;
  const group = 'admissionregistration.k8s.io';
  const resource = 'validatingadmissionpolicies';
  if (!(await mayDo({ api, group, resource, verb: 'create', signal }))) {
    return [unknown(`${what}; an administrator makes them of what causeway render ${environment} prints`)];
  }
  return [{ isProblem: true, message: what, hint: `causeway up ${environment} makes what is missing` }];
}

import { labels } from './names.ts';

/** What the rules say of a pod, in CEL, each once. */
export const variables = [
  variable('init', 'object.spec.?initContainers.orValue([])'),
  variable('ephemeral', 'object.spec.?ephemeralContainers.orValue([])'),
  variable('images', imagesOf('object')),
  variable('imagesBefore', `oldObject == null ? [] : ${imagesOf('oldObject')}`),
  variable('tagged', "variables.images.filter(i, !i.matches('@sha256:[0-9a-f]{64}$'))"),
  variable('admitted', 'params.?data.orValue({})'),
  variable(
    'unlisted',
    "variables.images.filter(i, i.contains('@sha256:') && !(i.substring(i.lastIndexOf(':') + 1) in variables.admitted))",
  ),
  // An update that leaves the images and our labels as they were brings nothing in: finalizers, annotations, owners.
  variable(
    'isUnchanged',
    [
      'oldObject != null',
      'variables.images == variables.imagesBefore',
      ...[labels.name, labels.component].map(
        (label) => `${labelOf('object', label)} == ${labelOf('oldObject', label)}`,
      ),
    ].join(' && '),
  ),
  variable('isService', `${labelOf('object', labels.component)} == 'service'`),
  variable('podIsNonRoot', 'object.spec.?securityContext.?runAsNonRoot.orValue(false)'),
  variable('podUser', 'object.spec.?securityContext.?runAsUser.orValue(-1)'),
  // Ephemeral ones go by the pod's unless they say otherwise, as all do.
  variable(
    'root',
    ['object.spec.containers', 'variables.init', 'variables.ephemeral'].map(rootsOf).join(' + '),
  ),
  variable(
    'unasked',
    ['object.spec.containers', 'variables.init']
      .map(
        (list) =>
          `${list}.filter(c, !['cpu', 'memory'].all(r, r in c.?resources.?requests.orValue({}))).map(c, c.name)`,
      )
      .join(' + '),
  ),
  variable('unready', 'object.spec.containers.filter(c, !has(c.readinessProbe)).map(c, c.name)'),
];

/** What a pod must be; each says what to do where it is not. */
export const validations = [
  rule(
    'variables.tagged.size() == 0',
    "'image ' + variables.tagged.join(', ') + ' is not named by digest; name it as registry/repository@sha256:…, as causeway deploy does'",
    'an image is not named by digest; name it as registry/repository@sha256:…, as causeway deploy does',
  ),
  rule(
    'variables.unlisted.size() == 0',
    "'image ' + variables.unlisted.join(', ') + ' is not among those that Causeway verified; roll it out with causeway deploy --image'",
    'an image is not among those that Causeway verified; roll it out with causeway deploy --image',
  ),
  rule(
    'variables.root.size() == 0',
    "'container ' + variables.root.join(', ') + ' may run as root; set securityContext.runAsNonRoot to true, and no runAsUser of 0'",
    'a container may run as root; set securityContext.runAsNonRoot to true, and no runAsUser of 0',
  ),
  rule(
    '!variables.isService || variables.unready.size() == 0',
    "'container ' + variables.unready.join(', ') + ' has no readinessProbe; without one it is sent requests before it can answer them'",
    'a container has no readinessProbe; without one it is sent requests before it can answer them',
  ),
  rule(
    'variables.unasked.size() == 0',
    "'container ' + variables.unasked.join(', ') + ' asks for no CPU or no memory; set resources.requests of both'",
    'a container asks for no CPU or no memory; set resources.requests of both',
  ),
];

function variable(name: string, expression: string) {
  return { name, expression };
}

function rule(expression: string, messageExpression: string, message: string) {
  return {
    expression: `variables.isUnchanged || ${expression}`,
    messageExpression,
    message,
    reason: 'Invalid',
  };
}

function imagesOf(object: string): string {
  const ofList = (list: string) => `${object}.spec.?${list}.orValue([]).map(c, c.image)`;
  return ['containers', 'initContainers', 'ephemeralContainers'].map(ofList).join(' + ');
}

function labelOf(object: string, label: string): string {
  return `${object}.metadata.?labels[?'${label}'].orValue('')`;
}

function rootsOf(list: string): string {
  const isNonRoot = 'c.?securityContext.?runAsNonRoot.orValue(variables.podIsNonRoot)';
  const user = 'c.?securityContext.?runAsUser.orValue(variables.podUser)';
  return `${list}.filter(c, !${isNonRoot} || ${user} == 0).map(c, c.name)`;
}

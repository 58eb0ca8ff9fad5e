/** Whether an object is as it was sent: it may have more fields, and has another version. */
export function holds(found: unknown, sent: unknown): boolean {
  if (Array.isArray(sent)) {
    return (
      Array.isArray(found) && found.length === sent.length && sent.every((item, i) => holds(found[i], item))
    );
  }
  if (!isFields(sent)) return found === sent;
  if (!isFields(found)) return false;
  return Object.entries(sent).every(
    ([name, value]) => name === 'resourceVersion' || value === undefined || holds(found[name], value),
  );
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export interface TraceContext {
  readonly traceId: string;
  /** The caller's span. */
  readonly parentId: string;
}

/**
 * Reads a `traceparent` header as W3C Trace Context (levels 1 and 2) has it; undefined when it is not
 * valid, which the specification wants ignored. Of a version above 00 the known part is read.
 * https://www.w3.org/TR/trace-context-2/#traceparent-header
 */
export function readTraceparent(header: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, parentId, rest] = match;
  if (version === undefined || traceId === undefined || parentId === undefined) return undefined;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || parentId === NO_PARENT) return undefined;
  return { traceId, parentId };
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_PARENT = '0'.repeat(16);

const TITLES = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

type ProblemStatus = keyof typeof TITLES;

export interface Problem {
  readonly status: ProblemStatus;
  /** What this occurrence is about; never anything from inside the service. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An RFC 9457 problem. Its type is about:blank, so its title is the status's own phrase. */
export function problem({ status, detail, headers }: Problem): Response {
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail });
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}

import { type Access, type LogAccess, pathForLog } from './access-log.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Endpoint } from './endpoint.ts';
import { createLivez } from './endpoints/livez.ts';
import { createMessage } from './endpoints/message.ts';
import { createMetrics } from './endpoints/metrics.ts';
import { createOpenApi } from './endpoints/openapi.ts';
import { createReadyz } from './endpoints/readyz.ts';
import { createVersion } from './endpoints/version.ts';
import type { Lifecycle } from './lifecycle.ts';
import { BodyTooLarge, boundBody, refuseBody, refuseTooLarge } from './limits.ts';
import { Metrics, type ProcessFacts } from './metrics.ts';
import { problem } from './problem.ts';

type Handler = (request: Request) => Response | Promise<Response>;

export interface Service {
  /** A handler for each path, as the runtime's own router takes them: it compares paths byte for byte. */
  readonly routes: Readonly<Record<string, Handler>>;
  /** Answers every path that is not in `routes`. */
  readonly unmatched: Handler;
  /** `GET /path` for each request whose answer is not ready yet. */
  inFlight(): readonly string[];
}

export interface ServiceOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly facts: ProcessFacts;
  /** None when the access log is off. */
  readonly logAccess: LogAccess | undefined;
  /** Told of what an endpoint throws; the client learns nothing of it. */
  readonly reportError: (error: unknown) => void;
  readonly extraEndpoints?: readonly Endpoint[];
}

export function createService(options: ServiceOptions): Service {
  const { clock, lifecycle, facts, extraEndpoints = [] } = options;
  const metrics = new Metrics();
  const endpoints: readonly Endpoint[] = [
    createMessage({ clock }),
    createLivez(),
    createReadyz({ lifecycle }),
    createMetrics({ metrics, facts }),
    createVersion(facts),
    createOpenApi({ endpoints: () => endpoints }),
    ...extraEndpoints,
  ];
  const pending = new Set<Asked>();
  const observe = createObserver({ ...options, metrics, pending });

  return {
    routes: Object.fromEntries(
      endpoints.map((endpoint) => [
        endpoint.path,
        observe(endpoint.path, answerWith(endpoint, options.config)),
      ]),
    ),
    unmatched: observe(undefined, answerNotFound(options.config)),
    inFlight: () => [...pending].map(({ method, path }) => `${method} ${JSON.parse(path)}`),
  };
}

/** What is kept of a request until it is answered. */
interface Asked extends Pick<Access, 'method' | 'path' | 'traceparent'> {
  readonly startedAt: number;
}

interface ObserverOptions extends ServiceOptions {
  readonly metrics: Metrics;
  readonly pending: Set<Asked>;
}

/**
 * Wraps handlers, once, with all that holds for every answer: counted, logged, a 500 for what is thrown,
 * and `Connection: close` while leaving. Nothing here is made anew for a request but what is logged of it.
 */
function createObserver(options: ObserverOptions): (path: string | undefined, answer: Handler) => Handler {
  const { clock, config, lifecycle, logAccess, metrics, pending, reportError } = options;

  return (path, answer) => {
    const route = metrics.route(path ?? 'unmatched');
    const knownPath = path === undefined ? undefined : JSON.stringify(path);

    const finish = (asked: Asked, response: Response): Response => {
      const { method, path, traceparent, startedAt } = asked;
      const durationMs = clock.monotonic() - startedAt;
      metrics.inFlight--;
      route.record(method, response.status, durationMs / 1000);
      logAccess?.({ method, path, status: response.status, durationMs, traceparent });
      if (lifecycle.isLeaving) response.headers.set('connection', 'close');
      // The runtime dates every answer but this one.
      if (method === 'HEAD') response.headers.set('date', new Date(clock.now()).toUTCString());
      return response;
    };

    const finishLater = async (asked: Asked, response: Promise<Response>): Promise<Response> => {
      pending.add(asked);
      const answer = await response.catch(answerThrown);
      pending.delete(asked);
      return finish(asked, answer);
    };

    const answerThrown = (error: unknown): Response => {
      if (error instanceof BodyTooLarge) return refuseBody(config);
      reportError(error);
      return problem({ status: 500, detail: 'the service failed to answer; its log says why' });
    };

    return (request) => {
      metrics.inFlight++;
      const asked: Asked = {
        method: request.method,
        path: knownPath ?? pathForLog(request.url),
        traceparent: logAccess === undefined ? null : request.headers.get('traceparent'),
        startedAt: clock.monotonic(),
      };
      let response: Response | Promise<Response>;
      try {
        response = answer(request);
      } catch (error) {
        response = answerThrown(error);
      }
      return response instanceof Promise ? finishLater(asked, response) : finish(asked, response);
    };
  };
}

function answerWith(endpoint: Endpoint, config: Config): Handler {
  const methods = endpoint.methods ?? ['GET', 'HEAD'];
  const allowed: ReadonlySet<string> = new Set(methods);
  const allow = methods.join(', ');

  return (request) => {
    const refusal = refuseTooLarge(request, config);
    if (refusal !== undefined) return refusal;
    if (!allowed.has(request.method)) {
      return problem({ status: 405, detail: `this path answers ${allow}`, headers: { allow } });
    }
    return endpoint.handle(boundBody(request, config));
  };
}

function answerNotFound(config: Config): Handler {
  return (request) =>
    refuseTooLarge(request, config) ?? problem({ status: 404, detail: 'there is nothing at this path' });
}

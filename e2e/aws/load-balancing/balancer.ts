import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { fits, type Target } from './target.ts';

export interface BalancerOptions {
  readonly port: number;
  /** The address that its connections to targets come from. */
  readonly from: string;
  /** The targets of its groups, whatever their state. */
  readonly targets: () => readonly Target[];
}

export interface Balancer {
  readonly isGood: (target: Target) => Promise<boolean>;
  /** Closes what is open to targets that are out of the game. */
  readonly sweep: (now: number) => void;
  readonly stop: () => void;
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html */
const idleMs = 60_000;
const connectMs = 10_000;

/**
 * Stands for an Application Load Balancer, on loopback: it sends each request to one healthy target, once, and answers
 * 502, 503 or 504 where AWS does.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
 */
export async function startBalancer({ port, from, targets }: BalancerOptions): Promise<Balancer> {
  const agents = new Map<Target, Agent>();
  let turn = 0;

  const server = createServer((asked, answer) => {
    const target = choose(Date.now());
    if (target === undefined) return refuse(answer, 503);
    forward(asked, answer, target);
  });
  server.keepAliveTimeout = idleMs;
  server.listen(port, '127.0.0.1');
  await new Promise((listening, failed) => server.once('listening', listening).once('error', failed));

  /** The healthy ones in turn; where none is, all that were checked and failed. */
  function choose(now: number): Target | undefined {
    const all = targets();
    const healthy = all.filter((target) => target.isServing(now));
    const candidates =
      healthy.length > 0 ? healthy : all.filter((target) => target.state(now) === 'unhealthy');
    turn += 1;
    return candidates[turn % candidates.length];
  }

  function forward(asked: IncomingMessage, answer: ServerResponse, target: Target): void {
    const passed = request({
      host: target.host,
      port: target.port,
      method: asked.method,
      path: asked.url,
      headers: headersOf(asked, port),
      agent: agentOf(target),
      localAddress: from,
    });
    let isEnded = false;
    /** Once: what a request that is destroyed tells of it depends on where it was. */
    const end = (status: number) => {
      if (isEnded) return;
      isEnded = true;
      passed.destroy();
      if (answer.headersSent) answer.destroy();
      else refuse(answer, status);
    };
    passed.setTimeout(idleMs, () => end(504));
    passed.once('socket', (socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => end(504), connectMs);
      socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    });
    passed.once('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, hopless(response.headers));
      response.pipe(answer);
      response.once('end', () => {
        isEnded = true;
      });
      response.once('error', () => end(502)).once('close', () => end(502));
    });
    passed.once('error', () => end(502));
    answer.once('close', () => {
      isEnded = true;
      if (!answer.writableFinished) passed.destroy();
    });
    asked.pipe(passed);
  }

  function agentOf(target: Target): Agent {
    const known = agents.get(target);
    if (known) return known;
    const made = new Agent({ keepAlive: true, keepAliveMsecs: idleMs, timeout: idleMs });
    agents.set(target, made);
    return made;
  }

  return {
    isGood: (target) => check(target, from),
    sweep(now) {
      for (const [target, agent] of agents) {
        const state = target.state(now);
        if (state === 'draining')
          for (const sockets of Object.values(agent.freeSockets))
            for (const socket of sockets ?? []) socket.destroy();
        if (state !== 'gone') continue;
        agent.destroy();
        agents.delete(target);
      }
    },
    stop() {
      server.closeAllConnections();
      server.close();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** One health check. */
function check({ host, port, rules }: Target, from: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      host,
      port,
      path: rules.path,
      headers: { 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' },
      agent: false,
      localAddress: from,
    });
    const end = (isGood: boolean) => {
      clearTimeout(timer);
      resolve(isGood);
      asked.destroy();
    };
    const timer = setTimeout(() => end(false), rules.timeoutMs);
    asked.once('error', () => end(false));
    asked.once('response', (response) => {
      response.resume();
      end(fits(rules.codes, response.statusCode ?? 0));
    });
    asked.end();
  });
}

const hops = ['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'te', 'trailer'];

function hopless<Value>(headers: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hops.includes(name)));
}

function headersOf({ headers, socket }: IncomingMessage, port: number) {
  const before = headers['x-forwarded-for'];
  const client = socket.remoteAddress ?? '';
  return {
    ...hopless(headers),
    'x-forwarded-for': before === undefined ? client : `${before}, ${client}`,
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(port),
  };
}

function refuse(answer: ServerResponse, status: number): void {
  const body = `<html><body><h1>${status}</h1></body></html>\n`;
  answer.writeHead(status, { server: 'awselb/2.0', 'content-type': 'text/html' }).end(body);
}

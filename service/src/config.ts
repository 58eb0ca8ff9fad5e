export interface Config {
  readonly host: string;
  readonly port: number;
  /** How long new requests are still accepted after the signal to leave. */
  readonly drainSeconds: number;
  /** After this time from the signal to leave, what is still in flight is cut. */
  readonly shutdownDeadlineSeconds: number;
  /** How long a kept connection may be silent: longer than the load balancer's own limit (60 s on an ALB). */
  readonly idleSeconds: number;
  readonly maxBodyBytes: number;
  /**
   * Undefined leaves it to the runtime, which answers 431 without a body from 16 KiB on: adding up ten
   * header fields costs half as much as the whole request.
   */
  readonly maxHeaderBytes: number | undefined;
  readonly hasAccessLog: boolean;
  readonly release: string | undefined;
  readonly revision: string | undefined;
}

export type ReadConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the whole configuration once; every problem is named, with the value and what is allowed. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ReadConfig {
  const problems: string[] = [];
  const read = <T>(name: string, kind: Kind<T>, otherwise: T): T => {
    const text = env[name];
    if (text === undefined || text === '') return otherwise;
    const value = kind.parse(text);
    if (value !== undefined) return value;
    problems.push(`${name} is ${JSON.stringify(text)}; allowed is ${kind.allowed}`);
    return otherwise;
  };

  const config: Config = {
    host: read('HOST', address, '0.0.0.0'),
    port: read('PORT', wholeNumber(0, 65_535), 8080),
    drainSeconds: read('DRAIN_SECONDS', number(0, 3600), 2),
    shutdownDeadlineSeconds: read('SHUTDOWN_DEADLINE_SECONDS', number(0, 3600), 25),
    idleSeconds: read('IDLE_SECONDS', wholeNumber(1, 255), 70),
    maxBodyBytes: read('MAX_BODY_BYTES', wholeNumber(0, 2 ** 30), 2 ** 20),
    maxHeaderBytes: read<number | undefined>('MAX_HEADER_BYTES', wholeNumber(256, 15_360), undefined),
    hasAccessLog: read('ACCESS_LOG', onOrOff, true),
    release: read('RELEASE', label, undefined),
    revision: read('REVISION', label, undefined),
  };
  if (problems.length === 0 && config.shutdownDeadlineSeconds < config.drainSeconds) {
    const { shutdownDeadlineSeconds, drainSeconds } = config;
    problems.push(
      `SHUTDOWN_DEADLINE_SECONDS is ${shutdownDeadlineSeconds}; allowed is no less than DRAIN_SECONDS, ${drainSeconds}`,
    );
  }
  return problems.length === 0 ? { ok: true, config } : { ok: false, problems };
}

interface Kind<T> {
  readonly allowed: string;
  /** Undefined when the text is not allowed. */
  parse(text: string): T | undefined;
}

function wholeNumber(least: number, most: number): Kind<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    parse: (text) => (/^\d{1,15}$/.test(text) ? within(Number(text), least, most) : undefined),
  };
}

function number(least: number, most: number): Kind<number> {
  return {
    allowed: `a number from ${least} to ${most}`,
    parse: (text) => (/^\d{1,9}(\.\d{1,9})?$/.test(text) ? within(Number(text), least, most) : undefined),
  };
}

function within(value: number, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined;
}

const address: Kind<string> = {
  allowed: 'an IP address or a host name',
  parse: (text) => (/^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? text : undefined),
};

const onOrOff: Kind<boolean> = {
  allowed: 'on or off',
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
};

const label: Kind<string | undefined> = {
  allowed: 'up to 200 printable ASCII characters',
  parse: (text) => (/^[\x20-\x7e]{1,200}$/.test(text) ? text : undefined),
};

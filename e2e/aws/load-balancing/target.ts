/** What a target group of AWS says of its targets. */
export interface TargetRules {
  /** Between two checks. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly path: string;
  /** `200-399`, `200,204`. */
  readonly codes: string;
  /** Checks in a row that make an unhealthy target healthy; a new one needs a single one. */
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  /** How long a target that has left may finish what is in flight. */
  readonly deregistrationMs: number;
}

/** How slow AWS is beyond what the target group says. */
export interface Slowness {
  /** From the call that registers a target to its first check. */
  readonly registrationMs: number;
  /** For how long a target that was taken out is still given new requests. */
  readonly lagMs: number;
}

/**
 * `registering` AWS does not know it yet · `initial` not checked yet · `leaving` taken out, and still given requests ·
 * `draining` it may only finish what is in flight · `gone`
 */
export type TargetState =
  | 'registering'
  | 'initial'
  | 'healthy'
  | 'unhealthy'
  | 'leaving'
  | 'draining'
  | 'gone';

/** One address in a target group: what becomes of it, by what was seen and when. It does nothing itself. */
export class Target {
  readonly host: string;
  readonly port: number;
  readonly #rules: TargetRules;
  readonly #slowness: Slowness;
  readonly #checkedFrom: number;
  #health: 'initial' | 'healthy' | 'unhealthy' = 'initial';
  /** Checks in a row that ended the same way. */
  #streak = { isGood: true, length: 0 };
  #leftAt: number | undefined;

  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    {
      rules,
      slowness,
      now,
    }: { readonly rules: TargetRules; readonly slowness: Slowness; readonly now: number },
  ) {
    this.host = host;
    this.port = port;
    this.#rules = rules;
    this.#slowness = slowness;
    this.#checkedFrom = now + slowness.registrationMs;
  }

  get rules(): TargetRules {
    return this.#rules;
  }

  get hasLeft(): boolean {
    return this.#leftAt !== undefined;
  }

  leave(now: number): void {
    this.#leftAt ??= now;
  }

  checked(isGood: boolean): void {
    const isSame = this.#streak.isGood === isGood;
    this.#streak = { isGood, length: isSame ? this.#streak.length + 1 : 1 };
    const { length } = this.#streak;
    if (isGood && (this.#health === 'initial' || length >= this.#rules.healthyAfter))
      this.#health = 'healthy';
    if (!isGood && length >= this.#rules.unhealthyAfter) this.#health = 'unhealthy';
  }

  state(now: number): TargetState {
    if (this.#leftAt !== undefined) {
      const lagEnds = this.#leftAt + this.#slowness.lagMs;
      if (now < lagEnds) return 'leaving';
      return now < lagEnds + this.#rules.deregistrationMs ? 'draining' : 'gone';
    }
    return now < this.#checkedFrom ? 'registering' : this.#health;
  }

  /** Whether new requests are sent to it. */
  isServing(now: number): boolean {
    const state = this.state(now);
    return state === 'healthy' || (state === 'leaving' && this.#health === 'healthy');
  }
}

export function fits(codes: string, status: number): boolean {
  return codes.split(',').some((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return status >= from && status <= to;
  });
}

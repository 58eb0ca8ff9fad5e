import { UserError } from '../../core/errors.ts';

export interface StatusCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface RefusalFields {
  readonly status: number;
  /** As the API names it: `Forbidden`, `Conflict`, `AlreadyExists`, `Expired`. */
  readonly reason: string;
  readonly message: string;
  readonly causes?: readonly StatusCause[];
  readonly hint: string;
}

/** The API server answered, and said no. */
export class ApiRefusal extends UserError {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly StatusCause[];

  constructor({ status, reason, message, causes = [], hint }: RefusalFields) {
    super({ code: 'cluster_refused', message, hint });
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

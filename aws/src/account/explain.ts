import { UnreachableError, UserError } from '../../../src/core/errors.ts';

export interface Asked {
  /** Ends `could not …`. */
  readonly what: string;
  readonly region: string;
}

/** What the SDK throws for an answer that is no success. */
interface Refusal {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** What AWS refused, in words that say how to mend it; what is no answer of AWS is given back as it is. */
export function explain(error: unknown, { what, region }: Asked): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error.name === 'AbortError') return error;
  const { name, message } = error;
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new UserError({
      code: 'cloud_credentials',
      message: `there are no credentials for AWS: ${oneLine(message)}`,
      hint: 'export AWS_PROFILE=<profile>, or log in: aws sso login; aws sts get-caller-identity shows who you are',
      cause: error,
    });
  }
  if (wrongCredentials.has(name)) {
    return new UserError({
      code: 'cloud_credentials',
      message: `AWS does not take the credentials: ${oneLine(message)}`,
      hint: 'log in again, then run the same command again; what was begun is gone on with',
      cause: error,
    });
  }
  if (isThrottled(name)) return unreachable(`AWS has had too many requests, and could not ${what}`, error);
  if ((error as { readonly code?: string }).code === 'ENOTFOUND') {
    return new UnreachableError({
      code: 'environment_unreachable',
      message: `AWS is not found in the region ${region}: ${oneLine(message)}`,
      hint: `see whether ${region} is a region, and whether this machine is online`,
      cause: error,
    });
  }
  const status = (error as Refusal).$metadata?.httpStatusCode;
  if (isRefusedRight(name)) {
    return new UserError({
      code: 'cloud_refused',
      message: `you may not ${what}: ${oneLine(message)}`,
      hint: 'docs/aws-permissions.md has the policy that the commands need',
      cause: error,
    });
  }
  // An answer that broke off has the status of its beginning.
  if (status === undefined || status >= 500 || status < 400)
    return unreachable(`AWS in ${region} does not answer, and could not ${what}: ${inWords(message)}`, error);
  return new UserError({
    code: 'cloud_refused',
    message: `AWS could not ${what}: ${oneLine(message)}`,
    hint: 'run the same command again once that is mended',
    cause: error,
  });
}

/** Whether AWS said that there is no such thing. */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : error;
  if (!(cause instanceof Error)) return false;
  return /NotFound|NoSuch|DoesNotExist/.test(cause.name) || /does not exist/i.test(cause.message);
}

/** By what AWS calls it. */
export function isRefusal(error: unknown, name: string | RegExp): boolean {
  const cause = error instanceof UserError ? error.cause : error;
  return cause instanceof Error && (typeof name === 'string' ? cause.name === name : name.test(cause.name));
}

const wrongCredentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'AuthFailure',
]);

function isThrottled(name: string): boolean {
  return /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown/.test(name);
}

function isRefusedRight(name: string): boolean {
  return /AccessDenied|UnauthorizedOperation|NotAuthorized|Forbidden/.test(name);
}

function unreachable(message: string, cause: Error): UnreachableError {
  return new UnreachableError({
    code: 'environment_unreachable',
    message,
    hint: 'nothing was undone; the same command goes on once AWS answers',
    cause,
  });
}

/** The SDK puts advice for programmers behind what happened. */
function inWords(message: string): string {
  const [said = ''] = oneLine(message).split(/\s*Deserialization error:/);
  return said === '' || said === 'aborted' ? 'the connection was cut' : said;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

import { UnreachableError, UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import { type AccessHints, type ClusterAccess, proxyAddress } from './access.ts';
import { ApiRefusal, type StatusCause } from './refusal.ts';

/** What the API answers where it does not do what was asked. */
interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly StatusCause[] };
}

type Known = Pick<ClusterAccess, 'context' | 'server' | 'proxy' | 'hints'>;

/** An answer that is no success, as an error: `UnreachableError` of a server that is not well, else `ApiRefusal`. */
export async function explainAnswer(access: Known, response: Response, what: string): Promise<UserError> {
  const { context, server } = access;
  const status = await readStatus(response);
  const said = status.message ?? `status ${response.status}`;
  if (response.status >= 500 || response.status === 429) {
    return new UnreachableError({
      code: 'environment_unreachable',
      message: `${server} could not ${what}: ${said}`,
      hint: 'nothing was undone; the same command goes on once the cluster is well again',
    });
  }
  if (response.status < 400) return strangeAnswer(access, what, `status ${response.status}`);
  return new ApiRefusal({
    status: response.status,
    reason: status.reason ?? String(response.status),
    message:
      response.status === 401 ? `context ${context}: the cluster does not know your credentials` : said,
    causes: status.details?.causes ?? [],
    hint: hintFor(response.status, access),
  });
}

/** An answer as the API gives none: something before it answered, such as a proxy or a login page. */
export function strangeAnswer(access: Known, what: string, came: string): UnreachableError {
  const { server } = access;
  return new UnreachableError({
    code: 'environment_unreachable',
    message: `${server} could not ${what}: ${came} came, which is no answer of a Kubernetes API`,
    hint: `${hintsOf(access).unreachable}; nothing was undone, and the same command goes on`,
  });
}

async function readStatus(response: Response): Promise<ApiStatus> {
  const text = await response.text().catch(() => '');
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    const [line = ''] = text.trim().split('\n');
    return line === '' ? {} : { message: line.slice(0, 300) };
  }
}

function hintFor(status: number, access: Known): string {
  if (status === 401) return hintsOf(access).unknown;
  if (status === 403)
    return 'ask who runs the cluster for that right; causeway doctor lists all that are needed';
  if (status === 409) return 'somebody else changed it meanwhile; run the same command again';
  return 'causeway doctor looks at what the cluster needs';
}

function hintsOf({ context, hints }: Known): AccessHints {
  return (
    hints ?? {
      unreachable: `see whether the cluster runs and this machine reaches it: kubectl --context ${context} version`,
      unknown: `they are wrong or expired: log in again, then kubectl --context ${context} get pods`,
      untrusted:
        'take the kubeconfig anew from whoever runs the cluster; where a certificate has expired, they renew it',
    }
  );
}

/** What Bun says of a certificate that it does not accept. */
const certificateFaults: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'no authority that the kubeconfig trusts has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'no authority that the kubeconfig trusts has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'no authority that the kubeconfig trusts has signed its certificate',
  CERT_SIGNATURE_FAILURE: 'the authority in the kubeconfig has not signed its certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'no authority that the kubeconfig trusts has signed its certificate',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; see whether the clock of this machine is right',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** A request that found no answer, as an error; one that is `UnreachableError` may be tried again. */
export function explainFailure(access: Known, cause: unknown): UserError {
  const { context, server, proxy } = access;
  if (cause instanceof UserError) return cause;
  const code = codeOf(cause);
  const fault = certificateFaults[code];
  if (fault !== undefined) {
    return new UserError({
      code: 'cluster_untrusted',
      message: `${server} is not who context ${context} expects: ${fault}`,
      hint: hintsOf(access).untrusted,
      cause,
    });
  }
  return new UnreachableError({
    code: 'environment_unreachable',
    message: `${server} does not answer${proxy === undefined ? '' : ` by way of the proxy ${proxyAddress(proxy)}`}: ${inWords(code, cause)}`,
    hint: hintsOf(access).unreachable,
    cause,
  });
}

const unsent: readonly string[] = [
  'ConnectionRefused',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPROTO',
  'ERR_PROXY_TUNNEL',
  'FailedToOpenSocket',
];

/** Whether the request never left this machine. */
export function isUnsent(cause: unknown): boolean {
  return unsent.includes(codeOf(cause));
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : '';
}

function inWords(code: string, cause: unknown): string {
  if (code === 'ConnectionRefused' || code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND' || code === 'FailedToOpenSocket') return 'its name or address leads nowhere';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'there is no way to its address';
  if (code === 'EPROTO') return 'what listens there does not speak TLS';
  if (code === 'ECONNRESET' || code === 'ConnectionClosed') return 'the connection was cut';
  if (cause instanceof Error && cause.name === 'TimeoutError') return 'no answer in time';
  return wordsOf(cause);
}

/** Where a private key may be handed over. */
export const signingVariable = 'CAUSEWAY_SIGNING_KEY';

/** What programs get that Causeway runs: all variables but the private key. */
export function childEnv(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const { [signingVariable]: _, ...rest } = env;
  return rest;
}

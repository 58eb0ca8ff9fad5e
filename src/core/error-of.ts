import { UserError } from './errors.ts';

/** For tests: the error of the user's that the work ends with; throws where it ends well, or with another. */
export async function errorOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UserError) return error;
  throw new Error(`no error of the user's, but ${error}`, { cause: error });
}

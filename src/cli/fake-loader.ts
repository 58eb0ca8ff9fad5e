import type { Loader } from './load-config.ts';

interface FakeLoaderOptions {
  readonly file?: string;
  readonly signal?: AbortSignal;
  readonly every?: Loader['io']['every'];
}

/** What loads a config off a terminal, and keeps what was said meanwhile. */
export function fakeLoader(
  cwd: string,
  { file, signal = new AbortController().signal, every = () => () => {} }: FakeLoaderOptions = {},
): Loader & { readonly said: readonly string[] } {
  const said: string[] = [];
  return {
    said,
    io: { cwd, signal, every, stderr: { write: (text) => void said.push(text) } },
    options: { config: file },
    err: { spell: (text) => text, isLive: false },
  };
}

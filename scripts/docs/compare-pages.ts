import type { Page } from './pages.ts';

/** The pages whose files are not what the source makes of them now. */
export async function findStale(pages: readonly Page[], root: string): Promise<readonly Page[]> {
  const checked = await Promise.all(
    pages.map(async (page) => ({ page, found: await readText(`${root}/${page.file}`) })),
  );
  return checked.filter(({ page, found }) => found !== page.make()).map(({ page }) => page);
}

async function readText(path: string): Promise<string | undefined> {
  const file = Bun.file(path);
  return (await file.exists()) ? file.text() : undefined;
}

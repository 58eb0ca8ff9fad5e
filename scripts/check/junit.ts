export interface Report {
  /** The test files that have a result, relative to where the runner was started, with their failures. */
  readonly files: ReadonlyMap<string, number>;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads what `bun test --reporter=junit` wrote; a runner that crashed wrote nothing. */
export async function readReport(path: string): Promise<Report> {
  const file = Bun.file(path);
  const text = (await file.exists()) ? await file.text() : '';
  const whole = /<testsuites\b[^>]*>/.exec(text)?.[0] ?? '';
  const failed = failures(whole);
  const skipped = count(whole, 'skipped');
  const files = new Map<string, number>();
  for (const [suite, name = ''] of text.matchAll(/<testsuite\b[^>]*\bfile="([^"]*)"[^>]*>/g)) {
    files.set(plain(name), (files.get(plain(name)) ?? 0) + failures(suite));
  }
  return { files, passed: count(whole, 'tests') - failed - skipped, failed, skipped };
}

function failures(tag: string): number {
  return count(tag, 'failures') + count(tag, 'errors');
}

function count(tag: string, attribute: string): number {
  return Number(new RegExp(`\\b${attribute}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function plain(text: string): string {
  return text.replaceAll(/&(\w+);/g, (found, name: string) => entities[name] ?? found);
}

import { parseArgs } from 'node:util';
import { findStale } from './docs/compare-pages.ts';
import { mendDocs, pages } from './docs/pages.ts';

const root = `${import.meta.dir}/..`;
const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;

const stale = await findStale(pages, root);
for (const { file, make } of stale) {
  if (!check) await Bun.write(`${root}/${file}`, make());
  console.log(`${check ? 'stale' : 'written'}  ${file}`);
}
if (check && stale.length > 0) {
  console.error(`error: ${stale.length} generated files differ from the source\n  hint: ${mendDocs}`);
  process.exitCode = 1;
}

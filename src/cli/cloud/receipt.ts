import type { CloudReceipt, CloudReceiptItem } from '../../core/cloud.ts';
import type { Receipt } from '../../core/environment.ts';
import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli, Result } from '../cli.ts';
import type { DownResult } from '../json.ts';
import { count } from '../terminal/count.ts';
import { printable } from '../terminal/printable.ts';
import { labelWidthFor, renderStep } from '../terminal/step-line.ts';
import type { Style } from '../terminal/style.ts';
import { dollars } from './show-price.ts';

/** What `down` would take away in an account of a cloud. */
export async function showInventory(cli: Cli, { name, environment }: Chosen): Promise<Result> {
  if (!environment.cloud) {
    throw new UserError({
      code: 'usage_wrong',
      message: `--dry-run shows what an environment has in an account of a cloud, and ${name} is in none`,
      hint: `causeway status ${name} shows what runs`,
    });
  }
  const receipt = await environment.cloud.inventory(cli.io.signal);
  const json: DownResult = {
    environment: name,
    items: receipt.items.map(({ category, name: item, isGone }) => ({ what: `${category} ${item}`, isGone })),
    kept: [],
    cloud: toCloudJson(receipt),
  };
  const lines = receipt.items.map((item) => `· ${printable(describe(item))}`);
  const end =
    receipt.items.length === 0
      ? 'nothing is there'
      : `${count(receipt.items.length, 'thing')}, ${dollars(receipt.perMonth)} a month, nothing was taken away`;
  return { json, lines: [...lines, renderStep({ label: name, text: end }, cli.out, labelWidthFor(name))] };
}

/** Item by item, what is left with its price and the command that removes it, and what it all comes to. */
export function showCloudReceipt(
  { environment: name, kept }: Receipt,
  { items, perMonth, asked }: CloudReceipt,
  style: Style,
  ms: number,
): readonly string[] {
  const left = items.filter(({ isGone }) => !isGone);
  const gone = items.length - left.length;
  const end = items.length === 0 ? 'nothing was there' : `${gone} of ${items.length} gone`;
  const width = labelWidthFor(name);
  return [
    ...[
      ...Map.groupBy(
        items.filter(({ isGone }) => isGone),
        ({ category }) => category,
      ),
    ].map(([category, all]) => `${style.good('✓')} ${printable(listed(category, all))}: gone`),
    ...left.flatMap((item) => [
      `${style.bad('✗')} ${printable(describe(item))}: still there${item.because === undefined ? '' : `, ${printable(item.because)}`}`,
      ...(item.remove === undefined ? [] : [`    ${printable(item.remove)}`]),
    ]),
    ...kept.map((what) => `· kept: ${printable(what)}`),
    `· asked again for ${count(asked.length, 'kind')} of things, by tag, name and network`,
    renderStep({ label: 'costs', text: `${dollars(perMonth)} a month from now on` }, style, width),
    renderStep({ label: name, text: end, ms }, style, width),
  ];
}

/** JSON takes lists that can be written to. */
export function toCloudJson(receipt: CloudReceipt): NonNullable<DownResult['cloud']> {
  return structuredClone(receipt) as NonNullable<DownResult['cloud']>;
}

function listed(category: string, all: readonly CloudReceiptItem[]): string {
  const names = all.map(({ name }) => name);
  return all.length > 3 ? `${all.length} × ${category}` : `${category} ${names.join(', ')}`;
}

function describe({ category, name, perMonth }: CloudReceiptItem): string {
  return `${category} ${name}${perMonth === undefined ? '' : `, ${dollars(perMonth)} a month`}`;
}

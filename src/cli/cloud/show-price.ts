import type { CloudOutlook, CloudPlan, ResourceChange } from '../../core/cloud.ts';
import { showMs } from '../../core/duration.ts';
import type { PlanResult } from '../json.ts';
import { count } from '../terminal/count.ts';
import { renderBelow, renderWrapped } from '../terminal/step-line.ts';
import type { Style } from '../terminal/style.ts';

export interface Dressing {
  readonly style: Style;
  readonly width: number;
  /** Of the terminal, where it is one. */
  readonly columns: number;
  readonly now: number;
}

/** What a cloud would make and change, and what it comes to, for people. */
export function showCloudPlan(plan: CloudPlan, { style, width, columns, now }: Dressing): readonly string[] {
  return [...changeLines(plan), ...priceLines(plan, now)].flatMap(({ label, text }) => {
    const room = { width, columns };
    return label === undefined ? renderBelow(text, style, room) : renderWrapped({ label, text }, style, room);
  });
}

/** Without a label it stands below the line before it. */
interface Line {
  readonly label?: string;
  readonly text: string;
}

/** Resources by stack; of many that are made, their number and what they are. */
function changeLines({ changes }: CloudPlan): readonly Line[] {
  const byStack = Map.groupBy(changes, ({ stack }) => stack);
  return [...byStack].flatMap(([stack, own]) => {
    const made = own.filter(({ action }) => action === 'create');
    const opened = made.filter(({ isAccess }) => isAccess);
    const others = own.filter(({ action }) => action !== 'create');
    return [
      { label: 'stack', text: `${stack}: ${count(own.length, 'change')}` },
      ...(made.length > 0 ? [{ text: `create ${countTypes(made)}` }] : []),
      ...(opened.length > 0 ? [{ text: `of these say who may do what: ${countTypes(opened)}` }] : []),
      ...others.map((change) => ({ text: showChange(change) })),
    ];
  });
}

/** `3 IAM Role, EKS Cluster, 4 EC2 Subnet`. */
function countTypes(changes: readonly ResourceChange[]): string {
  const byType = Map.groupBy(changes, ({ type }) => type.replace(/^AWS::/, '').replaceAll('::', ' '));
  return [...byType].map(([type, all]) => (all.length === 1 ? type : `${all.length} ${type}`)).join(', ');
}

function showChange({ action, resource, type, fields, isAccess }: ResourceChange): string {
  const what = fields.length === 0 ? '' : `: ${fields.join(', ')}`;
  return `${action} ${resource} (${type})${what}${isAccess ? '  · who may do what' : ''}`;
}

function priceLines(plan: CloudPlan, now: number): readonly Line[] {
  const { price, outlook, budget, expiresAt } = plan;
  const line = (label: string, text: string) => ({ label, text });
  const below = (text: string) => ({ text });
  const of =
    price.pricesOf === price.region ? '' : ` of ${price.pricesOf}, as the table lacks ${price.region}`;
  return [
    line(
      'price',
      `${cents(price.perHour)} an hour, ${dollars(price.perDay)} a day, ${dollars(price.perMonth)} a month; prices${of} of ${price.collectedIn}`,
    ),
    ...price.fixed.map(({ item, count: number, perHour }) =>
      below(`${cents(perHour)}  ${number === 1 ? '' : `${number} × `}${item}`),
    ),
    below(`free: ${price.free.join(', ')}`),
    below(
      `by use: ${price.usage.map(({ item, price: each, unit }) => `${item} $${each}/${unit}`).join(', ')}`,
    ),
    line('lives', showOutlook(outlook, expiresAt, now)),
    line('budget', budget),
  ];
}

/** `8 h, then deletes itself: $1.93 in all, $2.71 at most`. */
function showOutlook(outlook: CloudOutlook, expiresAt: number | undefined, now: number): string {
  const over = outlook.exceedsBudget ? ', more than the budget' : '';
  if (outlook.kind === 'stays')
    return `until down, for it is protected: ${dollars(outlook.perMonth)} a month, ${dollars(outlook.atWorst)} with as many nodes as it may need${over}; the budget lasts ${count(outlook.budgetDays, 'day')}`;
  const left = expiresAt === undefined ? `${outlook.hours} h` : showMs(expiresAt - now);
  return `${left}, then deletes itself: ${dollars(outlook.inAll)} in all, ${dollars(outlook.atWorst)} at most${over}`;
}

/** A copy of its own, which JSON may be made of. */
export function toCloudPlanJson(plan: CloudPlan): NonNullable<PlanResult['cloud']> {
  return structuredClone(plan) as NonNullable<PlanResult['cloud']>;
}

export function dollars(amount: number): string {
  return `$${amount.toFixed(2)}`;
}

/** Of an hour: `$0.217`. */
function cents(amount: number): string {
  return `$${amount.toFixed(3)}`;
}

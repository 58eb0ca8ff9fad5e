import { expect, test } from 'bun:test';
import { Glob } from 'bun';
import { knownRegions, type Price, priceOf } from './price.ts';
import { priceSources, regions } from './table.ts';

const standard = { region: 'us-east-1', network: 'public', nodes: 1 } as const;

test('the default environment costs a quarter of a dollar an hour at most', () => {
  const { perHour, perDay, perMonth } = priceOf(standard);

  expect(perHour).toBeLessThanOrEqual(0.25);
  expect([perHour, perDay, perMonth].map(toCents)).toEqual(['0.23', '5.57', '169.34']);
});

test('the default environment is these lines', () => {
  expect(tableOf(priceOf(standard))).toMatchInlineSnapshot(`
    "
    EKS control plane          1 $0.1000/h
    node, c6a.large or alike   1 $0.0765/h
    EKS Auto Mode, of a node   1 $0.0092/h
    disk of a node, 80 GB      1 $0.0088/h
    load balancer              1 $0.0225/h
    public IPv4 address        3 $0.0150/h
    in all                       $0.2320/h
    load balancer capacity       $0.0080/LCU-hour
    traffic to the internet      $0.0900/GB
    control-plane logs           $0.5000/GB
    images                       $0.1000/GB-month
    "
  `);
});

test('a private network is a NAT gateway more, and its nodes have no address of their own', () => {
  expect(tableOf(priceOf({ ...standard, network: 'private', nodes: 3 }))).toMatchInlineSnapshot(`
    "
    EKS control plane          1 $0.1000/h
    node, c6a.large or alike   3 $0.2295/h
    EKS Auto Mode, of a node   3 $0.0276/h
    disk of a node, 80 GB      3 $0.0263/h
    load balancer              1 $0.0225/h
    NAT gateway                1 $0.0450/h
    public IPv4 address        3 $0.0150/h
    in all                       $0.4659/h
    load balancer capacity       $0.0080/LCU-hour
    traffic to the internet      $0.0900/GB
    traffic through NAT          $0.0450/GB
    control-plane logs           $0.5000/GB
    images                       $0.1000/GB-month
    "
  `);
});

test('each node that is added costs what a node costs, with its fee, its disk and its address', () => {
  const more = priceOf({ ...standard, nodes: 2 }).perHour - priceOf(standard).perHour;

  expect(more).toBeCloseTo(0.0765 + 0.0092 + (80 * 0.08) / 730 + 0.005, 10);
});

test('what costs nothing is said, and what depends on use is not in the sum', () => {
  const { free, usage, fixed, perHour } = priceOf(standard);

  expect(free).toContain('time to live and budget');
  expect(usage.length).toBeGreaterThan(0);
  expect(fixed.reduce((sum, line) => sum + line.perHour, 0)).toBe(perHour);
});

test('a region that the table lacks is priced as us-east-1 is, and says so', () => {
  const { region, pricesOf, perHour } = priceOf({ ...standard, region: 'eu-central-1' });

  expect(knownRegions).toEqual(['us-east-1', 'us-east-2']);
  expect({ region, pricesOf, perHour }).toEqual({
    region: 'eu-central-1',
    pricesOf: 'us-east-1',
    perHour: priceOf(standard).perHour,
  });
  expect(priceOf({ ...standard, region: 'toString' }).pricesOf).toBe('us-east-1');
});

test('every figure is above nothing, dated, and has a page of AWS where it stands', () => {
  for (const prices of Object.values(regions)) {
    for (const price of Object.values(prices)) expect(price).toBeGreaterThan(0);
    expect(Object.keys(priceSources)).toEqual(Object.keys(prices));
  }
  for (const source of Object.values(priceSources)) expect(source).toStartWith('https://aws.amazon.com/');
  expect(priceOf(standard).collectedIn).toMatch(/^20[0-9]{2}-[01][0-9]$/);
});

test('prices load without anything of CDK', async () => {
  const transpiler = new Bun.Transpiler({ loader: 'ts' });
  const files = await Array.fromAsync(new Glob('*.ts').scan(import.meta.dir));
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  const texts = await Promise.all(sources.map((file) => Bun.file(`${import.meta.dir}/${file}`).text()));
  const imports = texts.flatMap((text) => transpiler.scanImports(text).map(({ path }) => path));

  expect(sources.length).toBeGreaterThan(1);
  expect(imports.filter((path) => !/^\.\/[a-z-]+\.ts$/.test(path))).toEqual([]);
});

function tableOf({ fixed, usage, perHour }: Price): string {
  const cell = (usd: number) => `$${usd.toFixed(4)}`;
  return [
    '',
    ...fixed.map((line) => `${line.item.padEnd(26)} ${line.count} ${cell(line.perHour)}/h`),
    `${'in all'.padEnd(28)} ${cell(perHour)}/h`,
    ...usage.map((line) => `${line.item.padEnd(28)} ${cell(line.price)}/${line.unit}`),
    '',
  ].join('\n');
}

function toCents(usd: number): string {
  return usd.toFixed(2);
}

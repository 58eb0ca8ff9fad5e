import { expect, test } from 'bun:test';
import { bars } from './bars.ts';

const svg = bars({
  title: 'Requests <a second> & more',
  bars: [
    { label: 'ours', value: 50, isOurs: true },
    { label: 'theirs', value: 100 },
    { label: '"none"', value: 0 },
  ],
  show: (value) => `${value}/s`,
});

test('bars are as long as their values, from zero on', () => {
  const lengths = [...svg.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, length]) => Number(length));

  expect(lengths).toEqual([185, 370, 0]);
});

test('each bar is told by its label and its value, and ours stands out', () => {
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

  expect(texts).toEqual([
    'Requests &lt;a second&gt; &amp; more',
    'ours',
    '50/s',
    'theirs',
    '100/s',
    '&quot;none&quot;',
    '0/s',
  ]);
  expect(svg.match(/<rect class="ours"/g)).toHaveLength(1);
});

test('no bar is drawn outside of the image', () => {
  const [, width, height] = /width="(\d+)" height="(\d+)" role/.exec(svg) ?? [];
  const corners = [
    ...svg.matchAll(/<rect[^>]* x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
  ].map(([, x, y, wide, tall]) => ({ right: Number(x) + Number(wide), bottom: Number(y) + Number(tall) }));

  expect(corners).toHaveLength(3);
  expect(Math.max(...corners.map(({ right }) => right))).toBeLessThan(Number(width));
  expect(Math.max(...corners.map(({ bottom }) => bottom))).toBeLessThan(Number(height));
});

test('values of nothing at all are bars of no length', () => {
  expect(bars({ title: '', bars: [{ label: 'a', value: 0 }], show: String })).toContain('width="0.0"');
});

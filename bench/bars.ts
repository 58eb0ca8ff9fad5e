export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Drawn so that it stands out. */
  readonly isOurs?: boolean;
}

export interface BarsOptions {
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly show: (value: number) => string;
}

// In the width at which a page of documentation shows an image, so that its text has the size of the page's.
const width = 800;
const labelWidth = 340;
const valueWidth = 90;
const rowHeight = 30;
const barHeight = 18;
const top = 44;

/** A bar for each value, from zero on, as an SVG that can be read on a light and on a dark page. */
export function bars({ title, bars: all, show }: BarsOptions): string {
  const most = Math.max(...all.map(({ value }) => value), Number.MIN_VALUE);
  const height = top + all.length * rowHeight + 6;
  const rows = all.map(({ label, value, isOurs }, index) => {
    const middle = top + index * rowHeight + rowHeight / 2;
    const length = (value / most) * (width - labelWidth - valueWidth);
    const kind = isOurs ? ' class="ours"' : '';
    return [
      `<text${kind} x="${labelWidth - 10}" y="${middle + 5}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect${kind} x="${labelWidth}" y="${middle - barHeight / 2}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `<text${kind} x="${(labelWidth + length + 8).toFixed(1)}" y="${middle + 5}">${escapeXml(show(value))}</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<style>
text { font: 15px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
rect { fill: #9198a1; }
.title, text.ours { font-weight: 600; }
rect.ours { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  rect { fill: #656c76; }
  rect.ours { fill: #4493f8; }
}
</style>
<text class="title" x="10" y="20">${escapeXml(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

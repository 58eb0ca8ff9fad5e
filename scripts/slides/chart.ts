interface Bar {
  readonly label: string;
  readonly ours: string;
  /** Undefined: it calls that release a success. */
  readonly helm?: string;
  /** What came of that. */
  readonly failed?: string;
}

const width = 700;
const left = 12;
const rowHeight = 92;
const top = 58;

/** How long until a bad release is taken back, beside what a careful team would use instead; drawn to scale. */
export function drawTakenBack(number: (name: string) => string): string {
  const bars: readonly Bar[] = [
    { label: 'Image missing', ours: number('image ours'), helm: number('image helm') },
    { label: 'Crash at start', ours: number('crash ours'), helm: number('crash helm') },
    { label: 'Out of memory', ours: number('memory ours'), helm: number('memory helm') },
    {
      label: 'Crash after it was ready',
      ours: number('late ours'),
      failed: `called a success: ${number('late failed helm')} requests failed`,
    },
    {
      label: 'Fails a share of requests',
      ours: number('share ours'),
      failed: `called a success: ${number('share failed helm')} requests failed`,
    },
  ];
  const most = Math.max(...bars.flatMap(({ ours, helm }) => [seconds(ours), helm ? seconds(helm) : 0]));
  const full = width - left - 96;
  const scale = (time: string) => Math.round((seconds(time) / most) * full);
  const rows = bars.map((bar, i) => drawBar(bar, top + i * rowHeight, { scale, full }));
  return [
    `<svg class="taken-back" viewBox="0 0 ${width} ${top + bars.length * rowHeight}" role="img" aria-label="Seconds until a bad release is taken back">`,
    `<text class="head" x="${left}" y="26">Bad release, until it is taken back</text>`,
    ...rows,
    '</svg>',
  ].join('');
}

function drawBar(
  { label, ours, helm, failed }: Bar,
  y: number,
  { scale, full }: { readonly scale: (time: string) => number; readonly full: number },
): string {
  const bar = (kind: string, at: number, length: number) =>
    `<rect class="${kind}" x="${left}" y="${at}" width="${length}" height="26" rx="4"/>`;
  const said = (kind: string, at: number, x: number, text: string) =>
    `<text class="${kind}" x="${x}" y="${at + 21}">${text}</text>`;
  const theirs = helm
    ? bar('helm', y + 50, scale(helm)) + said('value', y + 50, left + scale(helm) + 10, helm)
    : bar('stays', y + 50, full) + said('bad', y + 50, left + 14, failed ?? '');
  return [
    `<text class="label" x="${left}" y="${y + 15}">${label}</text>`,
    bar('ours', y + 22, scale(ours)),
    said('value', y + 22, left + scale(ours) + 10, ours),
    theirs,
  ].join('');
}

function seconds(time: string): number {
  const [, amount = '', unit] = /^([\d.]+) (m?s)$/.exec(time) ?? [];
  return Number(amount) / (unit === 'ms' ? 1000 : 1);
}

import { callAs } from './call-as.ts';
import { renderStep, labelWidth as usualWidth } from './step-line.ts';
import type { Style } from './style.ts';

export interface NextOptions {
  readonly columns: number;
  readonly style: Style;
  /** How Causeway was called. */
  readonly command: string;
  /** Of the command that it stands below. */
  readonly labelWidth?: number | undefined;
}

/** What the user may do now, in as many lines as the columns need; below the result, on stderr. */
export function renderNext(
  steps: readonly string[],
  { columns, style, command, labelWidth = usualWidth }: NextOptions,
): readonly string[] {
  const lines = joinWithin(
    steps.map((step) => callAs(command, step)),
    columns - labelWidth,
  );
  return lines.map((text, index) =>
    renderStep({ label: index === 0 ? 'next' : '', text }, style, labelWidth),
  );
}

function joinWithin(parts: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = `${last} · ${part}`;
    if (last === undefined || joined.length > columns) lines.push(part);
    else lines[lines.length - 1] = joined;
  }
  return lines;
}

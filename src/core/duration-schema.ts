import { z } from 'zod';
import { toMs } from './duration.ts';

/** Timers count milliseconds in 31 bits; what is longer would be over at once. */
const longestMs = toMs('24d');

/** A duration as text; `toMs` makes milliseconds of it. */
export const durationSchema = z
  .templateLiteral([z.number(), z.enum(['ms', 's', 'm', 'h', 'd'])], {
    error: "is not a duration; write '500ms', '2s', '5m' or '8h'",
  })
  .refine((text) => toMs(text) >= 0, { error: 'is negative', abort: true })
  .refine((text) => toMs(text) <= longestMs, { error: 'is too long; 24d at most' })
  .meta({ title: 'duration' });

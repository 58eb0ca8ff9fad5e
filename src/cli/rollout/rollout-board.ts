import type { Emit } from '../../core/event.ts';
import type { Board } from '../terminal/board.ts';
import { type RolloutView, showRollout } from './show-rollout.ts';

/** Tells a rollout's events on the board, as they come. */
export function tellOn(board: Board, beside: number): Emit {
  let view: RolloutView = { beside };
  return (event) => {
    const told = showRollout(view, event);
    view = told.view;
    for (const { below = [], ...line } of told.ended) {
      board.end(line);
      for (const text of below) board.below(text);
    }
    if (view.now) board.show(view.now.label, view.now.text);
  };
}

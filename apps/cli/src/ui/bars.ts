/** Live progress bars, one per node of a pipeline, redrawn in place; notes scroll above them. For terminals only. */
import { constants } from 'node:os';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Output } from './output.ts';
import { type Group, groupLine } from './stages.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface LiveBars {
  show(groups: readonly Group[], now: number): void;
  /** The bars stay on the screen as they are. */
  stop(): void;
}

export function openBars(out: Output, options: { mediaSecondsOf(key: string): number | null }): LiveBars {
  const screen = new MultiBar({
    stream: process.stdout,
    format: (_options, _params, payload: { text: string }) => payload.text,
    hideCursor: true,
    // Text changes while the value does not: the ETA counts down.
    forceRedraw: true,
    fps: 5,
    emptyOnZero: true,
  });
  const bars = new Map<string, SingleBar>();
  out.divert((text) => screen.log(`${text}\u001b[K\n`));
  // A process that dies with the bars up must not leave the terminal without its cursor.
  const showCursor = () => process.stdout.write('\u001b[?25h\u001b[?7h');
  process.once('exit', showCursor);
  const leave = (signal: NodeJS.Signals) => {
    // Where somebody else listens (up, demo), the process does not end here.
    if (process.listenerCount(signal) > 1) return;
    out.divert(null);
    process.stdout.write('\n');
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, leave);
  return {
    show(groups, now) {
      const names = Math.max(...groups.map((group) => group.key.length));
      for (const group of groups) {
        const text = groupLine(group, {
          paint: out.paint,
          width: (out.width() ?? 80) - 1,
          names,
          now,
          mediaSeconds: options.mediaSecondsOf(group.key),
        });
        const known = bars.get(group.key);
        if (known) known.update(group.fraction, { text });
        else bars.set(group.key, screen.create(1, group.fraction, { text }));
      }
    },
    stop() {
      screen.update();
      screen.stop();
      out.divert(null);
      process.off('exit', showCursor);
      for (const signal of SIGNALS) process.off(signal, leave);
      showCursor();
    },
  };
}

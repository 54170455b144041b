/** Colour where the stream shows it: `styleText` knows terminals, NO_COLOR and FORCE_COLOR. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** A painter for one stream. */
export function painter(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

const STATUS: Record<string, Style> = {
  completed: 'green',
  ok: 'green',
  active: 'green',
  running: 'cyan',
  draining: 'yellow',
  waiting: 'yellow',
  partial: 'yellow',
  warning: 'yellow',
  paused: 'yellow',
  failed: 'red',
  cancelled: 'magenta',
  blocked: 'dim',
  skipped: 'dim',
  offline: 'dim',
  disabled: 'dim',
};

/** A status in its colour. */
export function status(paint: Paint, word: string): string {
  const style = STATUS[word];
  return style ? paint(style, word) : word;
}

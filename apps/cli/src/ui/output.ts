/**
 * What a command says: data on stdout, everything else on stderr. While progress bars are on the screen, notes go
 * through them, so that neither tears the other.
 */
import type { WriteStream } from 'node:tty';
import { type Paint, painter } from './colour.ts';
import { type Column, table } from './table.ts';

export interface Output {
  /** A line of the command's result, on stdout. */
  line(text?: string): void;
  /** The result as JSON, on stdout. */
  json(value: unknown): void;
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void;
  /** A remark for the person who watches, on stderr. */
  note(text: string): void;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Columns of the terminal; undefined when stdout is none. */
  width(): number | undefined;
  readonly isTTY: boolean;
  /** Send notes somewhere else; null restores. */
  divert(sink: ((text: string) => void) | null): void;
}

export function openOutput(stdout: NodeJS.WriteStream = process.stdout, stderr = process.stderr): Output {
  const paint = painter(stdout);
  let sink: ((text: string) => void) | null = null;
  // Asked anew each time: below npm the resize signal does not reach us.
  const width = () => (stdout.isTTY ? ((stdout as WriteStream).getWindowSize()[0] ?? 80) : undefined);
  const line = (text = '') => {
    if (sink) sink(text);
    else stdout.write(`${text}\n`);
  };
  return {
    line,
    json(value) {
      stdout.write(`${JSON.stringify(value)}\n`);
    },
    table: (rows, columns) => line(table(rows, columns, paint, width())),
    note(text) {
      if (sink) sink(text);
      else stderr.write(`${text}\n`);
    },
    paint,
    width,
    isTTY: stdout.isTTY === true,
    divert(next) {
      sink = next;
    },
  };
}

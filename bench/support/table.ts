/** Tables as aligned text: names to the left, numbers to the right, one space of air. */
import type { Cell, Table } from '../benchmark.ts';

/** The table as lines. */
export function formatTable({ title, columns, rows }: Table): string {
  const texts = [columns.map(String), ...rows.map((row) => columns.map((_column, at) => textOf(row[at] ?? null)))];
  const widths = columns.map((_column, at) => Math.max(...texts.map((row) => (row[at] as string).length)));
  const numeric = columns.map((_column, at) => rows.some((row) => typeof row[at] === 'number'));
  const lines = texts.map((row) =>
    row
      .map((text, at) => (numeric[at] ? text.padStart(widths[at] as number) : text.padEnd(widths[at] as number)))
      .join('  ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [title, lines[0], rule, ...lines.slice(1)].join('\n');
}

/** Three digits that count, thousands set apart. */
export function textOf(cell: Cell): string {
  if (cell === null) return '-';
  if (typeof cell === 'string') return cell;
  const digits = Number.isInteger(cell) || Math.abs(cell) >= 100 ? 0 : Math.abs(cell) >= 10 ? 1 : 2;
  return cell.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

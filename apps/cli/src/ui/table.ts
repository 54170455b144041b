/** Aligned columns that fit the terminal: what is too wide is cut in the columns that may be cut, widest first. */
import Table from 'cli-table3';
import type { Paint } from './colour.ts';
import { cut, plain } from './format.ts';

export interface Column<Row> {
  title: string;
  value(row: Row): string;
  align?: 'right';
  /** May be cut to make the table fit; never below its title. */
  flexible?: true;
  /** Applied after the text has got its final length. */
  paint?(text: string, row: Row): string;
}

const GAP = 2;
const NO_BORDERS = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
);

/** The table as text without a final line end. `width`: columns of the terminal; undefined: as wide as it needs. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  paint: Paint,
  width?: number,
): string {
  const cells = rows.map((row) => columns.map((column) => plain(column.value(row))));
  const widths = fit(
    columns.map((column, i) => naturalWidth(column.title, cells, i)),
    columns,
    width,
  );
  const grid = new Table({
    chars: { ...NO_BORDERS, middle: ' '.repeat(GAP) },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colWidths: widths,
    colAligns: columns.map((column) => column.align ?? 'left'),
  });
  grid.push(columns.map((column) => paint('dim', column.title)));
  rows.forEach((row, r) => {
    grid.push(
      columns.map((column, c) => {
        const text = cut(cells[r]?.[c] ?? '', widths[c] ?? 0);
        return column.paint ? column.paint(text, row) : text;
      }),
    );
  });
  // Trailing blanks would wrap in a narrow terminal and get into pipes.
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function naturalWidth(title: string, cells: readonly string[][], column: number): number {
  return Math.max([...title].length, ...cells.map((row) => [...(row[column] ?? '')].length));
}

/** Widths whose sum, with gaps, is at most `width` as far as the flexible columns allow. Exported for its test. */
export function fit(
  natural: readonly number[],
  columns: readonly { title: string; flexible?: true }[],
  width: number | undefined,
): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  let over = widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1) - width;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, i) => {
      const here = widths[i] ?? 0;
      if (column.flexible && here > Math.max(column.title.length, 4) && here > (widths[widest] ?? 0)) widest = i;
    });
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over -= 1;
  }
  return widths;
}

/**
 * Puts the tables of bench/results/scale.json into docs/scale.md, each between its marks; the prose around them is written by
 * hand and names no figure that is not in them.
 *
 *   node bench/scale-document.ts [--from FILE]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Cell, Table } from './benchmark.ts';
import { textOf } from './support/table.ts';

interface Result {
  readonly machine: {
    at: string;
    cores: number;
    processor: string;
    node: string;
    postgres: string;
    redis: string | null;
  };
  readonly tables: readonly Table[];
}

const { values } = parseArgs({
  options: { from: { type: 'string', default: new URL('results/scale.json', import.meta.url).pathname } },
});
const document = new URL('../docs/scale.md', import.meta.url);

const row = (cells: readonly (Cell | undefined)[]) => `| ${cells.map((cell) => textOf(cell ?? null)).join(' | ')} |`;

function markdown({ columns, rows }: Table): string {
  const lines = rows.map((cells) => row(columns.map((_column, at) => cells[at])));
  return [row(columns), `|${columns.map(() => '---').join('|')}|`, ...lines].join('\n');
}

const { machine, tables }: Result = JSON.parse(await readFile(values.from, 'utf8'));
const origin = `${machine.cores} cores (${machine.processor}), Node ${machine.node}, Postgres ${machine.postgres}, Redis ${machine.redis ?? 'none'}, ${machine.at.slice(0, 10)}`;
const names = ['passes', 'constants', 'idle', 'model', 'limits'];
let text = await readFile(document, 'utf8');
for (const [at, name] of names.entries()) {
  const table = tables[at];
  const marks = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!table || !marks.test(text)) throw new Error(`no table, or no place in docs/scale.md, for "${name}"`);
  text = text.replace(marks, (_whole, open: string, close: string) => `${open}${markdown(table)}\n${close}`);
}
text = text.replace(
  /(<!-- origin -->\n)[\s\S]*?(<!-- \/origin -->)/,
  (_whole, open: string, close: string) => `${open}${origin}\n${close}`,
);
await writeFile(document, text);

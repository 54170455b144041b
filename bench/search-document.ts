/**
 * Puts the tables and plans of bench/results/search.json into docs/search.md, each between its marks; the prose around them is
 * written by hand.
 *
 *   node bench/search-document.ts [--from FILE]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Cell, Table } from './benchmark.ts';
import { textOf } from './support/table.ts';

interface Result {
  readonly machine: { at: string; cores: number; processor: string; node: string; postgres: string };
  readonly tables: readonly Table[];
  readonly notes?: readonly string[];
  readonly facts: { plans: readonly { words: string; plans: readonly string[] }[] };
}

const { values } = parseArgs({
  options: { from: { type: 'string', default: new URL('results/search.json', import.meta.url).pathname } },
});
const document = new URL('../docs/search.md', import.meta.url);
const WIDEST = 150;

const row = (cells: readonly (Cell | undefined)[]) => `| ${cells.map((cell) => textOf(cell ?? null)).join(' | ')} |`;
const markdown = ({ columns, rows }: Table): string =>
  [
    row(columns),
    `|${columns.map(() => '---').join('|')}|`,
    ...rows.map((cells) => row(columns.map((_column, at) => cells[at]))),
  ].join('\n');
const cut = (line: string) => (line.length > WIDEST ? `${line.slice(0, WIDEST - 1)}…` : line);
const planText = ({ words, plans }: Result['facts']['plans'][number]) =>
  [`### \`${words}\``, '', ...plans.flatMap((plan) => ['```', ...plan.split('\n').map(cut), '```', ''])].join('\n');

const { machine, tables, notes = [], facts }: Result = JSON.parse(await readFile(values.from, 'utf8'));
const [times, sizes, ranking] = tables;
if (!times || !sizes || !ranking) throw new Error(`${values.from} lacks a table`);
const parts: Record<string, string> = {
  origin: [
    `${machine.cores} cores (${machine.processor}), Node ${machine.node}, Postgres ${machine.postgres}, ${machine.at.slice(0, 10)}`,
    ...notes,
  ].join('; '),
  times: markdown(times),
  sizes: markdown(sizes),
  ranking: markdown(ranking),
  plans: facts.plans.map(planText).join('\n'),
};
let text = await readFile(document, 'utf8');
for (const [name, part] of Object.entries(parts)) {
  const marks = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!marks.test(text)) throw new Error(`no place in docs/search.md for "${name}"`);
  text = text.replace(marks, (_whole, open: string, close: string) => `${open}${part}\n${close}`);
}
await writeFile(document, text);

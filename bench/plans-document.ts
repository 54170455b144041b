/** docs/ledger-plans.md as text: an overview of all calls, then each with the plans of its statements. */
import { type ExplainedStatement, type Read, readsOf } from './plans-explain.ts';
import type { MachineFacts } from './support/machine.ts';

export interface PlanSection {
  readonly name: string;
  readonly with: string;
  readonly see: string;
  readonly statements: readonly ExplainedStatement[];
}

/** Tables that grow with the backlog or with time: who reads one from end to end reads too much. */
const GROWING = new Set(['tasks', 'pipeline_runs', 'task_audit', 'task_dependencies', 'artifacts']);

/** The read of most rows in a whole call, over all executions of its statements. */
export function mostRead({
  statements,
}: Pick<PlanSection, 'statements'>): (Read & { sequential: boolean }) | undefined {
  return statements
    .flatMap(({ plan }) => readsOf(plan))
    .filter(({ table }) => GROWING.has(table))
    .map((read) => ({ ...read, sequential: /^(Parallel )?Seq Scan/.test(read.node) }))
    .toSorted((a, b) => Number(b.sequential) - Number(a.sequential) || b.rows - a.rows)[0];
}

const count = (n: number) => n.toLocaleString('en');

function overview(sections: readonly PlanSection[]): string {
  const rows = sections.map((section) => {
    const { statements } = section;
    const sum = (field: 'ms' | 'buffers' | 'times') => statements.reduce((total, one) => total + one[field], 0);
    const most = mostRead(section);
    const read = most
      ? `${count(Math.round(most.rows))} of \`${most.table}\` (${most.node})`
      : 'none of a growing table';
    return `| ${section.name} | ${section.with} | ${sum('times')} | ${count(sum('buffers'))} | ${read}${most?.sequential ? ' **from end to end**' : ''} |`;
  });
  return ['| call | with | statements | buffers | most rows one node read |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

const squeeze = (sql: string) =>
  sql
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Wide enough for what a node does; conditions that go on are cut. */
const WIDEST = 160;
const cut = (line: string) => (line.length > WIDEST ? `${line.slice(0, WIDEST - 1)}…` : line);

/** Expressions that plpgsql hands to the executor: one node, and nothing read. */
const readsNothing = ({ plan, buffers }: ExplainedStatement) => buffers === 0 && /^Result\b/.test(plan[0] ?? '');

/** `shown`: statements whose text stands in the document already. */
function statement({ sql, plan, times, ms, buffers }: ExplainedStatement, shown: Set<string>): string {
  const head = squeeze(sql);
  const short = head.length > 110 ? `${head.slice(0, 110)}…` : head;
  const often = times > 1 ? `${times} times, ` : '';
  const text = shown.has(sql) || head === short ? [] : ['```sql', sql.trim(), '```'];
  shown.add(sql);
  return [
    `<details><summary><code>${inHtml(short)}</code> · ${often}${ms.toFixed(2)} ms, ${count(buffers)} buffers</summary>`,
    '',
    ...text,
    '```',
    ...plan.map(cut),
    '```',
    '</details>',
    '',
  ].join('\n');
}

const inHtml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function planDocument(
  sections: readonly PlanSection[],
  from: { queued: number; machine: MachineFacts },
): string {
  const { machine } = from;
  const shown = new Set<string>();
  return `# The ledger's plans

Made by \`node bench/plans.ts\`; not written by hand. Every call of the ledger's functions with
${count(from.queued)} tasks queued, a quarter of them of a paused stage, on Postgres ${machine.postgres} (${machine.at.slice(0, 10)}). Each call was
made twice, and the second one is shown. Times are those of a statement with what it calls in turn (triggers, \`paused\`), so
they overlap; so do buffers. A plan is that of a statement's first execution within the call, without the planner's estimates;
\`rows\` and \`buffers\` are what was really read, \`loops\` how often. The text of a statement stands where it comes first;
expressions that read nothing are left out.

What to look for: \`loops\` equal to the size of the batch, and few rows in each; never a number that looks like the backlog.
The last column names the node that read most of a table that grows.

${overview(sections)}

${sections
  .map(({ name, with: given, see, statements }) => {
    const reading = statements.filter((one) => !readsNothing(one));
    return [`## ${name}`, '', `With ${given}. ${see}`, '', ...reading.map((one) => statement(one, shown))].join('\n');
  })
  .join('\n')}`;
}

/** `reelfleet ls`: the newest runs. */
import type { RunRow } from '@reelfleet/catalog';
import { runStatuses } from '@reelfleet/core';
import { oneOf, wholeNumber } from '../cli.ts';
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { ago, duration } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('ls')
    .description('list the newest runs')
    .option('--status <status>', `only runs in this status: ${runStatuses.join(', ')}`, oneOf(...runStatuses))
    .option('--limit <n>', 'how many', wholeNumber(1, 10_000), 20)
    .option('--before <run>', 'only runs older than this one, for paging')
    .option('--json', 'print a JSON array')
    .action(
      run(async (options: { status?: RunRow['status']; limit: number; before?: string; json?: boolean }) => {
        const { status: wanted, limit, before, json } = options;
        await cli.withFleet(async ({ operator }) => {
          const rows = await operator.runs({
            limit,
            ...(wanted === undefined ? {} : { status: wanted }),
            ...(before === undefined ? {} : { before }),
          });
          if (json) return cli.out.json(rows);
          if (rows.length === 0)
            return cli.out.note(wanted ? `no run is ${wanted}` : 'no runs yet: "reelfleet enqueue --help"');
          const now = Date.now();
          const { out } = cli;
          out.table(rows, [
            { title: 'RUN', value: (row) => row.identifier },
            { title: 'TEMPLATE', value: (row) => row.template },
            { title: 'TITLE', value: (row) => row.title ?? '', flexible: true },
            {
              title: 'STATUS',
              value: (row) => row.status,
              paint: (text, row) => text.replace(row.status, status(out.paint, row.status)),
            },
            {
              title: 'PHASE',
              value: (row) => (row.status === 'running' ? (row.phase ?? '') : (row.errorStage ?? '')),
              flexible: true,
            },
            { title: 'TASKS', value: (row) => `${row.tasksEnded}/${row.tasksTotal}`, align: 'right' },
            { title: '%', value: (row) => String(row.progressPercent), align: 'right' },
            { title: 'CREATED', value: (row) => ago(row.createdAt, now) },
            {
              title: 'TOOK',
              value: (row) => (row.durationSeconds === null ? '' : duration(row.durationSeconds)),
              align: 'right',
            },
          ]);
        });
      }),
    );
};

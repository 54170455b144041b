/** `reelfleet workers ls|disable|enable|drain`. */
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { ago, count } from '../ui/format.ts';

const CONTROLS = [
  ['disable', 'take a worker out: no new claims, running work goes on; survives its restart', 'takes no new work'],
  ['enable', 'put a disabled or draining worker back to work', 'works again'],
  ['drain', 'let a worker finish what it has, then end', 'finishes what it has and ends'],
] as const;

export const register: Register = (program, cli, run) => {
  const workers = program
    .command('workers')
    .description('the worker processes: what they do, and taking them in and out');
  workers
    .command('ls')
    .description('list workers')
    .option('--all', 'with those that are offline')
    .option('--json', 'print a JSON array')
    .action(
      run(async ({ all = false, json = false }: { all?: boolean; json?: boolean }) => {
        const { out } = cli;
        await cli.withFleet(async ({ operator }) => {
          const rows = await operator.workers();
          if (json) return out.json(rows);
          const shown = rows.filter((row) => all || row.status !== 'offline');
          const hidden = rows.length - shown.length;
          const now = Date.now();
          if (shown.length > 0)
            out.table(shown, [
              { title: 'WORKER', value: (row) => row.name },
              {
                title: 'STATUS',
                value: (row) => row.status,
                paint: (text, row) => text.replace(row.status, status(out.paint, row.status)),
              },
              { title: 'BEAT', value: (row) => ago(row.lastHeartbeat, now) },
              { title: 'SINCE', value: (row) => ago(row.registeredAt, now) },
              { title: 'STAGES', value: (row) => row.stages.join(' '), flexible: true },
              {
                title: 'WORKS ON',
                value: (row) => row.tasks.map((task) => `${task.key} ${task.progressPercent} %`).join(', '),
                flexible: true,
              },
            ]);
          else out.note('no worker is online: "reelfleet worker" starts one');
          if (hidden > 0) out.note(`${count(hidden, 'worker')} offline: --all lists them`);
        });
      }),
    );
  for (const [action, description, effect] of CONTROLS) {
    workers
      .command(action)
      .description(description)
      .argument('<name>', 'name or id of the worker')
      .option('--json', 'print JSON')
      .action(
        run(async (name: string, { json }: { json?: boolean }) => {
          await cli.withFleet(async ({ operator }) => {
            const changed = await operator.workerControl(name, action);
            if (json) cli.out.json({ changed });
            else cli.out.line(changed > 0 ? `${name} ${effect}` : `${name} needed no change`);
          });
        }),
      );
  }
};

/** `reelfleet up`: everything on this machine, until Ctrl-C. */
import type { Command } from 'commander';
import { wholeNumber } from '../cli.ts';
import type { Register } from '../program.ts';
import type { UpOptions } from '../up/session.ts';

export const register: Register = (program, cli, run) => {
  upOptions(
    program.command('up').description('start everything on this machine: Postgres, workers and server; Ctrl-C drains'),
  ).action(
    run(async (options: UpOptions) => {
      const { inSession } = await import('../up/session.ts');
      return inSession(cli, options, async ({ signal }) => {
        cli.out.line('ready');
        await new Promise<void>((resolve) => {
          // A timer keeps the process alive: children and Postgres are not waited for.
          const alive = setInterval(() => {}, 60_000);
          const end = () => {
            clearInterval(alive);
            resolve();
          };
          if (signal.aborted) end();
          else signal.addEventListener('abort', end, { once: true });
        });
        return 0;
      });
    }),
  );
};

export function upOptions(command: Command): Command {
  return command
    .option('--port <n>', 'port of the server (setting PORT); 0 takes a free one')
    .option('--workers <n>', 'worker processes; by default one per core, at least 2', wholeNumber(0, 256))
    .option('--data <dir>', 'the data folder (setting REELFLEET_DATA)');
}

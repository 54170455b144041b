/** `reelfleet migrate`: bring the database to the schema of this version; safe when several start at once. */
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('migrate')
    .description('apply migrations; safe when several start at once')
    .option('--json', 'print JSON')
    .action(
      run(async ({ json = false }: { json?: boolean }) => {
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const [{ migrate }, { migrateQueue }] = await Promise.all([
          import('@reelfleet/db'),
          import('@reelfleet/fleet'),
        ]);
        const result = await migrate(url, { migrateQueue, ...(json ? {} : { log: (line) => cli.out.line(line) }) });
        if (json) cli.out.json(result);
      }),
    );
};

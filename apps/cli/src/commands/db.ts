/** `reelfleet db status|backup|restore|psql|reset`: the database as a whole. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { UserError } from '@reelfleet/core';
import { findOnPath } from '@reelfleet/embedded';
import type { Register } from '../program.ts';
import { bytes, count, localTime } from '../ui/format.ts';
import { facts } from './show.ts';

export const register: Register = (program, cli, run) => {
  const { out } = cli;
  const db = program.command('db').description('the database: its state, backup and restore, a shell');

  db.command('status')
    .description('where it is, which version, what is in it')
    .option('--json', 'print JSON')
    .action(
      run(async ({ json }: { json?: boolean }) => {
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const { inspectDatabase } = await import('@reelfleet/db');
        const seen = await inspectDatabase(url);
        const current = seen.schema === seen.expected;
        if (json) out.json({ ...seen, current });
        else {
          facts(out, [
            ['database', seen.url],
            ['server', `Postgres ${seen.server}`],
            ['connections', `${seen.connections} of ${seen.maxConnections}`],
            ['size', bytes(seen.sizeBytes)],
            [
              'schema',
              seen.schema === null
                ? out.paint('yellow', 'none: "reelfleet migrate" makes it')
                : `${seen.schema}${current ? '' : out.paint('yellow', `, this Reelfleet needs ${seen.expected}: run "reelfleet migrate"`)}`,
            ],
            ['migrations', seen.migrations.join(', ')],
          ]);
          const filled = Object.entries(seen.rows).filter(([, rows]) => rows > 0);
          if (filled.length > 0) {
            out.line();
            out.table(filled, [
              { title: 'TABLE', value: ([name]) => name },
              { title: 'ROWS', value: ([, rows]) => String(rows), align: 'right' },
            ]);
          }
        }
        return current ? 0 : 1;
      }),
    );

  db.command('backup')
    .description('write everything the database knows into one file; the fleet may go on working')
    .argument('<file>', 'a file that does not exist yet')
    .option('--json', 'print JSON')
    .action(
      run(async (file: string, { json }: { json?: boolean }) => {
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const { backupDatabase } = await import('@reelfleet/db');
        const result = await backupDatabase(url, resolve(file));
        if (json) out.json({ file: resolve(file), ...result });
        else
          out.line(
            `${file}: ${count(result.rows, 'row')} of ${count(result.tables, 'table')}; the stored files are not in it`,
          );
      }),
    );

  db.command('restore')
    .description('put a backup into an empty, migrated database')
    .argument('<file>', 'what "reelfleet db backup" wrote')
    .option('--json', 'print JSON')
    .action(
      run(async (file: string, { json }: { json?: boolean }) => {
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const { restoreDatabase } = await import('@reelfleet/db');
        const result = await restoreDatabase(url, resolve(file));
        if (json) out.json({ file: resolve(file), ...result });
        else
          out.line(
            `${count(result.rows, 'row')} of ${count(result.tables, 'table')} restored, as of ${localTime(result.at)}; workers take the work up again`,
          );
      }),
    );

  db.command('psql')
    .description('open psql on the database; what follows -- goes to psql')
    .argument('[args...]')
    .action(
      run(async (args: string[]) => {
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const psql = findOnPath('psql', process.env);
        if (psql === undefined) {
          throw new UserError(
            'psql is not on the PATH: install it with "sudo apt-get install -y postgresql-client" (Debian, Ubuntu), "brew install libpq" (macOS) or "sudo dnf install -y postgresql" (Fedora)',
          );
        }
        return runProgram(psql, args, { ...process.env, ...libpqEnvironment(url) });
      }),
    );

  db.command('reset')
    .description('remove everything from the database and migrate it anew')
    .option('--yes', 'yes, everything')
    .action(
      run(async ({ yes = false }: { yes?: boolean }) => {
        if (!yes) {
          throw new UserError(
            '"reelfleet db reset" removes every run, video and audit entry: add --yes if you mean it',
            {
              exitCode: 2,
            },
          );
        }
        const { DATABASE_URL: url } = await cli.fleetSettings();
        const [{ migrate, resetDatabase }, { migrateQueue }] = await Promise.all([
          import('@reelfleet/db'),
          import('@reelfleet/fleet'),
        ]);
        await resetDatabase(url);
        await migrate(url, { migrateQueue });
        out.line('the database is empty and migrated; "reelfleet gc" removes the stored files once they are a day old');
      }),
    );
};

/** The URL as libpq's variables, so that no password stands in a process list. */
export function libpqEnvironment(url: string): Record<string, string> {
  const parsed = new URL(url);
  const found: Record<string, string> = {
    PGHOST: parsed.searchParams.get('host') ?? decodeURIComponent(parsed.hostname),
    PGPORT: parsed.port || '5432',
    PGUSER: decodeURIComponent(parsed.username),
    PGPASSWORD: decodeURIComponent(parsed.password),
    PGDATABASE: decodeURIComponent(parsed.pathname.slice(1)),
    PGSSLMODE: parsed.searchParams.get('sslmode') ?? '',
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== ''));
}

function runProgram(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Ctrl-C is for psql, which cancels its query with it.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    child.once('error', fail);
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      done(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/** `reelfleet channels|personas add|ls|edit|disable|enable`. */
import { UserError } from '@reelfleet/core';
import type { Register } from '../program.ts';
import { count, localTime } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  const { out } = cli;
  const yes = (active: boolean) => (active ? 'active' : 'disabled');

  const channels = program.command('channels').description('the channels that order albums');
  channels
    .command('ls')
    .description('list channels')
    .option('--json', 'print a JSON array')
    .action(
      run(async ({ json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const rows = await operator.channels.ls();
          if (json) return out.json(rows);
          if (rows.length === 0) return out.note('no channels yet: "reelfleet channels add NAME --niche TEXT"');
          out.table(rows, [
            { title: 'CHANNEL', value: (row) => row.name, flexible: true },
            { title: 'NICHE', value: (row) => row.brandNiche, flexible: true },
            { title: 'STATUS', value: (row) => yes(row.isActive) },
            { title: 'ALBUMS', value: (row) => `${row.completedJobs}/${row.totalJobs}`, align: 'right' },
            { title: 'CREATED', value: (row) => localTime(row.createdAt) },
            { title: 'ID', value: (row) => row.id },
          ]);
        });
      }),
    );
  channels
    .command('add')
    .description('add a channel')
    .argument('<name>')
    .requiredOption('--niche <text>', 'what it is about')
    .option('--json', 'print JSON')
    .action(
      run(async (name: string, { niche, json }: { niche: string; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.channels.add({ name, niche });
          if (json) out.json(row);
          else out.line(`channel ${row.name} added (${row.id})`);
        });
      }),
    );
  channels
    .command('edit')
    .description('change the name or the niche of a channel')
    .argument('<channel>', 'id or name')
    .option('--name <name>', 'its new name')
    .option('--niche <text>', 'its new niche')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json, ...change }: { name?: string; niche?: string; json?: boolean }) => {
        if (Object.keys(change).length === 0) throw nothingToChange('--name or --niche');
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.channels.edit(ref, change);
          if (json) out.json(row);
          else out.line(`channel ${row.name}: ${row.brandNiche}`);
        });
      }),
    );

  const personas = program.command('personas').description('the people whose names stand on albums');
  personas
    .command('ls')
    .description('list personas')
    .option('--json', 'print a JSON array')
    .action(
      run(async ({ json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const rows = await operator.personas.ls();
          if (json) return out.json(rows);
          if (rows.length === 0) return out.note('no personas yet: "reelfleet personas add NAME"');
          out.table(rows, [
            { title: 'PERSONA', value: (row) => row.name, flexible: true },
            { title: 'STATUS', value: (row) => yes(row.isActive) },
            { title: 'ID', value: (row) => row.id },
          ]);
          out.note(count(rows.length, 'persona'));
        });
      }),
    );
  personas
    .command('add')
    .description('add a persona')
    .argument('<name>')
    .option('--json', 'print JSON')
    .action(
      run(async (name: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.personas.add({ name });
          if (json) out.json(row);
          else out.line(`persona ${row.name} added (${row.id})`);
        });
      }),
    );
  personas
    .command('edit')
    .description('change the name of a persona')
    .argument('<persona>', 'id or name')
    .option('--name <name>', 'the new name')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { name, json }: { name?: string; json?: boolean }) => {
        if (name === undefined) throw nothingToChange('--name');
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.personas.edit(ref, { name });
          if (json) out.json(row);
          else out.line(`persona ${row.name}`);
        });
      }),
    );

  for (const [family, noun, kind] of [
    [channels, 'channel', 'channels'],
    [personas, 'persona', 'personas'],
  ] as const) {
    for (const active of [false, true]) {
      family
        .command(active ? 'enable' : 'disable')
        .description(
          active ? `let a ${noun} be ordered for again` : `refuse new orders for a ${noun}; what is there stays`,
        )
        .argument(`<${noun}>`, 'id or name')
        .option('--json', 'print JSON')
        .action(
          run(async (ref: string, { json }: { json?: boolean }) => {
            await cli.withFleet(async ({ operator }) => {
              const row = await operator[kind].setActive(ref, active);
              if (json) out.json(row);
              else out.line(`${noun} ${row.name} is ${yes(row.isActive)}`);
            });
          }),
        );
    }
  }
};

const nothingToChange = (options: string) => new UserError(`nothing to change: give ${options}`, { exitCode: 2 });

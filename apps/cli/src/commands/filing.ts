/** `reelfleet categories ls|add|edit|rm` and `reelfleet tags ls|rm`: what videos are filed under. */
import { UserError } from '@reelfleet/core';
import type { Register } from '../program.ts';
import { count } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  const { out } = cli;
  const categories = program.command('categories').description('what videos are filed under, one each');
  const tags = program.command('tags').description('the words that videos have; "videos edit --add-tags" makes them');

  for (const [family, kind, none] of [
    [categories, 'categories', 'no categories yet: "reelfleet categories add NAME"'],
    [tags, 'tags', 'no tags yet: "reelfleet videos edit VIDEO --add-tags a,b"'],
  ] as const) {
    family
      .command('ls')
      .description(`list ${kind}`)
      .option('--json', 'print a JSON array')
      .action(
        run(async ({ json }: { json?: boolean }) => {
          await cli.withFleet(async ({ operator }) => {
            const rows = await operator[kind].ls();
            if (json) return out.json(rows);
            if (rows.length === 0) return out.note(none);
            out.table<(typeof rows)[number]>(rows, [
              { title: 'SLUG', value: (row) => row.slug },
              { title: 'NAME', value: (row) => row.name, flexible: true },
              { title: 'VIDEOS', value: (row) => String(row.videos), align: 'right' },
              { title: 'ID', value: (row) => row.id },
            ]);
          });
        }),
      );
  }

  categories
    .command('add')
    .description('add a category; its slug is made of the name')
    .argument('<name>')
    .option('--description <text>', 'what belongs into it')
    .option('--json', 'print JSON')
    .action(
      run(async (name: string, { description, json }: { description?: string; json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.categories.add({ name, description });
          if (json) out.json(row);
          else out.line(`category ${row.slug} added (${row.id})`);
        });
      }),
    );
  categories
    .command('edit')
    .description('change the name or the description of a category')
    .argument('<category>', 'slug, name or id')
    .option('--name <name>', 'its new name, and with it its slug')
    .option('--description <text>', 'its new description')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json, ...change }: { name?: string; description?: string; json?: boolean }) => {
        if (Object.keys(change).length === 0)
          throw new UserError('nothing to change: give --name or --description', { exitCode: 2 });
        await cli.withFleet(async ({ operator }) => {
          const row = await operator.categories.edit(ref, change);
          if (json) out.json(row);
          else out.line(`category ${row.slug}: ${row.name}`);
        });
      }),
    );

  for (const [family, kind, noun, after] of [
    [categories, 'categories', 'category', 'in no category now'],
    [tags, 'tags', 'tag', 'without it now'],
  ] as const) {
    family
      .command('rm')
      .description(`remove a ${noun}; its videos stay`)
      .argument(`<${noun}>`, 'slug, name or id')
      .option('--json', 'print JSON')
      .action(
        run(async (ref: string, { json }: { json?: boolean }) => {
          await cli.withFleet(async ({ operator }) => {
            const row = await operator[kind].rm(ref);
            if (json) return out.json(row);
            out.line(`${noun} ${row.slug} removed${row.videos > 0 ? `; ${count(row.videos, 'video')} ${after}` : ''}`);
          });
        }),
      );
  }
};

/** `reelfleet config`: the effective settings and where each came from, secrets hidden. */
import { describeSettings, settingsTable } from '@reelfleet/config';
import { addressesOfUp } from '@reelfleet/worker';
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('config')
    .description('print the effective settings and where each came from, secrets hidden')
    .option('--json', 'print a JSON array')
    .action(
      run(async ({ json }: { json?: boolean }) => {
        const { out } = cli;
        const options = { stages: cli.stages };
        const found = addressesOfUp(cli.env, options);
        const described = describeSettings({ ...cli.env, ...found }, options);
        const lines = described.map((line) => (line.name in found ? { ...line, source: 'reelfleet up' } : line));
        if (json) return out.json(lines);
        const meanings = new Map<string, { meaning: string; default: string }>(
          settingsTable().map((line) => [line.name, line]),
        );
        const unset = (name: string) => `(${(meanings.get(name)?.default ?? 'unset').replaceAll('`', '')})`;
        out.table(lines, [
          { title: 'SETTING', value: (line) => line.name },
          {
            title: 'VALUE',
            value: (line) => line.value ?? unset(line.name),
            flexible: true,
            paint: (text, line) => (line.value === null ? out.paint('dim', text) : text),
          },
          {
            title: 'FROM',
            value: (line) => line.source,
            paint: (text, line) => out.paint(line.source === 'default' ? 'dim' : 'cyan', text),
          },
          {
            title: 'MEANING',
            value: (line) => (meanings.get(line.name)?.meaning ?? '').replaceAll('`', ''),
            flexible: true,
          },
        ]);
      }),
    );
};
